"""Ops that work element by element."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import PLACEHOLDER_SIZES, TensorSpec, elementwise, like, signed
from hilevel.engine.tensor import values_of
from hilevel.engine.types import Array, DType, DTypeLike, Namespace, Tensor, TensorLike
from hilevel.errors import TracedValueError

# -- arithmetic -------------------------------------------------------------------------------------


@op(dtype="common", shape=elementwise)
def add(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1 + x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.add([1.0, 2.0], 3.0)
    array([4., 5.], dtype=float32)
    """
    return x1 + x2


add.gradient(lambda xp, g, y, x1, x2: (g, g))


@op(dtype="common", shape=signed)
def subtract(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1 - x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.subtract([1.0, 2.0], 3.0)
    array([-2., -1.], dtype=float32)
    """
    return x1 - x2


subtract.gradient(lambda xp, g, y, x1, x2: (g, lambda: -g))


@op(dtype="common", shape=elementwise)
def multiply(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1 * x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.multiply([1.0, 2.0], 3.0)
    array([3., 6.], dtype=float32)
    """
    return x1 * x2


multiply.gradient(lambda xp, g, y, x1, x2: (lambda: g * x2, lambda: g * x1))


@op(dtype="float", shape=elementwise)
def divide(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1 / x2`, element-wise. Integers are divided as floats.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.divide([1, 2], 4)
    array([0.25, 0.5 ], dtype=float32)
    """
    return x1 / x2


divide.gradient(lambda xp, g, y, x1, x2: (lambda: g / x2, lambda: -g * y / x2))
true_divide = divide


@op(dtype="number", shape=elementwise)
def floor_divide(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the largest integer not above `x1 / x2`, element-wise. Its gradient is zero.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.floor_divide([7, -7], 2)
    array([ 3, -4], dtype=int32)
    """
    return x1 // x2


@op(dtype="number", shape=elementwise)
def mod(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the remainder of `x1 / x2`, with the sign of `x2`.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.mod([7, -7], 3)
    array([1, 2], dtype=int32)
    """
    return xp.mod(x1, x2)


mod.gradient(lambda xp, g, y, x1, x2: (g, lambda: -g * xp.floor(x1 / x2)))


@op(dtype="number", shape=elementwise)
def power(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1` to the power `x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.power([1.0, 2.0, 3.0], 2)
    array([1., 4., 9.], dtype=float32)
    """
    return x1**x2


@power.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x1: Tensor, x2: Tensor) -> Any:
    def of_exponent() -> Tensor:
        if isinstance(x1, (int, float)):
            return g * y * float(np.log(x1)) if x1 > 0 else xp.zeros_like(y)
        positive = xp.where(x1 > 0, x1, xp.ones_like(x1))
        return xp.where(x1 > 0, g * y * xp.log(positive), xp.zeros_like(y))

    if isinstance(x2, (int, float)):
        return (lambda: g * (2 * x1) if x2 == 2 else g * (x2 * x1 ** (x2 - 1))), None
    base = xp.where(x2 == 0, xp.ones_like(x2 * x1), x1)
    return (lambda: g * x2 * base ** (x2 - 1)), of_exponent


@op(dtype="common", shape=elementwise)
def maximum(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the larger of `x1` and `x2`, element-wise. Where they are equal, each gets half the gradient.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.maximum([1.0, 5.0], [2.0, 3.0])
    array([2., 5.], dtype=float32)
    """
    return xp.maximum(x1, x2)


@op(dtype="common", shape=elementwise)
def minimum(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the smaller of `x1` and `x2`, element-wise. Where they are equal, each gets half the gradient.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.minimum([1.0, 5.0], [2.0, 3.0])
    array([1., 3.], dtype=float32)
    """
    return xp.minimum(x1, x2)


def _gradient_of_extreme(xp: Namespace, g: Array, y: Array, x1: Array, x2: Array) -> Any:
    def gradient(x: Array, other: Array) -> Array:
        return g * xp.where(x == y, xp.where(other == y, 0.5, 1.0), 0.0).astype(g.dtype)

    return (lambda: gradient(x1, x2)), (lambda: gradient(x2, x1))


maximum.gradient(_gradient_of_extreme)
minimum.gradient(_gradient_of_extreme)


@op(shape=signed)
def negative(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `-x`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.negative([1.0, -2.0])
    array([-1.,  2.], dtype=float32)
    """
    return -x


negative.gradient(lambda xp, g, y, x: -g)


@op(shape=like)
def abs(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the absolute value, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.abs([1.0, -2.0])
    array([1., 2.], dtype=float32)
    """
    return xp.abs(x)


abs.gradient(lambda xp, g, y, x: g * xp.sign(x))
absolute = abs


@op(shape=lambda x: TensorSpec(x.shape, dtypes.INT32 if x.dtype.kind == "b" else x.dtype))
def square(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `x * x`, element-wise. For booleans the result is int32.

    Args:
        x: a tensor of any shape.

    >>> ops.square([1.0, -2.0])
    array([1., 4.], dtype=float32)
    """
    return x * x if x.dtype.kind != "b" else x.astype(dtypes.INT32)


square.gradient(lambda xp, g, y, x: g * (2 * x))


@op(dtype="float", shape=like)
def reciprocal(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `1 / x`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.reciprocal([2.0, 4.0])
    array([0.5 , 0.25], dtype=float32)
    """
    return 1 / x


reciprocal.gradient(lambda xp, g, y, x: -g * y * y)


# -- rounding: no gradient --------------------------------------------------------------------------


@op(shape=signed)
def sign(xp: Namespace, x: TensorLike) -> Tensor:
    """Return -1, 0 or 1 by the sign, element-wise. Its gradient is zero.

    Args:
        x: a tensor of any shape.

    >>> ops.sign([-3.0, 0.0, 2.0])
    array([-1.,  0.,  1.], dtype=float32)
    """
    return xp.sign(x)


@op(dtype="float", shape=like)
def floor(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the largest integer not above `x`, as a float. Its gradient is zero.

    Args:
        x: a tensor of any shape.

    >>> ops.floor([1.7, -1.7])
    array([ 1., -2.], dtype=float32)
    """
    return xp.floor(x)


@op(dtype="float", shape=like)
def ceil(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the smallest integer not below `x`, as a float. Its gradient is zero.

    Args:
        x: a tensor of any shape.

    >>> ops.ceil([1.2, -1.2])
    array([ 2., -1.], dtype=float32)
    """
    return xp.ceil(x)


@op(shape=like)
def trunc(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the integer part. Integers and booleans are returned unchanged. Its gradient is zero.

    Args:
        x: a tensor of any shape.

    >>> ops.trunc([1.7, -1.7])
    array([ 1., -1.], dtype=float32)
    """
    return x if x.dtype.kind in "biu" else xp.trunc(x)


@op(dtype="number", shape=like)
def round(xp: Namespace, x: TensorLike, /, decimals: int = 0) -> Tensor:
    """Round to `decimals` decimal places, halves to even. The gradient is zero.

    Args:
        x: a tensor of any shape.
        decimals: the number of decimal places; negative to round to tens, hundreds and so on.

    >>> ops.round([0.5, 1.5, 2.4])
    array([0., 2., 2.], dtype=float32)
    """
    if x.dtype.kind in "iu":
        return x if decimals >= 0 else _round_integers(xp, x, 10**-decimals)
    return xp.round(x, decimals)


def _round_integers(xp: Namespace, x: Array, unit: int) -> Array:
    """Round integers to multiples of a unit, halves to even multiples, within the range of their dtype."""
    limits = np.iinfo(x.dtype)
    wide = x if x.dtype.itemsize == 8 else x.astype(np.int64)
    count, rest = wide // unit, wide % unit
    is_up = (2 * rest > unit) | ((2 * rest == unit) & (count % 2 == 1))
    return xp.clip((count + is_up) * unit, limits.min, limits.max).astype(x.dtype)


# -- choice and dtype -------------------------------------------------------------------------------


@op
def _select(xp: Namespace, condition: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
    return xp.where(condition, x1, x2)


@_select.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, condition: Tensor, x1: Tensor, x2: Tensor) -> Any:
    zero = xp.zeros_like(g)
    return None, (lambda: xp.where(condition, g, zero)), (lambda: xp.where(condition, zero, g))


@_select.shape
def _(condition: TensorSpec, x1: TensorSpec, x2: TensorSpec) -> TensorSpec:
    return TensorSpec(elementwise(condition, x1, x2).shape, elementwise(x1, x2).dtype)


@overload
def where(condition: TensorLike) -> tuple[Tensor, ...]: ...
@overload
def where(condition: TensorLike, x1: TensorLike, x2: TensorLike) -> Tensor: ...
def where(condition: TensorLike, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where `condition` holds, else `x2`. With `condition` alone return the indices where it holds.

    Args:
        condition, x1, x2: tensors of any shapes that broadcast.

    >>> ops.where([True, False], [1.0, 2.0], 0.0)
    array([1., 0.], dtype=float32)

    Raises:
        ValueError: only one of `x1` and `x2` is given.
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("where: give both x1 and x2, or neither of them.")
    if not hasattr(x1, "dtype"):
        x1 = _number(x1, beside=x2)
    if not hasattr(x2, "dtype"):
        x2 = _number(x2, beside=x1)
    if x1.dtype != x2.dtype:
        x1, x2 = dtypes.to_common((x1, x2))
    return _select(condition, x1, x2)


def _number(x: TensorLike, beside: TensorLike) -> Any:
    """Return a Python number or list as an array. A number takes the dtype of the array beside it, if that can hold
    it."""
    if isinstance(x, (int, float)) and hasattr(beside, "dtype"):
        return to_array(x, dtypes.beside_scalar(beside.dtype, x))
    return to_array(x)


@composite
def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """Return the indices of the nonzero elements, an int32 array for each axis.

    Args:
        x: a tensor of any shape.

    >>> ops.nonzero([0, 3, 0, 5])
    (array([1, 3], dtype=int32),)

    Raises:
        TracedValueError: inside a compiled function, where the values are unknown.
    """
    x = values_of(to_array(x))
    backend = backend_of(x)
    if isinstance(x, TensorSpec) or not backend.is_concrete(x):
        raise data_dependent_shape("nonzero")
    return tuple(i.astype(dtypes.INT32) for i in backend.xp.nonzero(x))


@nonzero.shape
def _(x: TensorLike) -> tuple[TensorSpec, ...]:
    number = PLACEHOLDER_SIZES[0]
    return tuple(TensorSpec((number,), dtypes.INT32) for _ in to_array(x).shape)


def data_dependent_shape(name: str) -> Exception:
    """Return the error for an op whose result's shape depends on the data, inside a compiled function."""
    return TracedValueError(
        f"ops.{name}: the shape of the result depends on the data, which is not possible in a compiled function. "
        "Use a mask with ops.where(condition, x1, x2), or run_eagerly=True."
    )


@op
def clip(xp: Namespace, x: TensorLike, /, x_min: TensorLike | None, x_max: TensorLike | None) -> Tensor:
    """Limit the values to the interval `[x_min, x_max]`. The gradient outside of the interval is zero.

    The limits take part in dtype promotion: integers between float limits become floats. Booleans become int32.

    Args:
        x: a tensor of any shape.
        x_min, x_max: the limits, scalars or tensors that broadcast with `x`; None for no limit.

    >>> ops.clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    dtype = _clip_dtype(x, x_min, x_max)
    y = x if x.dtype == dtype else x.astype(dtype)
    y = y if x_min is None else xp.maximum(y, _limit(xp, x_min, dtype))
    return y if x_max is None else xp.minimum(y, _limit(xp, x_max, dtype))


def _clip_dtype(x: Tensor, x_min: TensorLike | None, x_max: TensorLike | None) -> Any:
    """Return the common dtype of the tensor and its limits."""
    if x.dtype.kind == "f" and _is_python(x_min) and _is_python(x_max):
        return x.dtype
    dtype = dtypes.common_dtype(x, *(v if _is_python(v) else to_array(v) for v in (x_min, x_max)))
    return dtypes.INT32 if dtype == dtypes.BOOL else dtype


def _is_python(limit: TensorLike | None) -> bool:
    return limit is None or isinstance(limit, (int, float))


def _limit(xp: Namespace, limit: TensorLike, dtype: DType) -> Array:
    """Return a limit as an array. A Python integer outside the range of an integer dtype becomes the nearest value
    in it."""
    if isinstance(limit, int) and dtype.kind in "iu":
        limit = min(max(limit, np.iinfo(dtype).min), np.iinfo(dtype).max)
    return xp.asarray(limit, dtype=dtype)


@clip.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, x_min: TensorLike | None, x_max: TensorLike | None
) -> Any:
    inside = xp.ones_like(x, dtype=bool)
    if x_min is not None:
        inside = xp.logical_and(inside, x >= x_min)
    if x_max is not None:
        inside = xp.logical_and(inside, x <= x_max)
    return xp.where(inside, g, xp.zeros_like(g))


@clip.shape
def _(x: TensorSpec, x_min: TensorLike | None, x_max: TensorLike | None) -> TensorSpec:
    return elementwise(x, x_min, x_max, dtype=_clip_dtype(x, x_min, x_max))


@op
def cast(xp: Namespace, x: TensorLike, /, dtype: DTypeLike) -> Tensor:
    """Convert the tensor to another dtype. The gradient passes between floats.

    Args:
        x: a tensor of any shape.
        dtype: the dtype of the result.

    >>> ops.cast([1.7, 2.2], "int32")
    array([1, 2], dtype=int32)
    """
    return xp.asarray(x).astype(dtypes.as_dtype(dtype))


cast.gradient(lambda xp, g, y, x, dtype: g.astype(x.dtype) if dtypes.is_float(y.dtype) else None)
cast.shape(lambda x, dtype: TensorSpec(x.shape, dtypes.as_dtype(dtype)))
cast.keeps_elements = True


@op(shape=like)
def stop_gradient(xp: Namespace, variable: TensorLike) -> Tensor:
    """Return the tensor unchanged. No gradient passes through it.

    Args:
        variable: a tensor of any shape.

    >>> hilevel.grad(lambda x: x * hilevel.ops.stop_gradient(x))(3.0)
    np.float32(3.0)
    """
    return variable


@op(shape=like)
def nan_to_num(
    xp: Namespace,
    x: TensorLike,
    /,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """Replace NaN and infinities by finite values.

    Args:
        x: a tensor of any shape.
        nan: the replacement of NaN.
        posinf, neginf: the replacements of the infinities; the largest and the smallest value of the dtype by
            default.

    >>> ops.nan_to_num([1.0, float("nan")])
    array([1., 0.], dtype=float32)
    """
    return xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@nan_to_num.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, **_: Any) -> Any:
    return xp.where(xp.isfinite(x), g, xp.zeros_like(g))
