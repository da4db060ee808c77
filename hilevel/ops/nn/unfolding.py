"""The patches of a tensor under sliding windows, as tensors, and back."""

from __future__ import annotations

import functools
import operator

import numpy as np

from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import TensorSpec, agree, is_unknown, size_from
from hilevel.engine.types import Sizes, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.windows import per_axis, to_last, windows_of
from hilevel.ops.numpy.indexing import scatter_add, take
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
def fold(
    x: TensorLike,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Return images of the patches that `unfold` makes; where patches overlap, their elements are added.

    Args:
        x: patches as columns, `(batch, channels * kernel height * kernel width, positions)`.
        output_size: the height and the width of the images, an integer or two.
        kernel_size: the size of the window, an integer or two.
        dilation: the step between the elements of the window.
        padding: the number of elements to cut off each side.
        stride: the step from one position to the next.

    >>> ops.fold(np.ones((1, 2, 1)), (1, 2), (1, 2))
    array([[[[1., 1.]]]])

    Raises:
        ValueError: the shape of `x` does not agree with the sizes.
    """
    x = to_array(x)
    sides = per_axis("fold", "padding", padding, 2, smallest=0)
    whole = [n + 2 * p for n, p in zip(per_axis("fold", "output_size", output_size, 2), sides, strict=True)]
    windows = windows_of("fold", (1, *whole, 1), kernel_size, stride, [(0, 0)] * 2, dilation)
    counts = windows.output_size(tuple(whole), "fold")
    size = int(np.prod(windows.size))
    positions = int(np.prod(counts))
    if (
        len(x.shape) != 3
        or not agree(x.shape[2:], (positions,))
        or (x.shape[1] % size and not is_unknown(x.shape[1]))
    ):
        raise ShapeError(
            f"fold: x must be 3D, with a multiple of {size} channels and {positions} positions; got shape "
            f"{tuple(x.shape)}."
        )
    batch, channels = x.shape[0], x.shape[1] // size
    parts = reshape(x, (batch, channels, size, *counts))
    places = [(slice(None), *place) for place in windows.slices(counts)]
    shape = (batch, channels, *whole)
    y = functools.reduce(
        operator.add, [scatter_add(parts[:, :, i], key, shape=shape) for i, key in enumerate(places)]
    )
    return y[(..., *(slice(p, n - p) for n, p in zip(whole, sides, strict=True)))]


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
    n = x.shape[-1] if x.shape else 0
    if isinstance(x, TensorSpec) and is_unknown(n):
        count = size_from((n - sequence_length) // sequence_stride + 1, n)
        return TensorSpec((*x.shape[:-1], count, sequence_length), x.dtype)
    if n < sequence_length:
        raise ShapeError(
            f"extract_sequences: the last axis is shorter than sequence_length={sequence_length}; got shape "
            f"{tuple(x.shape)}."
        )
    starts = np.arange(0, n - sequence_length + 1, sequence_stride)
    return take(x, starts[:, None] + np.arange(sequence_length), axis=-1)
