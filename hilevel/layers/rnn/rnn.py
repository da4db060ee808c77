"""The recurrent layer for any cell, and the base of recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, cast

from hilevel import masks, ops, tree
from hilevel.engine.context import context, scope
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import flags, one_of
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.rnn.cell import (
    Cell,
    CellLike,
    MaskLike,
    States,
    check_cell,
    initial_states,
    output_shape,
    output_size,
    structured_like,
    training_argument,
)
from hilevel.layers.rnn.stacked_rnn_cells import StackedRNNCells


class RNN(Layer):
    """A recurrent layer, which applies a cell to each step of sequences of shape `(batch, steps, features)`.

    A cell has `call(inputs, states)`, which returns the output and the new states, and `state_size`, an integer or a
    list of integers. The cells of this library process a sequence by a single op. Other cells run step by step.

    Args:
        cell: the cell, or a list of cells, which are stacked.
        return_sequences: whether to return the outputs of all steps, `(batch, steps, units)`, or the last output.
        return_state: whether to return the last states, too, after the output.
        go_backwards: whether to process the steps in reverse; the outputs are in the order of their computation.
        stateful: whether a batch begins with the last states of the previous batch; `reset_state` sets them to 0.
        unroll: whether a compiling backend unrolls the loop over steps.
        zero_output_for_mask: whether the output of a masked step is 0, or the output of the previous step.

    >>> import hilevel
    >>> layer = hilevel.layers.RNN(hilevel.layers.SimpleRNNCell(3), return_sequences=True)
    >>> layer(np.ones((2, 5, 4))).shape
    (2, 5, 3)

    Raises:
        TypeError: `cell` is not a cell.
        ShapeError: at a call, the input is no batch of sequences, or the batch size of a stateful layer has changed.
    """

    def __init__(
        self, cell: CellLike | Sequence[CellLike], return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        zero_output_for_mask: bool = False, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell, dtype=kwargs.get("dtype"))
        check_cell(type(self).__name__, "cell", cell)
        self.cell: Any = cast(CellLike, cell)
        flags(
            type(self).__name__, return_sequences=return_sequences, return_state=return_state, stateful=stateful,
            go_backwards=go_backwards, unroll=unroll, zero_output_for_mask=zero_output_for_mask,
        )  # fmt: skip
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.state_size = self.cell.state_size
        self.states: list[Variable] | None = None
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)

    def build(self, sequences_shape: Shape, initial_state_shape: Sequence[Shape] | None = None) -> None:
        """Build the cell; in a stateful layer, make the states."""
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            if sequences_shape[0] is None:
                raise ShapeError(
                    f"{self._label()} is stateful and needs the batch size: use "
                    "Input(batch_shape=(batch, steps, features))."
                )
            sizes = [tuple(s.shape) for s in tree.flatten(self.get_initial_state(sequences_shape[0]))]
            self.states = [self.add_weight(s, "zeros", trainable=False, name="rnn_state") for s in sizes]

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Return the initial states of a batch, zeros by default."""
        states = initial_states(self.cell, batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def _state_variables(self) -> list[Variable]:
        return list(self.states or ())

    def reset_state(self) -> None:
        """Set the states of a stateful layer to 0."""
        for state in self.states or ():
            state.assign(ops.zeros(state.shape, state.dtype))

    reset_states = reset_state

    def compute_mask(self, inputs: Any, mask: MaskLike = None) -> MaskLike:
        """Return the mask of the sequence, if the layer returns a sequence."""
        first: Any = mask[0] if isinstance(mask, (list, tuple)) else mask
        first = first if self.return_sequences else None
        if not self.return_state:
            return first
        return [first] + [None] * len(tree.flatten(self.state_size))

    # -- computing ---------------------------------------------------------------------------------

    def call(
        self, sequences: Tensor, initial_state: States | None = None, mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Any:  # fmt: skip
        """Return the output for sequences of shape `(batch, steps, features)`, and on request the states.

        `mask`, of shape `(batch, steps)`, is False for a step that does not change the states. A mask of shape
        `(batch,)` is ignored.
        """
        if sequences.shape[1] == 0:
            raise ShapeError(
                f"{self._label()} expects at least one step; got shape {tuple(sequences.shape)}."
            )
        states = self._initial_states(sequences, initial_state)
        mask = None if mask is None or len(mask.shape) == 1 else mask
        last_output, outputs, last = self.inner_loop(sequences, states, mask, training)
        if self.states is not None:
            for variable, value in zip(self.states, tree.flatten(last), strict=True):
                variable.assign(value)
        y = outputs if self.return_sequences else last_output
        return (y, *last) if self.return_state else y

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool | None = False
    ) -> tuple[Tensor, Tensor, Any]:
        """Return the last output, the outputs of all steps, and the last states. A subclass may override it.

        Without `return_sequences` only the last output is kept: the outputs have shape `(batch, 1, units)`.
        """
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        y, last = self._sequence(sequences, initial_state, mask, training)
        if not self.return_sequences:
            return y, ops.expand_dims(y, 1), last
        if self.zero_output_for_mask and mask is not None:
            y = masks.masked(y, mask)
        return y[:, -1], y, last

    def _initial_states(self, sequences: Tensor, initial_state: States | None) -> list[Any]:
        """Return the initial states in the structure of the cell's states."""
        batch = sequences.shape[0]
        states = self.get_initial_state(batch)
        if initial_state is None and self.states is None:
            return states
        given = tree.flatten(self.states if initial_state is None else initial_state)
        expected = tree.flatten(states)
        shapes = [tuple(s.shape) for s in expected]
        if [tuple(s.shape) for s in given] != shapes:
            raise ShapeError(
                f"{self._label()} expects initial states of shape {', '.join(map(str, shapes))}; got "
                f"{', '.join(str(tuple(s.shape)) for s in given)}."
                + (" A stateful layer needs batches of equal size." if self.stateful else "")
            )
        given = [ops.cast(ops.convert_to_tensor(s), w.dtype) for s, w in zip(given, expected, strict=True)]
        return tree.pack_sequence_as(states, given)

    def _sequence(self, x: Tensor, states: list[Any], mask: Tensor | None, training: bool | None) -> Any:
        """Return the outputs of all steps, or the last output, and the last states."""
        stacked = isinstance(self.cell, StackedRNNCells)
        cells = self.cell.cells if stacked else [self.cell]
        if len(x.shape) != 3 or not all(isinstance(cell, Cell) and cell._fused for cell in cells):
            y, last = self._step_by_step(x, states, mask, training)
            return y if self.return_sequences else y[:, -1], last
        last = []
        for cell, own in zip(cells, states if stacked else [states], strict=True):
            whole = self.return_sequences or cell is not cells[-1]
            dropout_masks = cell.dropout_masks(x.shape[0], x.shape[-1], training)
            several = isinstance(own, (list, tuple))
            x, new = cell.sequence(
                x, list(own) if several else [own], mask, dropout_masks, self.unroll, whole
            )
            last.append(new if several else new[0])
        return x, last if stacked else last[0]

    def _step_by_step(self, x: Tensor, states: States, mask: Tensor | None, training: bool | None) -> Any:
        """Return the outputs of all steps, and the last states, of any cell."""
        first = tree.flatten(states)[0]
        size = (x.shape[0], *output_shape(self.cell))
        before = first if tuple(first.shape) == size else ops.zeros(size, first.dtype)
        steps = ops.swapaxes(x, 0, 1)
        unmasked = None if mask is None else ops.swapaxes(mask, 0, 1)

        def body(carry: Any, inputs: Any) -> Any:
            states, before = carry
            y, new = self.cell(inputs[0], states, **training_argument(self.cell, training))
            new = structured_like(states, new)
            if unmasked is not None:
                choose: Any = lambda a, b: ops.where(masks.expand_to_rank(inputs[1], len(a.shape)), a, b)
                y, new = choose(y, before), tree.map_structure(choose, new, states)
            return (new, y), y

        with self._same_dropout(x, training):
            (last, _), outputs = ops.scan(
                body, (states, before), [steps] if unmasked is None else [steps, unmasked], x.shape[1],
                unroll=self.unroll or _may_assign(self.cell),
            )  # fmt: skip
        return ops.swapaxes(outputs, 0, 1), last

    def _same_dropout(self, x: Tensor, training: bool | None) -> scope:
        """Return a block in which the cells use the same dropout masks at every step."""
        cells = self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]
        sizes = [x.shape[-1], *map(output_size, cells)]
        drawn = {
            id(cell): cell.dropout_masks(x.shape[0], size, training)
            for cell, size in zip(cells, sizes, strict=False)
            if isinstance(cell, Cell)
        }
        return scope(dropout_factors={**context.dropout_factors, **drawn})


def _may_assign(cell: CellLike) -> bool:
    """Return whether a user's cell may assign to Variables, which a compiled loop cannot do."""
    return not isinstance(cell, (Cell, StackedRNNCells)) and bool(
        getattr(cell, "non_trainable_variables", ())
    )


class CellAttribute:
    """An attribute of a recurrent layer that delegates to the cell."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: RNN | None, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)

    def __set__(self, layer: RNN, value: Any) -> None:
        setattr(layer.cell, self.name, value)


class BaseRNNLayer(RNN):
    """The base of `SimpleRNN`, `LSTM` and `GRU`, with the arguments of the cell and of `RNN`."""

    units, activation, recurrent_activation, use_bias, unit_forget_bias, reset_after, dropout, recurrent_dropout, \
        seed, seed_generator, implementation, output_size, kernel, recurrent_kernel, bias, kernel_initializer, \
        recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, \
        kernel_constraint, recurrent_constraint, bias_constraint = (CellAttribute() for _ in range(24))  # fmt: skip

    def __init__(
        self, cell: Cell, *of_layer: Any, use_cudnn: str | bool | None = None, **kwargs: Any
    ) -> None:
        kwargs.pop("implementation", None)
        super().__init__(cell, *of_layer, **kwargs)
        self.use_cudnn = one_of(type(self).__name__, "use_cudnn", use_cudnn, ("auto", True, False, None))
        self.input_spec = InputSpec(ndim=3)


def cell_options(name: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name of a layer's cell, and the keyword arguments that layer and cell share."""
    return {"name": name} | {k: kwargs[k] for k in ("dtype", "trainable", "implementation") if k in kwargs}
