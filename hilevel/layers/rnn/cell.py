"""The base of recurrent cells."""

from __future__ import annotations

from typing import Any

from hilevel import activations, ops, random, tree
from hilevel.engine.context import context
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import (
    activation_of,
    bad_setting,
    flags,
    one_of,
    positive,
    rate_of,
    seed_of,
    set_weight_settings,
)
from hilevel.layers.base.input_axes import last_axis
from hilevel.layers.base.layer import Layer
from hilevel.ops.nn.recurrence import ACTIVATIONS, STEPS, Step, one_step


def _name_of(activation: Any) -> Any:
    """The activation's name where the op for whole sequences knows it, else the function."""
    name = getattr(activation, "__name__", "")
    return name if name in ACTIVATIONS and activation is activations.get(name) else activation


class Cell(Layer):
    """Base of the cells: their weights, their dropout, and a step, alone or as a whole sequence.

    `kind` names the step in `hilevel.ops.nn.recurrence`; what is special to a cell is written there.
    """

    bias_initializer: Any

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


def structured_like(states: Any, new: Any) -> Any:
    """Return new states in the structure of those before: cells of one state may return it alone or in a list."""
    return tree.pack_sequence_as(states, tree.flatten(new))


def check_cell(layer: str, name: str, cell: Any) -> None:
    if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
        raise bad_setting(
            layer, name, "a layer with a method call(inputs, states), which returns the output and the new states, "
            "and an attribute state_size", cell,
        )  # fmt: skip


def output_size(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    return int(tree.flatten(cell.state_size)[0] if size is None else size)


def first_states(cell: Any, batch_size: Any) -> Any:
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    return tree.map_structure(lambda n: ops.zeros((batch_size, n)), cell.state_size)


def training_argument(cell: Any, training: bool | None) -> dict[str, Any]:
    return {"training": training} if getattr(cell, "_takes_training", False) else {}
