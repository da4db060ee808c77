"""The cells of recurrent layers: what one step does."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel import activations, ops, random
from hilevel._context import context
from hilevel._types import Shape, Tensor
from hilevel.layers.checks import (
    activation_of,
    flags,
    one_of,
    positive,
    rate_of,
    seed_of,
    set_weight_settings,
)
from hilevel.layers.core import last_axis
from hilevel.layers.layer import Layer
from hilevel.layers.settings import Options
from hilevel.ops.recurrence import ACTIVATIONS, STEPS, Step, one_step
from hilevel.variables import Variable


def _name_of(activation: Any) -> Any:
    """The activation's name where the op for whole sequences knows it, else the function."""
    name = getattr(activation, "__name__", "")
    return name if name in ACTIVATIONS and activation is activations.get(name) else activation


class Cell(Layer):
    """Base of the cells: their weights, their dropout, and a step, alone or as a whole sequence.

    `kind` names the step in `hilevel.ops.recurrence`; what is special to a cell is written there.
    """

    kind = "simple"
    states = 1
    kernel: Variable
    recurrent_kernel: Variable
    bias: Variable | None

    def __init__(
        self, units: int, activation: Any, recurrent_activation: Any, use_bias: bool, kernel_initializer: Any,
        recurrent_initializer: Any, bias_initializer: Any, kernel_regularizer: Any, recurrent_regularizer: Any,
        bias_regularizer: Any, kernel_constraint: Any, recurrent_constraint: Any, bias_constraint: Any,
        dropout: float, recurrent_dropout: float, seed: int | None, **kwargs: Any,
    ) -> None:  # fmt: skip
        # how Keras cuts its products; the results are the same
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        name = type(self).__name__
        self.implementation = one_of(name, "implementation", implementation, (0, 1, 2))
        flags(name, use_bias=use_bias)
        self.units = positive(name, "units", units)
        self.activation = activation_of(name, "activation", activation)
        self.recurrent_activation = activation_of(name, "recurrent_activation", recurrent_activation)
        self.use_bias = use_bias
        set_weight_settings(
            self, kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
        )  # fmt: skip
        self.dropout = rate_of(name, dropout, "dropout")
        self.recurrent_dropout = rate_of(name, recurrent_dropout, "recurrent_dropout")
        self.seed = seed_of(name, seed)
        if self.dropout or self.recurrent_dropout:
            self.seed_generator = random.SeedGenerator(seed)
        self.state_size: Any = self.units if self.states == 1 else [self.units] * self.states
        self.output_size = self.units
        names = {
            "activation": _name_of(self.activation),
            "recurrent_activation": _name_of(self.recurrent_activation),
        }
        self._step: Step = STEPS[self.kind](**names)
        known = all(isinstance(n, str) for n in names.values())
        own = type(self).call.__module__ == __name__
        self._fused = names if known and own else None

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, the recurrent kernel and the bias."""
        width = self.units * STEPS[self.kind].gates
        self.kernel = self.add_weight("kernel", (last_axis(self, input_shape), width))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, width))
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", self._bias_shape(width), initializer=self._start_of_bias)

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (width,)

    def _start_of_bias(self, shape: Any, dtype: Any = None) -> Tensor:
        return self.bias_initializer(shape, dtype=dtype)

    def _biases(self) -> tuple[Any, Any]:
        """What is added to the inputs' part, and to that of the state."""
        return self.bias, None

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros of shape `(batch_size, units)`, one for each state."""
        return [ops.zeros((batch_size, self.units), self.compute_dtype) for _ in range(self.states)]

    # -- dropout -----------------------------------------------------------------------------------

    def draw(self, batch: Any, features: Any, training: bool | None) -> tuple[Any, Any]:
        """What inputs and state are multiplied with: the same at all steps of a sequence. Gal and Ghahramani, 2016."""

        def factors(rate: float, size: Any) -> Any:
            if not training or not rate:
                return None
            return random.dropout(ops.ones((batch, size), self.compute_dtype), rate, seed=self.seed_generator)

        return factors(self.dropout, features), factors(self.recurrent_dropout, self.units)

    # -- computing ---------------------------------------------------------------------------------

    def call(self, inputs: Tensor, states: Any, training: bool | None = False) -> tuple[Tensor, list[Tensor]]:
        """One step: inputs of shape `(batch, features)` and the states, to the output and the new states."""
        several = isinstance(states, (list, tuple))
        h, *others = states if several else [states]
        kept = context.dropout_factors.get(id(self)) or self.draw(inputs.shape[0], inputs.shape[1], training)
        bias, recurrent_bias = self._biases()
        z = ops.matmul(inputs if kept[0] is None else inputs * kept[0], self.kernel)
        z = z if bias is None else z + bias
        before = h if kept[1] is None else h * kept[1]
        new = self._advance(z, before, recurrent_bias, (h, *others))
        return new[0], list(new) if several else new[0]

    def _advance(self, z: Tensor, before: Tensor, recurrent_bias: Any, states: Any) -> Any:
        r = ops.matmul(before, self.recurrent_kernel)
        r = r if recurrent_bias is None else r + recurrent_bias
        return one_step(z, r, *states, step=self._step)

    def sequence(
        self, x: Tensor, states: list[Tensor], mask: Any, kept: Any, unroll: bool, return_sequences: bool
    ) -> Any:
        """All steps at once: the outputs, of shape `(batch, steps, units)`, or the last one; and the last states."""
        if kept[0] is not None:
            x = x * kept[0][:, None, :]
        h, c = (*states, None)[:2]
        y, *last = ops.recurrent(
            x, self.kernel, self.recurrent_kernel, *self._biases(), h, c, mask, kept[1], cell=self.kind,
            unroll=unroll, return_sequences=return_sequences, **(self._fused or {}),
        )  # fmt: skip
        return y, last if return_sequences else [y, *last]


class SimpleRNNCell(Cell):
    """One step of a plain recurrent network: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: the size of the state, which is the output.
        activation: a name or a function.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights are passed through after an update.
        dropout, recurrent_dropout: shares of the inputs and of the state that are set to zero in training, the same at
            every step of a sequence.
        seed: an integer, to draw the same zeros in every run.

    >>> import hilevel
    >>> cell = hilevel.layers.SimpleRNNCell(3)
    >>> output, states = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape, len(states)
    ((2, 3), 1)
    """

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, "sigmoid", use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def call(self, sequence: Tensor, states: Any, training: bool | None = False) -> Any:
        """One step: inputs of shape `(batch, features)` and the state, to the output and the new state."""
        return super().call(sequence, states, training)


class LSTMCell(Cell):
    """One step of a long short-term memory. Hochreiter and Schmidhuber, 1997; Gers et al., 2000.

    `i, f, g, o = x @ kernel + h @ recurrent_kernel + bias`, then `c = gate(f) * c + gate(i) * act(g)` and
    `h = gate(o) * act(c)`.

    Args:
        units: the size of the states `h`, which is the output, and `c`.
        activation, recurrent_activation: of the contents, and of the gates; names or functions.
        unit_forget_bias: whether the bias of the forget gate begins with ones. Jozefowicz et al., 2015.
        use_bias, dropout, recurrent_dropout, seed: as in `SimpleRNNCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `SimpleRNNCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `SimpleRNNCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `SimpleRNNCell`.

    >>> import hilevel
    >>> cell = hilevel.layers.LSTMCell(3)
    >>> output, (h, c) = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape, c.shape
    ((2, 3), (2, 3))
    """

    kind, states = "lstm", 2

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        flags(type(self).__name__, unit_forget_bias=unit_forget_bias)
        self.unit_forget_bias = unit_forget_bias

    def _start_of_bias(self, shape: Any, dtype: Any = None) -> Tensor:
        if not self.unit_forget_bias:
            return super()._start_of_bias(shape, dtype)
        n = self.units
        before, after = (
            ops.convert_to_numpy(self.bias_initializer((size,), dtype=dtype)) for size in (n, 2 * n)
        )
        return np.concatenate([before, np.ones(n, before.dtype), after])


class GRUCell(Cell):
    """One step of a gated recurrent unit. Cho et al., 2014.

    `h = z * h + (1 - z) * act(...)`, with an update gate `z` and a reset gate `r` on the state in the new content.

    Args:
        units: the size of the state, which is the output.
        activation, recurrent_activation: of the contents, and of the gates; names or functions.
        reset_after: whether the reset gate is applied after the product with the recurrent kernel, which then has a
            bias of its own, and is faster; before it, as in the paper, otherwise.
        use_bias, dropout, recurrent_dropout, seed: as in `SimpleRNNCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `SimpleRNNCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `SimpleRNNCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `SimpleRNNCell`.

    >>> import hilevel
    >>> cell = hilevel.layers.GRUCell(3)
    >>> output, states = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape
    (2, 3)
    """

    kind = "gru"

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
        seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        flags(type(self).__name__, reset_after=reset_after)
        self.reset_after = reset_after
        if not reset_after:
            self._fused = None

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (2, width) if self.reset_after else (width,)

    def _biases(self) -> tuple[Any, Any]:
        if self.bias is None or not self.reset_after:
            return self.bias, None
        return self.bias[0], self.bias[1]

    def _advance(self, z: Tensor, before: Tensor, recurrent_bias: Any, states: Any) -> Any:
        if self.reset_after:
            return super()._advance(z, before, recurrent_bias, states)
        n, kernel = self.units, self.recurrent_kernel
        gates = self.recurrent_activation(z[:, : 2 * n] + ops.matmul(before, kernel[:, : 2 * n]))
        update, reset = gates[:, :n], gates[:, n:]
        new = self.activation(z[:, 2 * n :] + ops.matmul(reset * before, kernel[:, 2 * n :]))
        return (update * states[0] + (1 - update) * new,)
