"""The base of recurrent cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from hilevel import activations, ops, random, tree
from hilevel.engine.context import context
from hilevel.engine.types import DTypeLike, Function, Shape, Tensor
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
from hilevel.layers.base.settings import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike
from hilevel.ops.nn.recurrence import ACTIVATIONS, STEPS, Step, one_step

MaskLike: TypeAlias = Tensor | Sequence[Tensor | None] | None
"""The mask of a sequence, or a list of the masks of the sequence and the initial states."""

States: TypeAlias = Tensor | Sequence[Any]
"""The state of a cell, or a structure of its states."""

DropoutMasks: TypeAlias = tuple[Tensor | None, Tensor | None]
"""The factors of the inputs and of the state; None without dropout."""


class CellLike(Protocol):
    """A cell: a layer, or another object, with the method `call(inputs, states)` and the attribute `state_size`."""

    @property
    def state_size(self) -> Any: ...
    def call(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


def _name_of(activation: ActivationLike) -> Any:
    """Return the activation's name if the op for whole sequences supports it, else the function."""
    name = getattr(activation, "__name__", "")
    return name if name in ACTIVATIONS and activation is activations.get(name) else activation


class Cell(Layer):
    """The base of cells: weights, dropout, a single step and whole sequences.

    `kind` is the name of the step in `hilevel.ops.nn.recurrence`, which defines the formulas.
    """

    bias_initializer: Function

    kind = "simple"
    states = 1
    kernel: Variable
    recurrent_kernel: Variable
    bias: Variable | None

    def __init__(
        self, units: int, activation: ActivationLike, recurrent_activation: ActivationLike, use_bias: bool,
        kernel_initializer: InitializerLike, recurrent_initializer: InitializerLike,
        bias_initializer: InitializerLike, kernel_regularizer: RegularizerLike,
        recurrent_regularizer: RegularizerLike, bias_regularizer: RegularizerLike,
        kernel_constraint: ConstraintLike, recurrent_constraint: ConstraintLike,
        bias_constraint: ConstraintLike, dropout: float, recurrent_dropout: float, seed: int | None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        # the order of products in Keras, which does not change the results
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
            self.bias = self.add_weight("bias", self._bias_shape(width), initializer=self._initial_bias)

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (width,)

    def _initial_bias(self, shape: Sequence[int], dtype: DTypeLike = None) -> Tensor:
        return self.bias_initializer(shape, dtype=dtype)

    def _biases(self) -> tuple[Any, Any]:
        """Return the bias of the inputs, and the bias of the state."""
        return self.bias, None

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Return zeros of shape `(batch_size, units)` for each state."""
        return [ops.zeros((batch_size, self.units), self.compute_dtype) for _ in range(self.states)]

    # -- dropout -----------------------------------------------------------------------------------

    def dropout_masks(self, batch: int, features: int, training: bool | None) -> DropoutMasks:
        """Return the dropout masks of inputs and state for all steps of a sequence. Gal and Ghahramani, 2016."""

        return (
            self._dropout_mask(self.dropout, (batch, features), training),
            self._dropout_mask(self.recurrent_dropout, (batch, self.units), training),
        )

    def _dropout_mask(self, rate: float, shape: tuple[int, ...], training: bool | None) -> Tensor | None:
        if not training or not rate:
            return None
        return random.dropout(ops.ones(shape, self.compute_dtype), rate, seed=self.seed_generator)

    # -- computing ---------------------------------------------------------------------------------

    def call(self, inputs: Tensor, states: States, training: bool | None = False) -> tuple[Tensor, Any]:
        """Compute a step: inputs `(batch, features)` and states to the output `(batch, units)` and the new states."""
        several = isinstance(states, (list, tuple))
        own: Any = states if several else [states]
        h, *others = own
        masks = context.dropout_factors.get(id(self)) or self.dropout_masks(
            inputs.shape[0], inputs.shape[1], training
        )
        bias, recurrent_bias = self._biases()
        z = ops.matmul(inputs if masks[0] is None else inputs * masks[0], self.kernel)
        z = z if bias is None else z + bias
        before = h if masks[1] is None else h * masks[1]
        new = self._advance(z, before, recurrent_bias, (h, *others))
        return new[0], list(new) if several else new[0]

    def _advance(
        self, z: Tensor, before: Tensor, recurrent_bias: Tensor | None, states: Sequence[Tensor]
    ) -> Any:
        r = ops.matmul(before, self.recurrent_kernel)
        r = r if recurrent_bias is None else r + recurrent_bias
        return one_step(z, r, *states, step=self._step)

    def sequence(
        self, x: Tensor, states: list[Tensor], mask: Tensor | None, dropout_masks: DropoutMasks, unroll: bool,
        return_sequences: bool,
    ) -> Any:  # fmt: skip
        """Return the outputs of all steps, `(batch, steps, units)`, or the last output; and the last states."""
        if dropout_masks[0] is not None:
            x = x * dropout_masks[0][:, None, :]
        h, c = (*states, None)[:2]
        y, *last = ops.recurrent(
            x, self.kernel, self.recurrent_kernel, *self._biases(), h, c, mask, dropout_masks[1], cell=self.kind,
            unroll=unroll, return_sequences=return_sequences, **(self._fused or {}),
        )  # fmt: skip
        return y, last if return_sequences else [y, *last]


def structured_like(states: States, new: States) -> Any:
    """Return new states in the structure of the old states. A cell may return a single state without a list."""
    return tree.pack_sequence_as(states, tree.flatten(new))


def check_cell(layer: str, name: str, cell: object) -> None:
    if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
        raise bad_setting(
            layer, name, "a layer with a method call(inputs, states), which returns the output and the new states, "
            "and an attribute state_size", cell,
        )  # fmt: skip


def output_size(cell: CellLike) -> int:
    """Return the number of features of a cell's output, which is a vector for each sample."""
    return int(output_shape(cell)[-1])


def output_shape(cell: CellLike) -> tuple[int, ...]:
    """Return the shape of a cell's output for a sample. Its `output_size` is an integer or such a shape."""
    size = getattr(cell, "output_size", None)
    size = tree.flatten(cell.state_size)[0] if size is None else size
    return tuple(size) if isinstance(size, (list, tuple)) else (int(size),)


def initial_states(cell: CellLike, batch_size: int | None) -> Any:
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    return tree.map_structure(lambda n: ops.zeros((batch_size, n)), cell.state_size)


def training_argument(cell: CellLike, training: bool | None) -> dict[str, Any]:
    return {"training": training} if getattr(cell, "_takes_training", False) else {}
