"""Recurrent layers over a whole sequence as one op, with one way back.

A step of a recurrent layer sees `z`, its part of `inputs @ kernel + bias`, which is one product for all steps, and
`r = h @ recurrent_kernel + recurrent_bias` of the state before. Inputs of few features are put beside the state
instead, so that both are one product. What the cells do with these is written once, as `Step`s; the loop over the steps
is Python's, or that of a backend's override.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hilevel.engine import dtypes, tensor
from hilevel.engine.op import op, rounded, to_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError

# -- activations, and their derivatives by their values -------------------------------------------------

ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (lambda xp, x: xp.tanh(x), lambda y: 1 - y * y),
    "sigmoid": (lambda xp, x: 0.5 * xp.tanh(0.5 * x) + 0.5, lambda y: y * (1 - y)),
    "relu": (lambda xp, x: xp.maximum(x, 0), lambda y: y > 0),
    "linear": (lambda xp, x: x, lambda y: 1.0),
}
"""What the activations of a fused sequence can be."""


def _pair(activation: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The function and its derivative; any function of a tensor will do for the way forward."""
    if isinstance(activation, str):
        return ACTIVATIONS[activation]
    return (lambda xp, x: activation(x)), ACTIVATIONS["linear"][1]


class Step:
    """One step of a cell. `forward` makes the new states of `z`, `r` and the old ones, and what `backward` needs;
    `backward` turns the gradients of the new states into those of `z` and `r`, in parts, and of the old states."""

    gates = 1
    adds = True
    """Whether all that becomes of `z` and `r` is their sum."""

    def __init__(self, activation: Any, recurrent_activation: Any = "sigmoid") -> None:
        self.activations = activation, recurrent_activation
        self.act, self.slope = _pair(activation)
        self.gate, self.gate_slope = _pair(recurrent_activation)

    def __reduce__(self) -> Any:
        return type(self), self.activations

    def forward(self, xp: Namespace, z: Tensor, r: Tensor, states: Any) -> tuple[Any, Any]:
        """The new states, and a tuple of arrays for the way back."""
        h = self.act(xp, z + r)
        return (h,), (h,)

    def backward(self, xp: Namespace, kept: Any, states: Any, gradients: Any) -> tuple[Any, Any, Any]:
        """The gradients of `z` and of `r` (None: that of `z`), in parts along the last axis, and of the old
        states (None: nothing beside what comes through `r`)."""
        return [gradients[0] * self.slope(kept[0])], None, (None,)


class LSTMStep(Step):
    """Long short-term memory, Hochreiter and Schmidhuber, 1997, with forget gates; gates in the order i, f, c, o."""

    gates = 4

    def forward(self, xp: Namespace, z: Tensor, r: Tensor, states: Any) -> tuple[Any, Any]:
        """`c = f * c + i * g`, `h = o * act(c)`."""
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

    def backward(self, xp: Namespace, kept: Any, states: Any, gradients: Any) -> tuple[Any, Any, Any]:
        """Through the output gate into the cell, and from there into the other gates."""
        i_f, g, o, y = kept
        dh, dc = gradients
        n = g.shape[-1]
        dc = dc + dh * o * self.slope(y)
        slopes = self.gate_slope(i_f)
        parts = [
            dc * g * slopes[:, :n],
            dc * states[1] * slopes[:, n:],
            dc * i_f[:, :n] * self.slope(g),
            dh * y * self.gate_slope(o),
        ]
        return parts, None, (None, dc * i_f[:, n:])


class GRUStep(Step):
    """K. Cho et al., 2014, in the form in which the reset gate is applied after the product; gates z, r, h."""

    gates = 3
    adds = False

    def forward(self, xp: Namespace, z: Tensor, r: Tensor, states: Any) -> tuple[Any, Any]:
        """`h = u * h + (1 - u) * act(z_h + reset * r_h)`."""
        (h,) = states
        n = h.shape[-1]
        gates = self.gate(xp, z[:, : 2 * n] + r[:, : 2 * n])
        update, reset, inner = gates[:, :n], gates[:, n:], r[:, 2 * n :]
        new = self.act(xp, z[:, 2 * n :] + reset * inner)
        return (new + update * (h - new),), (gates, inner, new)

    def backward(self, xp: Namespace, kept: Any, states: Any, gradients: Any) -> tuple[Any, Any, Any]:
        """Through the candidate into the reset gate."""
        gates, inner, new = kept
        (h,), (dh,) = states, gradients
        n = h.shape[-1]
        update, reset, slopes = gates[:, :n], gates[:, n:], self.gate_slope(gates)
        d_new = dh * (1 - update) * self.slope(new)
        d_update = dh * (h - new) * slopes[:, :n]
        d_reset = d_new * inner * slopes[:, n:]
        return [d_update, d_reset, d_new], [d_update, d_reset, d_new * reset], (dh * update,)


STEPS = {"simple": Step, "lstm": LSTMStep, "gru": GRUStep}


# -- the loop over the steps ----------------------------------------------------------------------------


def python_loop(xp: Namespace, body: Callable[..., Any], carry: Any, xs: Any, reverse: bool = False) -> Any:
    """`carry, y = body(carry, x)` for each step; the tuples `y` stacked along the first axis."""
    steps = range(len(xs[0]))
    kept = []
    for t in reversed(steps) if reverse else steps:
        carry, y = body(carry, tuple(None if x is None else x[t] for x in xs))
        kept.append(y)
    if reverse:
        kept.reverse()
    return carry, tuple(xp.stack(column) for column in zip(*kept, strict=True))


def time_major(xp: Namespace, x: Array) -> Array:
    """Batch and steps exchanged."""
    return xp.swapaxes(x, 0, 1)


def _rows(xp: Namespace, x: Array) -> Array:
    return xp.reshape(x, (-1, x.shape[-1]))


def _ones(xp: Namespace, steps: Array, bias: Array) -> list[Array]:
    """A feature that is one, for the bias, if there is one."""
    return [] if bias is None else [xp.ones((*steps.shape[:2], 1), dtype=steps.dtype)]


def run_forward(
    xp: Namespace, loop: Callable[..., Any], step: Step, x: Array, kernel: Array, recurrent_kernel: Array,
    bias: Array, recurrent_bias: Array, h: Array, c: Array, mask: Array, keep: Array,
    *, return_sequences: bool,
) -> tuple[Any, Any]:  # fmt: skip
    """The outputs, if they are wanted, and last states; and what `run_backward` needs: the states before each step, and
    what the steps kept."""
    steps = time_major(xp, x)
    beside = step.adds and 2 * x.shape[-1] < h.shape[-1]
    if beside:
        inputs = xp.concatenate([steps, *_ones(xp, steps, bias)], axis=-1)
        weights = xp.concatenate([recurrent_kernel, kernel, *([] if bias is None else [bias[None]])])
    else:
        inputs, weights = xp.matmul(_rows(xp, steps), kernel), recurrent_kernel
        inputs = xp.reshape(inputs if bias is None else inputs + bias, (*steps.shape[:2], kernel.shape[-1]))
    marks = None if mask is None else time_major(xp, mask)[:, :, None]

    def body(states: Any, of_step: Any) -> Any:
        z, mark = of_step
        seen = states[0] if keep is None else states[0] * keep
        if beside:
            seen, z = xp.concatenate([seen, z], axis=-1), 0
        r = xp.matmul(seen, weights)
        new, kept = step.forward(xp, z, r if recurrent_bias is None else r + recurrent_bias, states)
        if mark is not None:
            new = tuple(xp.where(mark, a, b) for a, b in zip(new, states, strict=True))
        return new, (new[0], *states, *kept)

    start = (h,) if c is None else (h, c)
    last, (y, *kept) = loop(xp, body, start, (inputs, marks))
    n = len(start)
    outputs = (time_major(xp, y), *last) if return_sequences else tuple(last)
    return outputs, (kept[:n], kept[n:])


def run_backward(
    xp: Namespace, loop: Callable[..., Any], step: Step, g: Any, residuals: Any, x: Array, kernel: Array,
    recurrent_kernel: Array, bias: Array, recurrent_bias: Array, h: Array, c: Array, mask: Array, keep: Array,
    *, return_sequences: bool,
) -> Any:  # fmt: skip
    """The gradients of everything: those of the states step by step, those of weights by products over all steps."""
    states, kept = residuals
    n = len(states)
    marks = None if mask is None else time_major(xp, mask)[:, :, None]
    turned = xp.transpose(recurrent_kernel)
    sequences, *of_states = g if return_sequences else (None, *g)

    def body(gradients: Any, inputs: Any) -> Any:
        *rest, gy, mark = inputs
        if gy is not None:
            gradients = (gradients[0] + gy, *gradients[1:])
        passing = [None] * n
        if mark is not None:
            passing = [xp.where(mark, 0 * d, d) for d in gradients]
            gradients = [xp.where(mark, d, 0 * d) for d in gradients]
        dz, dr, old = step.backward(xp, rest[n:], rest[:n], gradients)
        dz = xp.concatenate(dz, axis=-1)
        dr = dz if dr is None else xp.concatenate(dr, axis=-1)
        through = xp.matmul(dr, turned)
        parts = [through if keep is None else through * keep, *[None] * (n - 1)]
        new = tuple(_sum(a, b, p) for a, b, p in zip(parts, old, passing, strict=True))
        return new, (dz, dr)

    gy = None if sequences is None else time_major(xp, sequences)
    first, (dz, dr) = loop(xp, body, tuple(of_states), (*states, *kept, gy, marks), reverse=True)
    dz_rows, dr_rows = _rows(xp, dz), _rows(xp, dr)

    @cache
    def of_weights() -> Any:
        """The gradients of the recurrent weights, the weights and the bias: by one product, where that of `r` is that
        of `z`."""
        before, steps = states[0] if keep is None else states[0] * keep, time_major(xp, x)
        seen = [before, steps, *_ones(xp, steps, bias)]
        if not step.adds:
            by = dr_rows, dz_rows, dz_rows
            return [xp.matmul(xp.transpose(_rows(xp, s)), d) for s, d in zip(seen, by, strict=False)]
        whole = xp.matmul(xp.transpose(_rows(xp, xp.concatenate(seen, axis=-1))), dz_rows)
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
        None if keep is None else lambda: xp.sum(xp.matmul(dr, turned) * states[0], axis=0),
    )  # fmt: skip


def _sum(*parts: Any) -> Any:
    total = None
    for part in parts:
        if part is not None:
            total = part if total is None else total + part
    return total


@rounded
def one_step(z: Tensor, r: Tensor, *states: Tensor, step: Step) -> Any:
    """The states after a step, from what the inputs and the state before, `z` and `r`, contribute."""
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
) -> Any:
    """A recurrent layer over a sequence: the outputs of all steps, and the last states.

    Args:
        x: the sequence, of shape `(batch, steps, features)`.
        kernel, recurrent_kernel: weights of shapes `(features, gates * units)` and `(units, gates * units)`.
        bias, recurrent_bias: of shape `(gates * units,)`, or None.
        h, c: the first states, of shape `(batch, units)`; only an LSTM has a `c`.
        mask: booleans of shape `(batch, steps)`: where False the states stay what they were.
        keep: what the state is multiplied with before each product, of shape `(batch, units)`: recurrent dropout.
        cell: `"simple"`, `"lstm"` (gates i, f, c, o), or `"gru"` (gates z, r, h, the reset after the product).
        activation, recurrent_activation: `"tanh"`, `"sigmoid"`, `"relu"` or `"linear"`.
        unroll: whether a compiling backend writes the steps out one by one.
        return_sequences: whether the outputs are returned at all; the last one is the last state `h`.

    >>> x, one, h = np.ones((1, 3, 1)), np.ones((1, 1)), np.zeros((1, 1))
    >>> y, last = ops.recurrent(x, one, one, None, None, h, cell="simple", activation="linear")
    >>> y[0, :, 0], last
    (array([1., 2., 3.]), array([[3.]]))
    """
    floats = [x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, keep]
    *floats, keep = dtypes.to_float(tuple(None if a is None else to_array(a) for a in floats))
    return recurrent_op(  # type: ignore[call-arg, misc]
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
    xp: Namespace, g: Any, y: Any, *tensors: Tensor, cell: str, activation: str, recurrent_activation: str,
    unroll: bool, return_sequences: bool, residuals: Any = None,
) -> Any:  # fmt: skip
    step = STEPS[cell](activation, recurrent_activation)
    if residuals is None:
        residuals = run_forward(xp, python_loop, step, *tensors, return_sequences=return_sequences)[1]
    return run_backward(xp, python_loop, step, g, residuals, *tensors, return_sequences=return_sequences)


@recurrent_op.shape
def _(
    x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, recurrent_bias: Any, h: Any, c: Any, mask: Any, keep: Any,
    return_sequences: bool, **_: Any,
) -> Any:  # fmt: skip
    if len(x.shape) != 3 or x.shape[-1] != kernel.shape[0]:
        raise ShapeError(
            f"recurrent: the sequence must be of shape (batch, steps, {kernel.shape[0]}); got {x.shape}."
        )
    if mask is not None and tuple(mask.shape) != x.shape[:2]:
        raise ShapeError(f"recurrent: the mask must be of shape {x.shape[:2]}; got {mask.shape}.")
    state = TensorSpec((x.shape[0], recurrent_kernel.shape[0]), x.dtype)
    if tuple(h.shape) != state.shape:
        raise ShapeError(f"recurrent: the state must be of shape {state.shape}; got {h.shape}.")
    states = state, *[state] * (c is not None)
    return (TensorSpec((*x.shape[:2], state.shape[-1]), x.dtype), *states) if return_sequences else states
