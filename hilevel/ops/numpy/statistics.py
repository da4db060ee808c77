"""Statistics: quantiles, and reductions that skip NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, reduced, shape_of
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Axis, Tensor, TensorLike
from hilevel.ops.numpy.comparison import isnan
from hilevel.ops.numpy.creation import ones_like
from hilevel.ops.numpy.elementwise import square, where
from hilevel.ops.numpy.indexing import take
from hilevel.ops.numpy.reduction import all, argsort, max, min, prod, sort, sum
from hilevel.ops.numpy.shaping import ravel, reshape, transpose
from hilevel.ops.numpy.transcendental import sqrt


@composite
def quantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return the quantiles `q` of the elements over axes.

    Args:
        x: a tensor of any shape.
        q: probabilities from 0 to 1, a scalar or a tensor, whose axes come first in the result.
        axis: the axis or axes to reduce; all by default.
        method: the value between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.quantile([1.0, 2.0, 4.0], 0.75)
    array(3., dtype=float32)
    """
    x = to_float_array(x)
    fraction = np.asarray(q if not hasattr(q, "dtype") else backend_of(q).to_numpy(untraced(q)), np.float64)
    ordered = sort(with_reduced_first(x, axis), axis=0)
    rows = _interpolate(ordered, fraction.reshape(-1) * (ordered.shape[0] - 1), method)
    return reshape(rows, (*fraction.shape, *reduced(x, axis, keepdims).shape))


@quantile.shape
def _(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> TensorSpec:
    y = reduced(to_float_array(x), axis, keepdims)
    return TensorSpec((*shape_of(q if hasattr(q, "shape") else to_array(q)), *y.shape), y.dtype)


def with_reduced_first(x: Tensor, axis: Axis) -> Tensor:
    """Return a tensor with the axes to reduce flattened to the first axis, and the other axes after it."""
    axes = axes_tuple(axis, len(x.shape))
    rest = [i for i in range(len(x.shape)) if i not in axes]
    return reshape(transpose(x, [*axes, *rest]), (-1, *(x.shape[i] for i in rest)))


def _interpolate(ordered: Tensor, positions: np.ndarray[Any, Any], method: str) -> Tensor:
    """Return the rows of a sorted tensor at fractional positions."""
    low, high = np.floor(positions).astype(np.int32), np.ceil(positions).astype(np.int32)
    if method in ("lower", "higher", "nearest"):
        index = {"lower": low, "higher": high, "nearest": np.round(positions).astype(np.int32)}[method]
        return take(ordered, index, axis=0)
    if method not in ("linear", "midpoint"):
        raise ValueError(
            f"quantile: method must be 'linear', 'lower', 'higher', 'midpoint' or 'nearest'; got {method!r}."
        )
    fraction = positions - low if method == "linear" else np.where(low == high, 0.0, 0.5)
    weight = to_array(fraction.reshape((-1,) + (1,) * (len(ordered.shape) - 1)), ordered.dtype)
    below, above = take(ordered, low, axis=0), take(ordered, high, axis=0)
    return below + (above - below) * weight


@composite
def percentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return the percentiles `q` of the elements over axes.

    Args:
        x: a tensor of any shape.
        q: percentages from 0 to 100, a scalar or a tensor, whose axes come first in the result.
        axis: the axis or axes to reduce; all by default.
        method: the value between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.percentile([1.0, 2.0, 4.0], 75)
    array(3., dtype=float32)
    """
    q = q / 100 if isinstance(q, TensorBase) else np.asarray(q, np.float64) / 100
    return quantile(x, q, axis, method, keepdims)


@composite
def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the middle value over axes. Of an even number of elements it is the mean of the two in the middle.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.median([1.0, 2.0, 4.0])
    array(2., dtype=float32)
    """
    return quantile(x, 0.5, axis, "midpoint", keepdims)


@composite
def ptp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest minus the smallest element over axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.ptp([1.0, 4.0, 2.0])
    np.float32(3.0)
    """
    return max(x, axis=axis, keepdims=keepdims) - min(x, axis=axis, keepdims=keepdims)


@composite
def argpartition(x: TensorLike, kth: int, axis: int | None = -1) -> Tensor:
    """Return indices, int32, that put the `kth` smallest element in its sorted position, with smaller ones before
    it.

    Args:
        x: a tensor with at least one axis.
        kth: the index of the element in sorted order.
        axis: the axis; None for the flattened tensor.

    >>> ops.argpartition([3.0, 1.0, 2.0], 1)
    array([1, 2, 0], dtype=int32)

    Raises:
        ValueError: `kth` is not an integer.
    """
    if not isinstance(kth, (int, np.integer)):
        raise ValueError(f"argpartition: kth must be an integer; got {kth!r}.")
    x = to_array(x)
    return argsort(ravel(x), axis=0) if axis is None else argsort(x, axis=axis)


def is_concrete(x: Tensor) -> bool:
    """Whether the values of a tensor can be read."""
    return not isinstance(x, TensorBase) and backend_of(x).is_concrete(x)


def _fill_nan(x: Tensor, value: float) -> tuple[Tensor, Tensor]:
    """Return the tensor with `value` in place of NaN, and a tensor with 1 where it was not NaN."""
    x = to_float_array(x)
    missing = isnan(x)
    return where(missing, value, x), where(missing, 0.0, ones_like(x))


@composite
def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over axes of the elements that are not NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nansum([1.0, float("nan")])
    np.float32(1.0)
    """
    return sum(_replace_nan(x, 0.0), axis=axis, keepdims=keepdims)


def _replace_nan(x: Tensor, value: float) -> Tensor:
    """Replace NaN by `value`. Integers are returned unchanged."""
    x = to_array(x)
    return _fill_nan(x, value)[0] if dtypes.is_float(x.dtype) else x


@composite
def nanprod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the product over axes of the elements that are not NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanprod([2.0, float("nan")])
    np.float32(2.0)
    """
    return prod(_replace_nan(x, 1.0), axis=axis, keepdims=keepdims)


@composite
def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over axes of the elements that are not NaN. If all are NaN, it is NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanmean([1.0, float("nan"), 3.0])
    np.float32(2.0)
    """
    values, present = _fill_nan(x, 0.0)
    return sum(values, axis=axis, keepdims=keepdims) / sum(present, axis=axis, keepdims=keepdims)


@composite
def nanvar(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the variance over axes of the elements that are not NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanvar([1.0, float("nan"), 3.0])
    np.float32(1.0)
    """
    x = to_float_array(x)
    rest = x - nanmean(x, axis=axis, keepdims=True)
    rest = rest - nanmean(rest, axis=axis, keepdims=True)
    return nanmean(square(rest), axis=axis, keepdims=keepdims)


@composite
def nanstd(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over axes of the elements that are not NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanstd([1.0, float("nan"), 3.0])
    np.float32(1.0)
    """
    return sqrt(nanvar(x, axis=axis, keepdims=keepdims))


def _nan_extreme(x: Tensor, extreme: Callable[..., Any], worst: float, axis: Axis, keepdims: bool) -> Tensor:
    x = to_array(x)
    if not dtypes.is_float(x.dtype):
        return extreme(x, axis=axis, keepdims=keepdims)
    all_missing = all(isnan(x), axis=axis, keepdims=keepdims)
    return where(all_missing, float("nan"), extreme(_replace_nan(x, worst), axis=axis, keepdims=keepdims))


@composite
def nanmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest element over axes that is not NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanmax([1.0, float("nan")])
    array(1., dtype=float32)
    """
    return _nan_extreme(x, max, float("-inf"), axis, keepdims)


@composite
def nanmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest element over axes that is not NaN.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.nanmin([1.0, float("nan")])
    array(1., dtype=float32)
    """
    return _nan_extreme(x, min, float("inf"), axis, keepdims)
