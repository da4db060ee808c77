"""What lies under windows, as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.op import composite, to_array
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.windows import per_axis, to_last, windows_of
from hilevel.ops.numpy.indexing import take
from hilevel.ops.numpy.joining import stack
from hilevel.ops.numpy.shaping import pad, reshape


@composite
def unfold(x: TensorLike, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """What lies under each place of a window that slides over images, as columns.

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size: the size of the window, one number or two.
        dilation: the step between its elements.
        padding: how many zeros are put on each side.
        stride: the step from one place to the next.

    >>> ops.unfold(np.arange(4.0).reshape(1, 1, 2, 2), (1, 2))[0]
    array([[0., 2.],
           [1., 3.]])
    """
    x = to_array(x)
    sides = [(p, p) for p in per_axis("unfold", "padding", padding, 2, smallest=0)]
    shape = tuple(x.shape[i] for i in to_last(len(x.shape)))
    windows = windows_of("unfold", shape, kernel_size, stride, sides, dilation)
    counts = windows.counts(shape[1:-1], "unfold")
    x = pad(x, ((0, 0), (0, 0), *sides))
    parts = [x[(slice(None), *place)] for place in windows.places(counts)]
    columns = x.shape[1] * len(parts)
    return reshape(stack(parts, axis=2), (x.shape[0], columns, int(np.prod(counts))))


@composite
def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """The last axis cut into overlapping pieces.

    Args:
        x: `(..., time)`.
        sequence_length: the length of a piece.
        sequence_stride: the step from the start of one to that of the next.

    >>> ops.extract_sequences(np.array([1.0, 2.0, 3.0, 4.0]), 2, 1)
    array([[1., 2.],
           [2., 3.],
           [3., 4.]])
    """
    x = to_array(x)
    if not x.shape or x.shape[-1] < sequence_length:
        raise ShapeError(
            f"extract_sequences: pieces of {sequence_length} do not fit into the last axis of shape {tuple(x.shape)}."
        )
    starts = np.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return take(x, starts[:, None] + np.arange(sequence_length), axis=-1)
