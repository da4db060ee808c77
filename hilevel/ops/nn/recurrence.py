"""Recurrent layers over a whole sequence as one op, with one backward pass.

A step gets `z`, its part of `inputs @ kernel + bias`, which is one product for all steps. It also gets `r = h @
recurrent_kernel + recurrent_bias` of the state before. Inputs with few features are concatenated with the state
instead, so that both are one product. The formulas of the cells are written once, as `Step`s. The loop over the
steps is in Python, or in a backend's override.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from hilevel.engine import dtypes, tensor
from hilevel.engine.op import op, rounded, to_array
from hilevel.engine.spec import TensorSpec, agree
from hilevel.engine.types import Array, Function, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.reset_before import reset_before

# -- activations --------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "tanh": (lambda xp, x: xp.tanh(x), lambda y: 1 - y * y),
    "sigmoid": (lambda xp, x: 0.5 * xp.tanh(0.5 * x) + 0.5, lambda y: y * (1 - y)),
    "relu": (lambda xp, x: xp.maximum(x, 0), lambda y: y > 0),
    "linear": (lambda xp, x: x, lambda y: 1.0),
}
"""The activations of a fused sequence, each with its derivative as a function of its value."""


def _with_derivative(activation: str | Function) -> tuple[Function, Function]:
    """Return the function and its derivative. In a forward pass alone, the activation may be any function of a
    tensor."""
    if isinstance(activation, str):
        return ACTIVATIONS[activation]
    return (lambda xp, x: activation(x)), ACTIVATIONS["linear"][1]


Gradients: TypeAlias = tuple[list[Tensor], list[Tensor] | None, tuple[Tensor | None, ...]]
"""The gradients of `z` and `r`, in parts along the last axis, and of the states before a step."""
Residuals: TypeAlias = tuple[Sequence[Array], Sequence[Array]]
"""The states before each step, and the residuals of the steps, all stacked along the first axis."""


class Step:
    """One step of a cell.

    `forward` computes the new states from `z`, `r` and the old states, and the residuals for `backward`. `backward`
    maps the gradients of the new states to the gradients of `z`, `r` and the old states.
    """

    gates = 1
    uses_sum = True
    """True if `forward` uses only the sum of `z` and `r`."""

    def __init__(self, activation: str | Function, recurrent_activation: str | Function = "sigmoid") -> None:
        self.activations = activation, recurrent_activation
        self.act, self.derivative = _with_derivative(activation)
        self.gate, self.gate_derivative = _with_derivative(recurrent_activation)

    def __reduce__(self) -> tuple[type[Step], tuple[str | Function, ...]]:
        return type(self), self.activations

    def forward(
        self, xp: Namespace, z: Tensor, r: Tensor, states: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return the new states, and a tuple of arrays as residuals."""
        h = self.act(xp, z + r)
        return (h,), (h,)

    def backward(
        self, xp: Namespace, saved: Sequence[Tensor], states: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> Gradients:
        """Return the gradients of `z` and `r`, in parts along the last axis, and of the old states.

        None for `r` is the same as `z`. None for a state is zero, apart from its gradient through `r`.
        """
        return [gradients[0] * self.derivative(saved[0])], None, (None,)


class LSTMStep(Step):
    """Long short-term memory, Hochreiter and Schmidhuber, 1997, with forget gates; gates in the order i, f, c, o."""

    gates = 4

    def forward(
        self, xp: Namespace, z: Tensor, r: Tensor, states: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Compute `c = f * c + i * g`, `h = o * act(c)`."""
        _, c = states
        a = z + r
        n = a.shape[-1] // 4
        i_f, g, o = (
            self.gate(xp, a[:, : 2 * n]),
            self.act(xp, a[:, 2 * n : 3 * n]),
            self.gate(xp, a[:, 3 * n :]),
        )
        c = i_f[:, n:] * c + i_f[:, :n] * g
        y = self.act(xp, c)
        return (o * y, c), (i_f, g, o, y)

    def backward(
        self, xp: Namespace, saved: Sequence[Tensor], states: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> Gradients:
        """Backpropagate through the output gate into the cell, and from there into the other gates."""
        i_f, g, o, y = saved
        dh, dc = gradients
        n = g.shape[-1]
        dc = dc + dh * o * self.derivative(y)
        derivatives = self.gate_derivative(i_f)
        parts = [
            dc * g * derivatives[:, :n],
            dc * states[1] * derivatives[:, n:],
            dc * i_f[:, :n] * self.derivative(g),
            dh * y * self.gate_derivative(o),
        ]
        return parts, None, (None, dc * i_f[:, n:])


class GRUStep(Step):
    """The gated recurrent unit, K. Cho et al., 2014, with the reset gate applied after the product; gates z, r, h."""

    gates = 3
    uses_sum = False

    def forward(
        self, xp: Namespace, z: Tensor, r: Tensor, states: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Compute `h = u * h + (1 - u) * act(z_h + reset * r_h)`."""
        (h,) = states
        n = h.shape[-1]
        gates = self.gate(xp, z[:, : 2 * n] + r[:, : 2 * n])
        update, reset, inner = gates[:, :n], gates[:, n:], r[:, 2 * n :]
        new = self.act(xp, z[:, 2 * n :] + reset * inner)
        return (new + update * (h - new),), (gates, inner, new)

    def backward(
        self, xp: Namespace, saved: Sequence[Tensor], states: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> Gradients:
        """Backpropagate through the candidate into the reset gate."""
        gates, inner, new = saved
        (h,), (dh,) = states, gradients
        n = h.shape[-1]
        update, reset, derivatives = gates[:, :n], gates[:, n:], self.gate_derivative(gates)
        d_new = dh * (1 - update) * self.derivative(new)
        d_update = dh * (h - new) * derivatives[:, :n]
        d_reset = d_new * inner * derivatives[:, n:]
        return [d_update, d_reset, d_new], [d_update, d_reset, d_new * reset], (dh * update,)


STEPS = {"simple": Step, "lstm": LSTMStep, "gru": GRUStep}


# -- the loop over the steps ----------------------------------------------------------------------------


def python_loop(
    xp: Namespace, body: Function, carry: Sequence[Array], xs: Sequence[Any], reverse: bool = False
) -> tuple[Sequence[Array], tuple[Array, ...]]:
    """Compute `carry, y = body(carry, x)` for each step. Return the last carry, and the tuples `y` stacked along the
    first axis."""
    steps = range(len(xs[0]))
    outputs = []
    for t in reversed(steps) if reverse else steps:
        carry, y = body(carry, tuple(None if x is None else x[t] for x in xs))
        outputs.append(y)
    if reverse:
        outputs.reverse()
    return carry, tuple(xp.stack(column) for column in zip(*outputs, strict=True))


def time_major(xp: Namespace, x: Array) -> Array:
    """Swap the axes of batch and steps."""
    return xp.swapaxes(x, 0, 1)


def _rows(xp: Namespace, x: Array) -> Array:
    return xp.reshape(x, (-1, x.shape[-1]))


def _ones(xp: Namespace, steps: Array, bias: Array) -> list[Array]:
    """Return a feature of ones for the bias, if there is a bias."""
    return [] if bias is None else [xp.ones((*steps.shape[:2], 1), dtype=steps.dtype)]


def run_forward(
    xp: Namespace, loop: Function, step: Step, x: Array, kernel: Array, recurrent_kernel: Array,
    bias: Array, recurrent_bias: Array, h: Array, c: Array, mask: Array, keep: Array,
    *, return_sequences: bool,
) -> tuple[Any, Any]:  # fmt: skip
    """Return the outputs (if `return_sequences`) and last states, and the residuals for `run_backward`.

    The residuals are the states before each step, and the residuals of the steps.
    """
    steps = time_major(xp, x)
    concatenated = step.uses_sum and 2 * x.shape[-1] < h.shape[-1]
    if concatenated:
        inputs = xp.concatenate([steps, *_ones(xp, steps, bias)], axis=-1)
        weights = xp.concatenate([recurrent_kernel, kernel, *([] if bias is None else [bias[None]])])
    else:
        inputs, weights = xp.matmul(_rows(xp, steps), kernel), recurrent_kernel
        inputs = xp.reshape(inputs if bias is None else inputs + bias, (*steps.shape[:2], kernel.shape[-1]))
    masks = None if mask is None else time_major(xp, mask)[:, :, None]

    def body(states: Sequence[Array], step_inputs: Sequence[Any]) -> Any:
        z, valid = step_inputs
        hidden = states[0] if keep is None else states[0] * keep
        if concatenated:
            hidden, z = xp.concatenate([hidden, z], axis=-1), 0
        r = xp.matmul(hidden, weights)
        new, saved = step.forward(xp, z, r if recurrent_bias is None else r + recurrent_bias, states)
        if valid is not None:
            new = tuple(xp.where(valid, a, b) for a, b in zip(new, states, strict=True))
        return new, (new[0], *states, *saved)

    start = (h,) if c is None else (h, c)
    last, (y, *saved) = loop(xp, body, start, (inputs, masks))
    n = len(start)
    outputs = (time_major(xp, y), *last) if return_sequences else tuple(last)
    return outputs, (saved[:n], saved[n:])


def run_backward(
    xp: Namespace, loop: Function, step: Step, g: Sequence[Array], residuals: Residuals, x: Array,
    kernel: Array, recurrent_kernel: Array, bias: Array, recurrent_bias: Array, h: Array, c: Array,
    mask: Array, keep: Array, *, return_sequences: bool,
) -> Any:  # fmt: skip
    """Return the gradients of all tensors: of the states step by step, of the weights by products over all steps."""
    states, saved = residuals
    n = len(states)
    masks = None if mask is None else time_major(xp, mask)[:, :, None]
    transposed = xp.transpose(recurrent_kernel)
    sequences, *of_states = g if return_sequences else (None, *g)

    def body(gradients: Sequence[Array], inputs: Sequence[Any]) -> Any:
        *rest, gy, valid = inputs
        if gy is not None:
            gradients = (gradients[0] + gy, *gradients[1:])
        skipped = [None] * n
        if valid is not None:
            skipped = [xp.where(valid, 0 * d, d) for d in gradients]
            gradients = [xp.where(valid, d, 0 * d) for d in gradients]
        dz, dr, old = step.backward(xp, rest[n:], rest[:n], gradients)
        dz = xp.concatenate(dz, axis=-1)
        dr = dz if dr is None else xp.concatenate(dr, axis=-1)
        dh = xp.matmul(dr, transposed)
        parts = [dh if keep is None else dh * keep, *[None] * (n - 1)]
        new = tuple(_sum(a, b, p) for a, b, p in zip(parts, old, skipped, strict=True))
        return new, (dz, dr)

    gy = None if sequences is None else time_major(xp, sequences)
    first, (dz, dr) = loop(xp, body, tuple(of_states), (*states, *saved, gy, masks), reverse=True)
    dz_rows, dr_rows = _rows(xp, dz), _rows(xp, dr)

    @cache
    def of_weights() -> Any:
        """Return the gradients of the recurrent weights, the weights and the bias, by one product if `r` has the
        gradient of `z`."""
        before, steps = states[0] if keep is None else states[0] * keep, time_major(xp, x)
        factors = [before, steps, *_ones(xp, steps, bias)]
        if not step.uses_sum:
            by = dr_rows, dz_rows, dz_rows
            return [xp.matmul(xp.transpose(_rows(xp, s)), d) for s, d in zip(factors, by, strict=False)]
        whole = xp.matmul(xp.transpose(_rows(xp, xp.concatenate(factors, axis=-1))), dz_rows)
        n, m = before.shape[-1], before.shape[-1] + x.shape[-1]
        return whole[:n], whole[n:m], whole[m:]

    return (
        lambda: time_major(xp, xp.reshape(xp.matmul(dz_rows, xp.transpose(kernel)), (*dz.shape[:2], x.shape[-1]))),
        lambda: of_weights()[1],
        lambda: of_weights()[0],
        None if bias is None else lambda: of_weights()[2][0],
        None if recurrent_bias is None else lambda: xp.sum(dr_rows, axis=0),
        *first,
        *[None] * (2 - n),
        None,
        None if keep is None else lambda: xp.sum(xp.matmul(dr, transposed) * states[0], axis=0),
    )  # fmt: skip


def _sum(*parts: Any) -> Array | None:
    total = None
    for part in parts:
        if part is not None:
            total = part if total is None else total + part
    return total


@rounded
def one_step(z: Tensor, r: Tensor, *states: Tensor, step: Step) -> tuple[Tensor, ...]:
    """Return the states after a step, from `z` and `r`, the contributions of the inputs and of the state before."""
    return step.forward(tensor.ops, z, r, states)[0]


# -- the op ---------------------------------------------------------------------------------------------


@rounded
def recurrent(
    x: TensorLike,
    kernel: TensorLike,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None,
    recurrent_bias: TensorLike | None,
    h: TensorLike,
    c: TensorLike | None = None,
    mask: TensorLike | None = None,
    keep: TensorLike | None = None,
    cell: str = "lstm",
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    unroll: bool = False,
    return_sequences: bool = True,
    reset_after: bool = True,
) -> Any:
    """Run a recurrent layer over a sequence. Return the outputs of all steps, and the last states.

    Args:
        x: the sequence, of shape `(batch, steps, features)`.
        kernel, recurrent_kernel: weights of shapes `(features, gates * units)` and `(units, gates * units)`.
        bias, recurrent_bias: of shape `(gates * units,)`, or None.
        h, c: the first states, of shape `(batch, units)`; only an LSTM has a `c`.
        mask: booleans of shape `(batch, steps)`. Where it is False, the states do not change.
        keep: the factors of the state before each product, of shape `(batch, units)`, for recurrent dropout.
        cell: `"simple"`, `"lstm"` (gates i, f, c, o), or `"gru"` (gates z, r, h).
        activation, recurrent_activation: `"tanh"`, `"sigmoid"`, `"relu"` or `"linear"`.
        unroll: whether a compiling backend compiles the steps one by one.
        return_sequences: whether the outputs are returned; the last output is the last state `h`.
        reset_after: whether the reset of `"gru"` applies after the product, or before, without `recurrent_bias`.

    >>> x, one, h = np.ones((1, 3, 1)), np.ones((1, 1)), np.zeros((1, 1))
    >>> y, last = ops.recurrent(x, one, one, None, None, h, cell="simple", activation="linear")
    >>> y[0, :, 0], last
    (array([1., 2., 3.]), array([[3.]]))
    """
    floats = [x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, keep]
    *floats, keep = dtypes.to_float(tuple(None if a is None else to_array(a) for a in floats))
    function: Any = recurrent_op if reset_after else reset_before
    return function(
        *floats, mask, keep, cell=cell, activation=activation, recurrent_activation=recurrent_activation,
        unroll=unroll, return_sequences=return_sequences,
    )  # fmt: skip


@op
def recurrent_op(
    xp: Namespace, x: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor | None,
    recurrent_bias: Tensor | None, h: Tensor, c: Tensor | None, mask: Tensor | None, keep: Tensor | None,
    /, cell: str, activation: str, recurrent_activation: str, unroll: bool, return_sequences: bool,
) -> Any:  # fmt: skip
    step = STEPS[cell](activation, recurrent_activation)
    tensors = x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, mask, keep
    return run_forward(xp, python_loop, step, *tensors, return_sequences=return_sequences)[0]


@recurrent_op.residuals
def _(
    xp: Namespace, *tensors: Tensor, cell: str, activation: str, recurrent_activation: str, unroll: bool,
    return_sequences: bool,
) -> Any:  # fmt: skip
    step = STEPS[cell](activation, recurrent_activation)
    return run_forward(xp, python_loop, step, *tensors, return_sequences=return_sequences)


@recurrent_op.gradient
def _(
    xp: Namespace, g: Sequence[Tensor], y: Sequence[Tensor], *tensors: Tensor, cell: str, activation: str,
    recurrent_activation: str, unroll: bool, return_sequences: bool, residuals: Residuals | None = None,
) -> Any:  # fmt: skip
    step = STEPS[cell](activation, recurrent_activation)
    if residuals is None:
        residuals = run_forward(xp, python_loop, step, *tensors, return_sequences=return_sequences)[1]
    return run_backward(xp, python_loop, step, g, residuals, *tensors, return_sequences=return_sequences)


@recurrent_op.shape
@reset_before.shape
def _(
    x: TensorSpec, kernel: TensorSpec, recurrent_kernel: TensorSpec, bias: TensorSpec | None,
    recurrent_bias: TensorSpec | None, h: TensorSpec, c: TensorSpec | None, mask: TensorSpec | None,
    keep: TensorSpec | None, return_sequences: bool, **_: Any,
) -> tuple[TensorSpec, ...]:  # fmt: skip
    if len(x.shape) != 3 or not agree(x.shape[-1:], kernel.shape[:1]):
        raise ShapeError(
            f"recurrent: the sequence must be of shape (batch, steps, {kernel.shape[0]}); got {x.shape}."
        )
    if mask is not None and not agree(mask.shape, x.shape[:2]):
        raise ShapeError(f"recurrent: the mask must be of shape {x.shape[:2]}; got {mask.shape}.")
    state = TensorSpec((x.shape[0], recurrent_kernel.shape[0]), x.dtype)
    if not agree(h.shape, state.shape):
        raise ShapeError(f"recurrent: the state must be of shape {state.shape}; got {h.shape}.")
    states = state, *[state] * (c is not None)
    return (TensorSpec((*x.shape[:2], state.shape[-1]), x.dtype), *states) if return_sequences else states
