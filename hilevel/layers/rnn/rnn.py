"""A cell over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

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
    check_cell,
    first_states,
    output_size,
    structured_like,
    training_argument,
)
from hilevel.layers.rnn.stacked_rnn_cells import StackedRNNCells


class RNN(Layer):
    """A cell, step by step over sequences of shape `(batch, steps, features)`.

    A cell has `call(inputs, states)`, which returns the output and the new states, and `state_size`, an integer or a
    list of them. A sequence through a cell of this library is one op, with one way back; one through a cell of your
    own runs step by step.

    Args:
        cell: the cell, or a list of them, which are stacked.
        return_sequences: whether the outputs of all steps are returned, `(batch, steps, units)`, or the last one's.
        return_state: whether the last states are returned, too, after the output.
        go_backwards: whether the last step comes first; the outputs are in the order in which they were computed.
        stateful: whether a batch begins with the last states of the batch before; `reset_state` makes them zeros.
        unroll: whether a compiling backend writes the steps out one by one.
        zero_output_for_mask: whether the output of a masked step is zero, instead of that of the step before.

    >>> import hilevel
    >>> layer = hilevel.layers.RNN(hilevel.layers.SimpleRNNCell(3), return_sequences=True)
    >>> layer(np.ones((2, 5, 4))).shape
    (2, 5, 3)

    Raises:
        TypeError: the cell is none.
        ShapeError: at a call, the input is no batch of sequences; or of a stateful layer, the batch has another size.
    """

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell, dtype=kwargs.get("dtype"))
        check_cell(type(self).__name__, "cell", cell)
        self.cell = cell
        flags(
            type(self).__name__, return_sequences=return_sequences, return_state=return_state, stateful=stateful,
            go_backwards=go_backwards, unroll=unroll, zero_output_for_mask=zero_output_for_mask,
        )  # fmt: skip
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.state_size = cell.state_size
        self.states: list[Variable] | None = None
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        """Build the cell; of a stateful layer, make the states."""
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            if sequences_shape[0] is None:
                raise ShapeError(
                    f"{self._label()} is stateful, and has to know the size of the batch: say "
                    "Input(batch_shape=(batch, steps, features))."
                )
            sizes = [tuple(s.shape) for s in tree.flatten(self.get_initial_state(sequences_shape[0]))]
            self.states = [self.add_weight(s, "zeros", trainable=False, name="rnn_state") for s in sizes]

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states that a sequence begins with, zeros by default."""
        states = first_states(self.cell, batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def _state_variables(self) -> list[Variable]:
        return list(self.states or ())

    def reset_state(self) -> None:
        """Make the states of a stateful layer zeros."""
        for state in self.states or ():
            state.assign(ops.zeros(state.shape, state.dtype))

    reset_states = reset_state

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the sequence, where one is returned."""
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        mask = mask if self.return_sequences else None
        if not self.return_state:
            return mask
        return [mask] + [None] * len(tree.flatten(self.state_size))

    # -- computing ---------------------------------------------------------------------------------

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool | None = False
    ) -> Any:
        """Sequences of shape `(batch, steps, features)` to the output, and the states if they are wanted.

        `mask`, of shape `(batch, steps)`, is False where a step is left out: the states stay what they were. A mask
        of shape `(batch,)` leaves out no step.
        """
        if sequences.shape[1] == 0:
            raise ShapeError(
                f"{self._label()} expects at least one step; got shape {tuple(sequences.shape)}."
            )
        states = self._start(sequences, initial_state)
        mask = None if mask is None or len(mask.shape) == 1 else mask
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        y, last = self._sequence(sequences, states, mask, training)
        if self.states is not None:
            for variable, value in zip(self.states, tree.flatten(last), strict=True):
                variable.assign(value)
        if self.return_sequences and self.zero_output_for_mask and mask is not None:
            y = masks.masked(y, mask)
        return (y, *last) if self.return_state else y

    def _start(self, sequences: Tensor, initial_state: Any) -> list[Any]:
        """The first states, in the structure that the cell wants."""
        batch = sequences.shape[0]
        states = self.get_initial_state(batch)
        if initial_state is None and self.states is None:
            return states
        given = tree.flatten(self.states if initial_state is None else initial_state)
        wanted = tree.flatten(states)
        shapes = [tuple(s.shape) for s in wanted]
        if [tuple(s.shape) for s in given] != shapes:
            raise ShapeError(
                f"{self._label()} begins with states of shape {', '.join(map(str, shapes))}; got "
                f"{', '.join(str(tuple(s.shape)) for s in given)}."
                + (" A stateful layer wants batches of one size." if self.stateful else "")
            )
        given = [ops.cast(ops.convert_to_tensor(s), w.dtype) for s, w in zip(given, wanted, strict=True)]
        return tree.pack_sequence_as(states, given)

    def _sequence(self, x: Tensor, states: list[Any], mask: Any, training: bool | None) -> Any:
        """The outputs of all steps, or the last one, and the last states: cell after cell where that is one op each."""
        stacked = isinstance(self.cell, StackedRNNCells)
        cells = self.cell.cells if stacked else [self.cell]
        if len(x.shape) != 3 or not all(isinstance(cell, Cell) and cell._fused for cell in cells):
            y, last = self._step_by_step(x, states, mask, training)
            return y if self.return_sequences else y[:, -1], last
        last = []
        for cell, own in zip(cells, states if stacked else [states], strict=True):
            whole = self.return_sequences or cell is not cells[-1]
            kept = cell.draw(x.shape[0], x.shape[-1], training)
            several = isinstance(own, (list, tuple))
            x, new = cell.sequence(x, list(own) if several else [own], mask, kept, self.unroll, whole)
            last.append(new if several else new[0])
        return x, last if stacked else last[0]

    def _step_by_step(self, x: Tensor, states: Any, mask: Any, training: bool | None) -> Any:
        """The same with any cell."""
        first = tree.flatten(states)[0]
        size = (x.shape[0], output_size(self.cell))
        before = first if tuple(first.shape) == size else ops.zeros(size, first.dtype)
        steps = ops.swapaxes(x, 0, 1)
        marks = None if mask is None else ops.swapaxes(mask, 0, 1)[..., None]

        def body(carry: Any, inputs: Any) -> Any:
            states, before = carry
            y, new = self.cell(inputs[0], states, **training_argument(self.cell, training))
            new = structured_like(states, new)
            if marks is not None:
                choose: Any = lambda a, b: ops.where(inputs[1], a, b)
                y, new = choose(y, before), tree.map_structure(choose, new, states)
            return (new, y), y

        with self._same_dropout(x, training):
            (last, _), outputs = ops.scan(
                body, (states, before), [steps] if marks is None else [steps, marks], x.shape[1],
                unroll=self.unroll or _changes_itself(self.cell),
            )  # fmt: skip
        return ops.swapaxes(outputs, 0, 1), last

    def _same_dropout(self, x: Tensor, training: bool | None) -> scope:
        """Return a block in which cells drop the same inputs and states at every step."""
        cells = self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]
        sizes = [x.shape[-1], *map(output_size, cells)]
        drawn = {
            id(cell): cell.draw(x.shape[0], size, training)
            for cell, size in zip(cells, sizes, strict=False)
            if isinstance(cell, Cell)
        }
        return scope(dropout_factors={**context.dropout_factors, **drawn})


def _changes_itself(cell: Any) -> bool:
    """Whether a cell of the user's own may assign to Variables, which a compiled loop cannot do."""
    return not isinstance(cell, (Cell, StackedRNNCells)) and bool(
        getattr(cell, "non_trainable_variables", ())
    )


class CellAttribute:
    """An attribute of a layer's cell as an attribute of the layer."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)

    def __set__(self, layer: Any, value: Any) -> None:
        setattr(layer.cell, self.name, value)


class BaseRNNLayer(RNN):
    """Base of `SimpleRNN`, `LSTM` and `GRU`: the constructor's arguments are the cell's, and those of `RNN`."""

    units, activation, recurrent_activation, use_bias, unit_forget_bias, reset_after, dropout, recurrent_dropout, \
        seed, seed_generator, implementation, output_size, kernel, recurrent_kernel, bias, kernel_initializer, \
        recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, \
        kernel_constraint, recurrent_constraint, bias_constraint = (CellAttribute() for _ in range(24))  # fmt: skip

    def __init__(self, cell: Cell, *of_layer: Any, use_cudnn: Any = None, **kwargs: Any) -> None:
        kwargs.pop("implementation", None)
        super().__init__(cell, *of_layer, **kwargs)
        self.use_cudnn = one_of(type(self).__name__, "use_cudnn", use_cudnn, ("auto", True, False, None))
        self.input_spec = InputSpec(ndim=3)


def cell_options(name: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name of a layer's cell, and the keyword arguments of the layer that the cell is given, too."""
    return {"name": name} | {k: kwargs[k] for k in ("dtype", "trainable", "implementation") if k in kwargs}
