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
    """The sums of the rows of each segment. Rows whose index is negative or too large belong to none.

    >>> ops.segment_sum([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 6.], dtype=float32)
    """
    data, ids = to_array(data), untraced(to_array(segment_ids))
    n = known_size(ids, "segment_sum") if num_segments is None else num_segments
    return scatter_add(data, _or_beyond(ids, n), shape=(n + 1, *data.shape[1:]))[:n]


def _or_beyond(ids: Tensor, n: int) -> Tensor:
    """The indices, those outside of `n` segments as `n`."""
    return untraced(where(logical_and(ids >= 0, ids < n), ids, n))


@composite
def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest of the rows of each segment; of an empty one, the smallest number of the dtype. No gradient.

    Rows whose index is negative or too large belong to no segment.

    >>> ops.segment_max([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 4.], dtype=float32)
    """
    data, ids = to_array(data), untraced(to_array(segment_ids))
    n = known_size(ids, "segment_max") if num_segments is None else num_segments
    start = full((n + 1, *data.shape[1:]), dtypes.lowest(data.dtype), dtype=data.dtype)
    return scatter_update(start, _or_beyond(ids, n)[..., None], data, reduction="max")[:n]
