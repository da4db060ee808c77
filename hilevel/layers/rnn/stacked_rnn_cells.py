"""Stacked cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel.engine.types import Shape, Tensor
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.rnn.cell import (
    CellLike,
    States,
    check_cell,
    initial_states,
    output_size,
    structured_like,
    training_argument,
)


class StackedRNNCells(Layer):
    """A stack of cells, each of which gets the output of the previous cell, `(batch, units)`.

    Args:
        cells: the cells, from first to last.

    >>> import hilevel
    >>> cells = hilevel.layers.StackedRNNCells([hilevel.layers.LSTMCell(3), hilevel.layers.GRUCell(2)])
    >>> hilevel.layers.RNN(cells)(np.ones((4, 5, 1))).shape
    (4, 2)
    """

    def __init__(self, cells: Sequence[CellLike], **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        for cell in cells if isinstance(cells, (list, tuple)) else [cells]:
            check_cell("StackedRNNCells", "cells", cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the cells' states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return the initial states of each cell."""
        return [initial_states(cell, batch_size) for cell in self.cells]

    def build(self, input_shape: Shape) -> None:
        """Build the cells, each for the output of the previous cell."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(
        self, inputs: Tensor, states: Sequence[States], training: bool | None = False, **kwargs: Any
    ) -> Any:
        """Compute a step of each cell."""
        new = []
        for cell, own in zip(self.cells, states, strict=True):
            given = own if isinstance(own, (list, tuple)) else [own]
            inputs, after = cell(inputs, given, **training_argument(cell, training))
            new.append(structured_like(own, after))
        return inputs, new
