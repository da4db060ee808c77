"""Quantiles, indices and accumulations that skip NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.dtypes import INT32
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.spec import reduced
from hilevel.engine.types import Axis, DTypeLike, Tensor, TensorLike
from hilevel.ops.numpy.comparison import isnan
from hilevel.ops.numpy.elementwise import ceil, clip, floor, round, where
from hilevel.ops.numpy.indexing import take_along_axis
from hilevel.ops.numpy.reduction import all, argmax, argmin, at_least_float32, cumprod, cumsum, sort, sum
from hilevel.ops.numpy.shaping import reshape
from hilevel.ops.numpy.statistics import with_reduced_first

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@composite
def nanquantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return the quantiles `q` over axes of the elements that are not NaN. If all are NaN, it is NaN.

    Args:
        x: a tensor of any shape.
        q: probabilities from 0 to 1, a scalar or a tensor, whose axes come first in the result.
        axis: the axis or axes to reduce; all by default.
        method: the value between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanquantile([1.0, float("nan"), 3.0], 0.5)
    array(2., dtype=float32)

    Raises:
        ValueError: the method is none of these.
    """
    if method not in METHODS:
        raise ValueError(f"nanquantile: method must be one of {', '.join(METHODS)}; got {method!r}.")
    x = to_float_array(x)
    q = untraced(_exact(q))
    ordered = sort(at_least_float32(with_reduced_first(x, axis)), axis=0)  # NaN is last
    column = (-1, *(1 for _ in ordered.shape[1:]))
    found = _between(ordered, reshape(q, column).astype(ordered.dtype), method)
    return reshape(found.astype(x.dtype), (*q.shape, *reduced(x, axis, keepdims).shape))


def _exact(q: TensorLike) -> Tensor:
    """Return a tensor; Python scalars as float64."""
    return to_float_array(q if hasattr(q, "dtype") else np.asarray(q, np.float64))


def _between(ordered: Tensor, q: Tensor, method: str) -> Tensor:
    """Return the quantiles of sorted columns, of which each has its own number of elements before the first NaN."""
    last = sum((ordered == ordered).astype(INT32), axis=0) - 1
    position = clip(q * last.astype(ordered.dtype), 0, None)

    def at(place: Tensor) -> Tensor:
        return take_along_axis(ordered, untraced(place.astype(INT32)), axis=0)

    low, high = floor(position), ceil(position)
    if method in ("lower", "higher", "nearest"):
        return at({"lower": low, "higher": high, "nearest": round(position)}[method])
    weight = position - low if method == "linear" else 0.5
    return where(low == high, at(low), at(low) + (at(high) - at(low)) * weight)


@composite
def nanpercentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return the percentiles `q` over axes of the elements that are not NaN. If all are NaN, it is NaN.

    Args:
        x: a tensor of any shape.
        q: percentages from 0 to 100, a scalar or a tensor, whose axes come first in the result.
        axis: the axis or axes to reduce; all by default.
        method: the value between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanpercentile([1.0, float("nan"), 3.0], 50)
    array(2., dtype=float32)

    Raises:
        ValueError: the method is none of these.
    """
    return nanquantile(x, _exact(q) / 100, axis, method, keepdims)


@composite
def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the middle value over axes of the elements that are not NaN. If all are NaN, it is NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanmedian([1.0, float("nan"), 2.0, 4.0])
    array(2., dtype=float32)
    """
    return nanquantile(x, 0.5, axis, "midpoint", keepdims)


def _nan_index(x: TensorLike, index: Callable[..., Any], worst: float, axis: Any, keepdims: bool) -> Tensor:
    """Return the index of an extreme with NaN replaced by the worst value, and -1 if all are NaN."""
    x = to_array(x)
    if not dtypes.is_float(x.dtype):
        return index(x, axis=axis, keepdims=keepdims)
    missing = isnan(x)
    found = index(where(missing, worst, x), axis=axis, keepdims=keepdims)
    return where(all(missing, axis=axis, keepdims=keepdims), -1, found)


@composite
def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index, int32, of the largest element along an axis that is not NaN; -1 if all are NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the index is into the flattened tensor.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanargmax([[1.0, float("nan"), 2.0]], axis=1)
    array([2], dtype=int32)
    """
    return _nan_index(x, argmax, float("-inf"), axis, keepdims)


@composite
def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index, int32, of the smallest element along an axis that is not NaN; -1 if all are NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the index is into the flattened tensor.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanargmin([[3.0, float("nan"), 2.0]], axis=1)
    array([2], dtype=int32)
    """
    return _nan_index(x, argmin, float("inf"), axis, keepdims)


def _accumulated(
    x: TensorLike, accumulate: Callable[..., Any], neutral: int, axis: Axis, dtype: DTypeLike
) -> Tensor:
    x = to_array(x, dtype)
    if dtypes.is_float(x.dtype):
        x = where(isnan(x), neutral, x)
    for a in (axis,) if axis is None or isinstance(axis, int) else axis:
        x = accumulate(x, axis=a)
    return x


@composite
def nancumsum(x: TensorLike, axis: Axis = None, dtype: DTypeLike = None) -> Tensor:
    """Return the cumulative sums along an axis, with NaN counted as 0.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the tensor is flattened.
        dtype: a dtype to convert `x` to first; its own by default, int32 for booleans.

    >>> ops.nancumsum([1.0, float("nan"), 2.0])
    array([1., 1., 3.], dtype=float32)
    """
    return _accumulated(x, cumsum, 0, axis, dtype)


@composite
def nancumprod(x: TensorLike, axis: Axis = None, dtype: DTypeLike = None) -> Tensor:
    """Return the cumulative products along an axis, with NaN counted as 1.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the tensor is flattened.
        dtype: a dtype to convert `x` to first; its own by default, int32 for booleans.

    >>> ops.nancumprod([2.0, float("nan"), 3.0])
    array([2., 2., 6.], dtype=float32)
    """
    return _accumulated(x, cumprod, 1, axis, dtype)
