"""The patches of a tensor under sliding windows, as tensors."""

from __future__ import annotations

import numpy as np

from hilevel.engine.op import composite, to_array
from hilevel.engine.types import Sizes, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.windows import per_axis, to_last, windows_of
from hilevel.ops.numpy.indexing import take
from hilevel.ops.numpy.joining import stack
from hilevel.ops.numpy.shaping import pad, reshape


@composite
def unfold(
    x: TensorLike, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """Return the patch under each position of a window that slides over images, as columns.

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size: the size of the window, an integer or two.
        dilation: the step between the elements of the window.
        padding: the number of zeros added to each side.
        stride: the step from one position to the next.

    >>> ops.unfold(np.arange(4.0).reshape(1, 1, 2, 2), (1, 2))[0]
    array([[0., 2.],
           [1., 3.]])
    """
    x = to_array(x)
    sides = [(p, p) for p in per_axis("unfold", "padding", padding, 2, smallest=0)]
    shape = tuple(x.shape[i] for i in to_last(len(x.shape)))
    windows = windows_of("unfold", shape, kernel_size, stride, sides, dilation)
    counts = windows.output_size(shape[1:-1], "unfold")
    x = pad(x, ((0, 0), (0, 0), *sides))
    parts = [x[(slice(None), *place)] for place in windows.slices(counts)]
    columns = x.shape[1] * len(parts)
    return reshape(stack(parts, axis=2), (x.shape[0], columns, int(np.prod(counts))))


@composite
def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """Split the last axis into overlapping pieces.

    Args:
        x: `(..., time)`.
        sequence_length: the length of a piece.
        sequence_stride: the step from the start of one piece to the start of the next.

    >>> ops.extract_sequences(np.array([1.0, 2.0, 3.0, 4.0]), 2, 1)
    array([[1., 2.],
           [2., 3.],
           [3., 4.]])

    Raises:
        ShapeError: the axis is shorter than a piece.
    """
    x = to_array(x)
    if not x.shape or x.shape[-1] < sequence_length:
        raise ShapeError(
            f"extract_sequences: the last axis is shorter than sequence_length={sequence_length}; got shape "
            f"{tuple(x.shape)}."
        )
    starts = np.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return take(x, starts[:, None] + np.arange(sequence_length), axis=-1)
