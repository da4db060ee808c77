"""Statistics: quantiles, counts, segments, and reductions that leave out NaN."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel import dtypes
from hilevel._types import Axis, Tensor
from hilevel.autodiff.tape import untraced
from hilevel.errors import TracedValueError
from hilevel.interpreter import owner
from hilevel.ops._op import composite, to_array, to_float_array
from hilevel.ops.comparison import isnan, logical_and
from hilevel.ops.creation import full, ones_like
from hilevel.ops.elementwise import clip, square, where
from hilevel.ops.functions import sqrt
from hilevel.ops.indexing import put_add, scatter_update, searchsorted, take
from hilevel.ops.reduction import all, argsort, max, min, prod, sort, sum
from hilevel.ops.shaping import reshape, transpose
from hilevel.protocol import axes_tuple
from hilevel.tensor import TensorLike

# -- quantiles --------------------------------------------------------------------------------------


@composite
def quantile(x: Tensor, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The values below which the shares `q` (0 to 1) of the elements lie, over the given axes, or over all.

    `method` says what is taken between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"`,
    `"nearest"`. Where `q` has axes, they come first in the result.

    >>> ops.quantile([1.0, 2.0, 4.0], 0.75)
    array(3., dtype=float32)
    """
    x = to_float_array(x)
    share = np.asarray(q if not hasattr(q, "dtype") else owner(q).to_numpy(untraced(q)), np.float64)
    axes = axes_tuple(axis, len(x.shape))
    rest = [i for i in range(len(x.shape)) if i not in axes]
    flat = sort(reshape(transpose(x, [*axes, *rest]), (-1, *(x.shape[i] for i in rest))), axis=0)
    rows = _between(flat, share.reshape(-1) * (flat.shape[0] - 1), method)
    kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
    return reshape(rows, (*share.shape, *kept))


def _between(ordered: Tensor, places: np.ndarray[Any, Any], method: str) -> Tensor:
    """The rows of a sorted tensor at places that need not be integers."""
    low, high = np.floor(places).astype(np.int32), np.ceil(places).astype(np.int32)
    if method in ("lower", "higher", "nearest"):
        index = {"lower": low, "higher": high, "nearest": np.round(places).astype(np.int32)}[method]
        return take(ordered, index, axis=0)
    if method not in ("linear", "midpoint"):
        raise ValueError(
            f"quantile: method must be 'linear', 'lower', 'higher', 'midpoint' or 'nearest'; got {method!r}."
        )
    share = places - low if method == "linear" else np.where(low == high, 0.0, 0.5)
    weight = to_array(share.reshape((-1,) + (1,) * (len(ordered.shape) - 1)), ordered.dtype)
    below, above = take(ordered, low, axis=0), take(ordered, high, axis=0)
    return below + (above - below) * weight


@composite
def percentile(
    x: Tensor, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile` with shares in percent.

    >>> ops.percentile([1.0, 2.0, 4.0], 75)
    array(3., dtype=float32)
    """
    return quantile(x, np.asarray(q, np.float64) / 100, axis, method, keepdims)


@composite
def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The value in the middle, or the mean of the two there.

    >>> ops.median([1.0, 2.0, 4.0])
    array(2., dtype=float32)
    """
    return quantile(x, 0.5, axis, "midpoint", keepdims)


@composite
def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest less the smallest element.

    >>> ops.ptp([1.0, 4.0, 2.0])
    np.float32(3.0)
    """
    return max(x, axis=axis, keepdims=keepdims) - min(x, axis=axis, keepdims=keepdims)


def argpartition(x: Tensor, kth: int, axis: int = -1) -> Tensor:
    """Indices, int32, that put the `kth` smallest element in its place, the smaller before it, the larger behind.

    >>> ops.argpartition([3.0, 1.0, 2.0], 1)
    array([1, 2, 0], dtype=int32)
    """
    return argsort(x, axis=axis)


# -- counting ---------------------------------------------------------------------------------------


def _is_known(x: Tensor) -> bool:
    """Whether the numbers can be looked at."""
    return not isinstance(x, TensorLike) and owner(x).is_concrete(x)


def _known_size(x: Tensor, name: str) -> int:
    """One more than the largest element, which a compiled function does not know."""
    x = untraced(to_array(x))
    if not _is_known(x):
        raise TracedValueError(
            f"ops.{name}: inside a compiled function the size of the result must be given."
        )
    numbers = owner(x).to_numpy(x)
    return int(numbers.max()) + 1 if numbers.size else 0


def _indices(x: Tensor) -> Tensor:
    """Integers as they are, booleans as int32."""
    x = to_array(x)
    if x.dtype.kind not in "biu":
        raise TypeError(f"bincount: expected integers; got {x.dtype}. Cast x to an integer dtype first.")
    return x.astype(dtypes.INT32) if x.dtype.kind == "b" else x


@composite
def bincount(x: Tensor, weights: Tensor = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each non-negative integer occurs, or the sum of the weights where it does, along the last axis.

    The result has at least `minlength` places; inside a compiled function, exactly that many.

    >>> ops.bincount([0, 2, 2])
    array([1, 0, 2], dtype=int32)
    """
    if sparse:
        raise NotImplementedError("bincount(sparse=True): hilevel has no sparse tensors.")
    x = _indices(x)
    size = int(minlength)
    if size == 0 or _is_known(untraced(x)):
        size = builtins.max(size, _known_size(x, "bincount"))
    counted = ones_like(x, dtype="int32") if weights is None else to_array(weights)
    rows = [np.arange(n).reshape((-1,) + (1,) * (len(x.shape) - 1 - i)) for i, n in enumerate(x.shape[:-1])]
    return put_add(counted, (*rows, untraced(x)), shape=(*x.shape[:-1], size))


@composite
def histogram(x: Tensor, bins: int = 10, range: Any = None) -> tuple[Tensor, Tensor]:
    """How many elements fall into each of `bins` equal intervals (int32), and the borders of these.

    >>> ops.histogram([0.0, 1.0, 1.0, 4.0], bins=2)
    (array([3, 1], dtype=int32), array([0., 2., 4.], dtype=float32))
    """
    x = to_float_array(x).reshape((-1,))
    low, high = (min(x), max(x)) if range is None else (to_array(v, x.dtype) for v in range)
    edges = low + (high - low) * to_array(np.linspace(0, 1, bins + 1), x.dtype)
    inside = logical_and(x >= low, x <= high)
    place = clip(searchsorted(edges, x, side="right") - 1, 0, bins - 1)
    return put_add(inside.astype(dtypes.INT32), untraced(place), shape=(bins,)), edges


# -- segments ---------------------------------------------------------------------------------------


@composite
def segment_sum(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The sums of the rows of each segment. Rows whose index is negative or too large belong to none.

    >>> ops.segment_sum([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 6.], dtype=float32)
    """
    data, ids = to_array(data), untraced(to_array(segment_ids))
    n = _known_size(ids, "segment_sum") if num_segments is None else num_segments
    return put_add(data, _or_beyond(ids, n), shape=(n + 1, *data.shape[1:]))[:n]


def _or_beyond(ids: Tensor, n: int) -> Tensor:
    """The indices, those outside of `n` segments as `n`."""
    return untraced(where(logical_and(ids >= 0, ids < n), ids, n))


@composite
def segment_max(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest of the rows of each segment; of an empty one, the smallest number of the dtype. No gradient.

    Rows whose index is negative or too large belong to no segment.

    >>> ops.segment_max([1.0, 2.0, 4.0], [0, 1, 1])
    array([1., 4.], dtype=float32)
    """
    data, ids = to_array(data), untraced(to_array(segment_ids))
    n = _known_size(ids, "segment_max") if num_segments is None else num_segments
    start = full((n + 1, *data.shape[1:]), dtypes.lowest(data.dtype), dtype=data.dtype)
    return scatter_update(start, _or_beyond(ids, n)[..., None], data, reduction="max")[:n]


# -- without NaN ------------------------------------------------------------------------------------


def _filled(x: Tensor, value: float) -> tuple[Tensor, Tensor]:
    """The tensor with `value` in place of NaN, and 1 where there was a number."""
    x = to_float_array(x)
    missing = isnan(x)
    return where(missing, value, x), where(missing, 0.0, ones_like(x))


@composite
def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum of the elements that are not NaN.

    >>> ops.nansum([1.0, float("nan")])
    np.float32(1.0)
    """
    return sum(_without(x, 0.0), axis=axis, keepdims=keepdims)


def _without(x: Tensor, value: float) -> Tensor:
    """NaN replaced; integers, which have none, as they are."""
    x = to_array(x)
    return _filled(x, value)[0] if dtypes.is_float(x.dtype) else x


@composite
def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product of the elements that are not NaN.

    >>> ops.nanprod([2.0, float("nan")])
    np.float32(2.0)
    """
    return prod(_without(x, 1.0), axis=axis, keepdims=keepdims)


@composite
def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of the elements that are not NaN; NaN where there are none.

    >>> ops.nanmean([1.0, float("nan"), 3.0])
    np.float32(2.0)
    """
    numbers, present = _filled(x, 0.0)
    return sum(numbers, axis=axis, keepdims=keepdims) / sum(present, axis=axis, keepdims=keepdims)


@composite
def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance of the elements that are not NaN.

    >>> ops.nanvar([1.0, float("nan"), 3.0])
    np.float32(1.0)
    """
    x = to_float_array(x)
    rest = x - nanmean(x, axis=axis, keepdims=True)
    rest = rest - nanmean(rest, axis=axis, keepdims=True)
    return nanmean(square(rest), axis=axis, keepdims=keepdims)


@composite
def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation of the elements that are not NaN.

    >>> ops.nanstd([1.0, float("nan"), 3.0])
    np.float32(1.0)
    """
    return sqrt(nanvar(x, axis=axis, keepdims=keepdims))


def _nan_extreme(x: Tensor, extreme: Callable[..., Any], worst: float, axis: Axis, keepdims: bool) -> Tensor:
    x = to_array(x)
    if not dtypes.is_float(x.dtype):
        return extreme(x, axis=axis, keepdims=keepdims)
    nothing = all(isnan(x), axis=axis, keepdims=keepdims)
    return where(nothing, float("nan"), extreme(_without(x, worst), axis=axis, keepdims=keepdims))


@composite
def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest of the elements that are not NaN.

    >>> ops.nanmax([1.0, float("nan")])
    array(1., dtype=float32)
    """
    return _nan_extreme(x, max, float("-inf"), axis, keepdims)


@composite
def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest of the elements that are not NaN.

    >>> ops.nanmin([1.0, float("nan")])
    array(1., dtype=float32)
    """
    return _nan_extreme(x, min, float("inf"), axis, keepdims)
