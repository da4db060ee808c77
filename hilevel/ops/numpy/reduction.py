"""Ops that reduce axes, accumulate along them, or order them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.dtypes import BOOL, INT32, sum_dtype
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, op, to_array, to_float_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, as_spec, like_along, reduced
from hilevel.engine.types import Array, Axis, DTypeLike, Function, Namespace, Tensor, TensorLike
from hilevel.ops.numpy.comparison import isclose, isfinite
from hilevel.ops.numpy.elementwise import clip, maximum, minimum, square, stop_gradient, where
from hilevel.ops.numpy.indexing import take_along_axis
from hilevel.ops.numpy.transcendental import exp, log, sqrt


def as_axis(axis: Axis) -> Any:
    """Return the axes as NumPy takes them: a tuple in place of a list."""
    return tuple(axis) if isinstance(axis, list) else axis


def expand_reduced(xp: Namespace, g: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    """Return a reduced tensor with the reduced axes restored, with length 1."""
    if keepdims:
        return g
    if axis.__class__ is int and axis == -1:
        return g[..., None]
    axes = axes_tuple(axis, len(x.shape))
    return xp.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


@op
def sum(xp: Namespace, x: TensorLike, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over axes. Booleans and small integers are summed as int32.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([4., 6.], dtype=float32)
    """
    return xp.sum(x, axis=as_axis(axis), keepdims=keepdims, dtype=sum_dtype(x.dtype))


@sum.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    return xp.broadcast_to(expand_reduced(xp, g, x, axis, keepdims), x.shape)


sum.shape(lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims, dtype=sum_dtype(x.dtype)))


def number_of_terms(x: Tensor, axis: Axis) -> int:
    """Return the number of elements that a reduction over the axes combines into one."""
    if axis.__class__ is int:
        return x.shape[axis]
    return math.prod(x.shape if axis is None else [x.shape[a] for a in axes_tuple(axis, len(x.shape))])


@op(dtype="float")
def mean(xp: Namespace, x: TensorLike, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([1.5, 3.5], dtype=float32)
    """
    if x.dtype.itemsize == 2:
        return xp.mean(x, axis=as_axis(axis), keepdims=keepdims, dtype=np.float32).astype(x.dtype)
    return xp.mean(x, axis=as_axis(axis), keepdims=keepdims)


@mean.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    g = g / number_of_terms(x, axis)
    return xp.broadcast_to(expand_reduced(xp, g, x, axis, keepdims), x.shape)


mean.shape(lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims))


def at_least_float32(x: Tensor) -> Tensor:
    """Return a tensor of half precision as float32, any other unchanged."""
    return x.astype(np.dtype("float32")) if x.dtype.itemsize == 2 else x


def in_dtype_of(x: Tensor, y: Tensor) -> Tensor:
    """Return `y` in the dtype of `x`, in float16 limited to its largest finite value."""
    if y.dtype == x.dtype:
        return y
    if x.dtype == np.float16:
        y = clip(y, -_LARGEST, _LARGEST)
    return y.astype(x.dtype)


_LARGEST = float(np.finfo(np.float16).max)


def _centred(x: Tensor, axis: Axis) -> tuple[Tensor, Tensor]:
    """Return the means, on axes of length 1, and the deviations from them.

    The mean of the deviations corrects the rounding error of the first mean, which is large if the mean is large.
    """
    average = mean(x, axis=axis, keepdims=True)
    rest = x - average
    shift = mean(rest, axis=axis, keepdims=True)
    return average + shift, rest - shift


def _var(x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    return mean(square(_centred(x, axis)[1]), axis=axis, keepdims=keepdims)


def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the variance (mean squared deviation from the mean) over axes. For half precision it is computed in
    float32.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.var([1.0, 3.0])
    np.float32(1.0)
    """
    x = to_float_array(x)
    y = _var(at_least_float32(x), axis, keepdims)
    return y if y.dtype == x.dtype else y.astype(x.dtype)


def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over axes. For half precision it is computed in float32.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.std([1.0, 3.0])
    np.float32(1.0)
    """
    x = to_float_array(x)
    return in_dtype_of(x, sqrt(_var(at_least_float32(x), axis, keepdims)))


def moments(
    x: TensorLike, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance over axes.

    For half precision they are computed in float32. In float16 they are limited to its largest finite value.

    Args:
        x: a tensor of any shape.
        axes: the axis or axes to reduce; None for all.
        keepdims: whether the reduced axes stay, with length 1.
        synchronized: not supported; only False.

    >>> ops.moments(np.array([1.0, 3.0]), axes=[0])
    (np.float64(2.0), np.float64(1.0))

    Raises:
        NotImplementedError: `synchronized` is True.
    """
    if synchronized:
        raise NotImplementedError("synchronized=True needs several devices; this process has one.")
    given = to_float_array(x)
    average, rest = _centred(at_least_float32(given), axes)
    average, variance = sum(average, axes, keepdims), mean(square(rest), axis=axes, keepdims=keepdims)
    return in_dtype_of(given, average), in_dtype_of(given, variance)


@op
def _max(xp: Namespace, x: Tensor, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return xp.max(x, axis=as_axis(axis), keepdims=keepdims)


@op
def _min(xp: Namespace, x: Tensor, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return xp.min(x, axis=as_axis(axis), keepdims=keepdims)


def _extreme_gradient(
    xp: Namespace, g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False
) -> Any:
    """Return the gradient of a maximum or minimum: equal parts for the elements that attain it."""
    hits = (x == expand_reduced(xp, y, x, axis, keepdims)).astype(g.dtype)
    g = expand_reduced(xp, g, x, axis, keepdims)
    return g * hits / xp.sum(hits, axis=as_axis(axis), keepdims=True)


for _extreme in (_max, _min):
    _extreme.gradient(_extreme_gradient)
    _extreme.shape(lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims))


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: complex | None = None) -> Tensor:
    """Return the largest element over axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.
        initial: a lower limit of the result; none by default.

    >>> ops.max([[1.0, 5.0], [3.0, 2.0]], axis=1)
    array([5., 3.], dtype=float32)
    """
    return _extreme_of(x, axis, keepdims, initial, _max, maximum)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: complex | None = None) -> Tensor:
    """Return the smallest element over axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.
        initial: an upper limit of the result; none by default.

    >>> ops.min([[1.0, 5.0], [3.0, 2.0]], axis=1)
    array([1., 2.], dtype=float32)
    """
    return _extreme_of(x, axis, keepdims, initial, _min, minimum)


def _extreme_of(
    x: TensorLike, axis: Axis, keepdims: bool, initial: complex | None, reduce: Function, limit: Function
) -> Tensor:
    """Return the extreme element and the initial value combined; the initial value alone if there are no elements."""
    if initial is None:
        return reduce(x, axis=axis, keepdims=keepdims)
    return _limited(x, axis, keepdims, initial, reduce, limit)


@composite
def _limited(
    x: TensorLike, axis: Axis, keepdims: bool, initial: complex, reduce: Function, limit: Function
) -> Tensor:
    x = to_array(x)
    shape = reduced(as_spec(x), axis, keepdims).shape
    if number_of_terms(x, axis) == 0:
        return constant(x, np.full(shape, initial, x.dtype))
    return limit(reduce(x, axis=axis, keepdims=keepdims), initial).astype(x.dtype)


def amax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest element over axes, as `max` does.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.amax([1.0, 5.0])
    np.float32(5.0)
    """
    return max(x, axis=axis, keepdims=keepdims)


def amin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest element over axes, as `min` does.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.amin([1.0, 5.0])
    np.float32(1.0)
    """
    return min(x, axis=axis, keepdims=keepdims)


@op(dtype="sum")
def _prod(xp: Namespace, x: Tensor, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return xp.prod(x, axis=as_axis(axis), keepdims=keepdims, dtype=x.dtype)


@_prod.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """Multiply the running products before and after each element, which is correct for zeros too."""
    axes = axes_tuple(axis, len(x.shape))
    rest = tuple(i for i in range(len(x.shape)) if i not in axes)
    order = rest + axes
    moved = xp.transpose(x, order)
    lead = tuple(moved.shape[: len(rest)])
    flat = xp.reshape(moved, (*lead, -1))
    one = xp.ones_like(flat[..., :1])
    before = xp.cumprod(xp.concatenate([one, flat[..., :-1]], axis=-1), axis=-1)
    after = xp.concatenate([one, xp.flip(flat, axis=-1)[..., :-1]], axis=-1)
    others = before * xp.flip(xp.cumprod(after, axis=-1), axis=-1)
    others = xp.transpose(xp.reshape(others, moved.shape), tuple(int(i) for i in np.argsort(order)))
    return expand_reduced(xp, g, x, axis, keepdims) * others


_prod.shape(lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims))


def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike = None) -> Tensor:
    """Return the product over axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.
        dtype: a dtype to convert `x` to first; its own by default.

    >>> ops.prod([1.0, 2.0, 4.0])
    np.float32(8.0)
    """
    return _prod(to_array(x, dtype), axis=axis, keepdims=keepdims)


@op
def all(xp: Namespace, x: TensorLike, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether all elements over axes are true.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.all([[True, False], [True, True]], axis=1)
    array([False,  True])
    """
    return xp.all(x, axis=as_axis(axis), keepdims=keepdims)


@op
def any(xp: Namespace, x: TensorLike, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether at least one element over axes is true.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.any([[True, False], [False, False]], axis=1)
    array([ True, False])
    """
    return xp.any(x, axis=as_axis(axis), keepdims=keepdims)


for _logic in (all, any):
    _logic.shape(lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims, dtype=BOOL))


@op
def argmax(xp: Namespace, x: TensorLike, /, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index, int32, of the largest element along an axis. Of equal elements it is the first.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the index is into the flattened tensor.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.argmax([[1.0, 5.0], [3.0, 2.0]], axis=1)
    array([1, 0], dtype=int32)
    """
    return xp.argmax(x, axis=axis, keepdims=keepdims).astype(INT32)


@op
def argmin(xp: Namespace, x: TensorLike, /, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index, int32, of the smallest element along an axis. Of equal elements it is the first.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the index is into the flattened tensor.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.argmin([[1.0, 5.0], [3.0, 2.0]], axis=1)
    array([0, 1], dtype=int32)
    """
    return xp.argmin(x, axis=axis, keepdims=keepdims).astype(INT32)


for _arg in (argmax, argmin):
    _arg.shape(lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims, dtype=INT32))


def count_nonzero(x: TensorLike, axis: Axis = None) -> Tensor:
    """Return the number of elements that are not zero, int32.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.

    >>> ops.count_nonzero([0.0, 1.0, 2.0])
    np.int32(2)
    """
    return sum(to_array(x) != 0, axis=axis)


def average(x: TensorLike, axis: Axis = None, weights: TensorLike | None = None) -> Tensor:
    """Return the weighted mean over axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        weights: of a shape that broadcasts with `x`, or of shape `(n,)` for one axis; equal weights by default.

    >>> ops.average([1.0, 3.0], weights=[3.0, 1.0])
    np.float32(1.5)
    """
    if weights is None:
        return mean(x, axis=axis)
    x, weights = dtypes.to_float((to_array(x), to_array(weights)))
    if len(weights.shape) == 1 and len(x.shape) > 1 and isinstance(axis, int):
        shape = [1] * len(x.shape)
        shape[axes_tuple(axis, len(shape))[0]] = -1
        weights = weights.reshape(tuple(shape))
    weights = weights + x * 0
    return sum(x * weights, axis=axis) / sum(weights, axis=axis)


@composite
def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return `log(sum(exp(x)))` over axes, without overflow.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes to reduce; all by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.logsumexp([0.0, 0.0])
    np.float32(0.6931472)
    """
    x = to_float_array(x)
    top = stop_gradient(max(x, axis=axis, keepdims=True))
    top = where(isfinite(top), top, 0.0)
    total = log(sum(exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else sum(total, axis=axes_tuple(axis, len(x.shape)))


# -- along an axis ----------------------------------------------------------------------------------


@op(dtype="number", shape=like_along)
def _cumsum(xp: Namespace, x: Tensor, /, axis: int) -> Tensor:
    return xp.cumsum(x, axis=axis, dtype=x.dtype)


@_cumsum.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: int) -> Any:
    return xp.flip(xp.cumsum(xp.flip(g, axis=axis), axis=axis), axis=axis)


@op(dtype="number", shape=like_along)
def _cumprod(xp: Namespace, x: Tensor, /, axis: int) -> Tensor:
    return xp.cumprod(x, axis=axis, dtype=x.dtype)


@_cumprod.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: int) -> Any:
    """Multiply for each pair i <= j the elements up to j except i: n * n values, correct for zeros too."""
    x, g = xp.swapaxes(x, axis, -1), xp.swapaxes(g, axis, -1)
    n = x.shape[-1]
    others = xp.where(constant(g, np.eye(n, dtype=bool)), xp.ones_like(x[..., None]), x[..., None, :])
    products = xp.cumprod(others, axis=-1)
    upper = constant(g, np.triu(np.ones((n, n), dtype=bool)))
    picked = xp.where(upper, g[..., None, :] * products, xp.zeros_like(products))
    return xp.swapaxes(xp.sum(picked, axis=-1), axis, -1)


def cumsum(x: TensorLike, axis: int | None = None, dtype: DTypeLike = None) -> Tensor:
    """Return the running sum along an axis.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the tensor is flattened.
        dtype: a dtype to convert `x` to first; its own by default.

    >>> ops.cumsum([1.0, 2.0, 3.0])
    array([1., 3., 6.], dtype=float32)
    """
    return _cumulative(_cumsum, x, axis, dtype)


def cumprod(x: TensorLike, axis: int | None = None, dtype: DTypeLike = None) -> Tensor:
    """Return the running product along an axis.

    Args:
        x: a tensor of any shape.
        axis: the axis; by default the tensor is flattened.
        dtype: a dtype to convert `x` to first; its own by default.

    >>> ops.cumprod([1.0, 2.0, 3.0])
    array([1., 2., 6.], dtype=float32)
    """
    return _cumulative(_cumprod, x, axis, dtype)


def _cumulative(op: Function, x: Tensor, axis: int | None, dtype: DTypeLike) -> Tensor:
    x = to_array(x, dtype)
    return op(x.reshape(-1), axis=0) if axis is None else op(x, axis=axis)


@op
def argsort(xp: Namespace, x: TensorLike, /, axis: int | None = -1) -> Tensor:
    """Return the indices, int32, that sort an axis in ascending order. Equal elements keep their order.

    Args:
        x: a tensor of any shape. A scalar is a vector of one element.
        axis: the axis; None to sort the flattened tensor.

    >>> ops.argsort([3.0, 1.0, 2.0])
    array([1, 2, 0], dtype=int32)
    """
    x = x if x.shape and axis is not None else x.reshape((-1,))
    return backend_of(x).argsort(x, -1 if axis is None else axis).astype(INT32)


@argsort.shape
def _(x: TensorSpec, axis: int | None = -1) -> TensorSpec:
    if x.shape and axis is not None:
        return like_along(x, axis, INT32)
    return TensorSpec((math.prod(x.shape),), INT32)


@op
def sort(xp: Namespace, x: TensorLike, /, axis: int | None = -1) -> Tensor:
    """Sort the elements of an axis in ascending order.

    Args:
        x: a tensor with at least one axis.
        axis: the axis; None to sort the flattened tensor.

    >>> ops.sort([3.0, 1.0, 2.0])
    array([1., 2., 3.], dtype=float32)
    """
    return xp.sort(x, axis=axis)


@sort.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: int | None = -1) -> Any:
    values, along = (x.reshape((-1,)), 0) if axis is None else (x, axis)
    order = argsort(argsort(stop_gradient(values), axis=along), axis=along)
    return take_along_axis(g, order, axis=along).reshape(x.shape)


@sort.shape
def _(x: TensorSpec, axis: int | None = -1) -> TensorSpec:
    return like_along(x, axis) if axis is not None else TensorSpec((math.prod(x.shape),), x.dtype)


@composite
def allclose(
    x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Return whether `|x1 - x2| <= atol + rtol * |x2|` for all elements.

    Args:
        x1, x2: tensors of any shapes that broadcast.
        rtol, atol: the relative and the absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    >>> bool(ops.allclose([1.0], [1.0]))
    True
    """
    return all(isclose(x1, x2, rtol, atol, equal_nan))
