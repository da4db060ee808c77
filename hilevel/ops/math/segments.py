"""Sums, products and extremes of segments."""

from __future__ import annotations

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.context import context
from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import TensorSpec, is_unknown
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.core.scatter import scatter_update
from hilevel.ops.numpy.binning import known_size
from hilevel.ops.numpy.comparison import isnan, logical_and, logical_or
from hilevel.ops.numpy.creation import full
from hilevel.ops.numpy.elementwise import where
from hilevel.ops.numpy.indexing import scatter_add, take, take_along_axis
from hilevel.ops.numpy.joining import concatenate


def _segments(name: str, data: TensorLike, ids: TensorLike, n: int | None) -> tuple[Tensor, Tensor, int]:
    """Return the data, the segment of each row, and the number of segments.

    A row outside of the segments gets the index `n`.
    """
    data, ids = to_array(data), untraced(to_array(ids))
    if len(ids.shape) != 1:
        raise ShapeError(f"{name}: segment_ids must have one axis; got shape {tuple(ids.shape)}.")
    sizes = (*data.shape[:1], *ids.shape)
    if any(map(is_unknown, sizes)):
        data = TensorSpec((*ids.shape, *data.shape[1:]), data.dtype)
    elif len(set(sizes)) > 1:
        raise ShapeError(
            f"{name}: data and segment_ids must have equal numbers of rows; got shapes {tuple(data.shape)} and "
            f"{tuple(ids.shape)}."
        )
    if n is None:
        n = context.placeholder_size if context.placeholder_size is not None else known_size(ids, name)
    return data, untraced(where(logical_and(ids >= 0, ids < n), ids, n)), n


@composite
def segment_sum(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Sum the rows of each segment. Rows with a negative index, or one that is too large, are skipped.

    Args:
        data: a tensor of shape `(rows, ...)`.
        segment_ids: the segment of each row, integers of shape `(rows,)`.
        num_segments: the length of the result; the largest index plus one by default. Compiled functions require it.
        sorted: ignored; the segments may be in any order.

    >>> ops.segment_sum([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 6.], dtype=float32)

    Raises:
        ValueError: `segment_ids` has not the shape `(rows,)`.
    """
    data, ids, n = _segments("segment_sum", data, segment_ids, num_segments)
    return _without_last(scatter_add(data, ids, shape=(n + 1, *data.shape[1:])), n)


@composite
def segment_prod(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Multiply the rows of each segment; the product of an empty one is 1. No gradient.

    Rows with a negative index, or one that is too large, are skipped.

    Args:
        data: a tensor of shape `(rows, ...)`.
        segment_ids: the segment of each row, integers of shape `(rows,)`.
        num_segments: the length of the result; the largest index plus one by default. Compiled functions require it.
        sorted: ignored; the segments may be in any order.

    >>> ops.segment_prod([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 8.], dtype=float32)

    Raises:
        ValueError: `segment_ids` has not the shape `(rows,)`.
    """
    data, ids, n = _segments("segment_prod", data, segment_ids, num_segments)
    start = full((n + 1, *data.shape[1:]), 1, dtype=data.dtype)
    return _without_last(scatter_update(start, ids[..., None], data, reduction="mul"), n)


@composite
def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Return the largest of the rows of each segment; for an empty one, the smallest value of the dtype.

    Rows with a negative index, or one that is too large, are skipped. The first of equal rows gets the gradient.

    Args:
        data: a tensor of shape `(rows, ...)`.
        segment_ids: the segment of each row, integers of shape `(rows,)`.
        num_segments: the length of the result; the largest index plus one by default. Compiled functions require it.
        sorted: ignored; the segments may be in any order.

    >>> ops.segment_max([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 4.], dtype=float32)

    Raises:
        ValueError: `segment_ids` has not the shape `(rows,)`.
    """
    segments = _segments("segment_max", data, segment_ids, num_segments)
    return _extreme(*segments, "max", dtypes.lowest(segments[0].dtype))


@composite
def segment_min(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Return the smallest of the rows of each segment; for an empty one, the largest value of the dtype.

    Rows with a negative index, or one that is too large, are skipped. The first of equal rows gets the gradient.

    Args:
        data: a tensor of shape `(rows, ...)`.
        segment_ids: the segment of each row, integers of shape `(rows,)`.
        num_segments: the length of the result; the largest index plus one by default. Compiled functions require it.
        sorted: ignored; the segments may be in any order.

    >>> ops.segment_min([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 2.], dtype=float32)

    Raises:
        ValueError: `segment_ids` has not the shape `(rows,)`.
    """
    segments = _segments("segment_min", data, segment_ids, num_segments)
    return _extreme(*segments, "min", dtypes.highest(segments[0].dtype))


def _extreme(data: Tensor, ids: Tensor, n: int, reduction: str, empty: complex) -> Tensor:
    """Return the first row that attains the extreme of its segment, and `empty` for an empty segment."""
    values, rows = untraced(data), data.shape[0]
    start = full((n + 1, *data.shape[1:]), empty, dtype=data.dtype)
    best = scatter_update(start, ids[..., None], values, reduction=reduction)
    hits = untraced(logical_or(values == take(best, ids, axis=0), isnan(values)))
    numbers = where(hits, np.arange(rows, dtype="int32").reshape((-1,) + (1,) * (len(data.shape) - 1)), rows)
    nothing = full(best.shape, rows, dtype="int32")
    first = untraced(scatter_update(nothing, ids[..., None], numbers, reduction="min"))
    padded = concatenate([data, full((1, *data.shape[1:]), empty, dtype=data.dtype)], axis=0)
    return _without_last(take_along_axis(padded, first, axis=0), n)


def _without_last(x: Tensor, n: int) -> Tensor:
    """Return the first `n` rows, without the result of the rows outside of the segments."""
    return TensorSpec((n, *x.shape[1:]), x.dtype) if isinstance(x, TensorSpec) else x[:n]
