"""Sums and maxima of segments."""

from __future__ import annotations

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.op import composite, to_array
from hilevel.engine.types import Tensor, TensorLike
from hilevel.ops.core.scatter import scatter_update
from hilevel.ops.numpy.binning import known_size
from hilevel.ops.numpy.comparison import logical_and
from hilevel.ops.numpy.creation import full
from hilevel.ops.numpy.elementwise import where
from hilevel.ops.numpy.indexing import scatter_add


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
    """
    data, ids = to_array(data), untraced(to_array(segment_ids))
    n = known_size(ids, "segment_sum") if num_segments is None else num_segments
    return scatter_add(data, _outside_to_last(ids, n), shape=(n + 1, *data.shape[1:]))[:n]


def _outside_to_last(ids: Tensor, n: int) -> Tensor:
    """Return the indices, with `n` in place of indices outside of `n` segments."""
    return untraced(where(logical_and(ids >= 0, ids < n), ids, n))


@composite
def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Return the largest of the rows of each segment; for an empty one, the smallest value of the dtype. No
    gradient.

    Rows with a negative index, or one that is too large, are skipped.

    Args:
        data: a tensor of shape `(rows, ...)`.
        segment_ids: the segment of each row, integers of shape `(rows,)`.
        num_segments: the length of the result; the largest index plus one by default. Compiled functions require it.
        sorted: ignored; the segments may be in any order.

    >>> ops.segment_max([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 4.], dtype=float32)
    """
    data, ids = to_array(data), untraced(to_array(segment_ids))
    n = known_size(ids, "segment_max") if num_segments is None else num_segments
    start = full((n + 1, *data.shape[1:]), dtypes.lowest(data.dtype), dtype=data.dtype)
    return scatter_update(start, _outside_to_last(ids, n)[..., None], data, reduction="max")[:n]
