"""Elementwise ops that are less common, many of them composed of other ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, rounded, to_array, to_float_array, to_operand
from hilevel.engine.spec import TensorSpec, boolean, elementwise, like
from hilevel.engine.types import DTypeLike, Namespace, Tensor, TensorLike
from hilevel.ops.numpy.comparison import isnan
from hilevel.ops.numpy.elementwise import abs, cast, clip, maximum, minimum, power, where
from hilevel.ops.numpy.transcendental import logaddexp, sin


@op(dtype="number", shape=elementwise)
def fmod(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the remainder of `x1 / x2`, with the sign of `x1`.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.fmod([7, -7], 3)
    array([ 1, -1], dtype=int32)
    """
    return xp.fmod(x1, x2)


fmod.gradient(lambda xp, g, y, x1, x2: (g, lambda: -g * xp.trunc(x1 / x2)))


@op(dtype="float", shape=elementwise)
def hypot(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `sqrt(x1^2 + x2^2)`, without overflow.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.hypot([3.0], [4.0])
    array([5.], dtype=float32)
    """
    return xp.hypot(x1, x2)


hypot.gradient(lambda xp, g, y, x1, x2: (lambda: g * x1 / y, lambda: g * x2 / y))


@op(dtype="float", shape=like)
def exp2(xp: Namespace, x: TensorLike) -> Tensor:
    """Return 2 to the power `x`.

    Args:
        x: a tensor of any shape.

    >>> ops.exp2([3.0])
    array([8.], dtype=float32)
    """
    return xp.exp2(x)


exp2.gradient(lambda xp, g, y, x: g * y * float(np.log(2)))


@op(dtype="float", shape=elementwise)
def nextafter(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the next value of the dtype after `x1` in the direction of `x2`. No gradient.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.nextafter([1.0], [2.0]) - 1.0
    array([1.1920929e-07], dtype=float32)
    """
    return xp.nextafter(x1, x2)


@op(dtype="float", shape=elementwise)
def copysign(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the absolute value of `x1` with the sign bit of `x2`. Only `x1` has a gradient.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.copysign([1.0, 2.0], [-0.0, 3.0])
    array([-1.,  2.], dtype=float32)
    """
    return xp.copysign(x1, x2)


copysign.gradient(
    lambda xp, g, y, x1, x2: (lambda: g * xp.where(xp.signbit(x1) == xp.signbit(y), 1.0, -1.0), None)
)


@composite
def float_power(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1` to the power `x2` as floats, also for integers with negative exponents.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.float_power([2, 3], [-1, 2])
    array([0.5, 9. ], dtype=float32)
    """
    x1, x2 = (float(x) if isinstance(x, int | float) else to_array(x) for x in (x1, x2))
    return power(*dtypes.to_float((x1, x2)))


@composite
@rounded
def ldexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1 * 2^x2`, without overflow of the power.

    Args:
        x1: a tensor of any shape; integers and booleans become floatx. Only `x1` has a gradient.
        x2: integers or booleans, of a shape that broadcasts with `x1`.

    Raises:
        TypeError: `x2` is neither integer nor boolean.

    >>> ops.ldexp([1.0, 1.5], [3, -1])
    array([8.  , 0.75], dtype=float32)
    """
    exponents = to_array(x2)
    if exponents.dtype.kind not in "biu" and not isinstance(exponents, TensorSpec):
        raise TypeError(
            f"Expected integers as exponents x2; got {exponents.dtype}. For floats: x1 * ops.exp2(x2)."
        )
    return ldexp_op(to_float_array(x1), cast(exponents, "int32"))


@op(shape=elementwise)
def ldexp_op(xp: Namespace, x: Tensor, exponents: Tensor) -> Tensor:
    return xp.ldexp(x, exponents)


ldexp_op.gradient(lambda xp, g, y, x, exponents: (lambda: xp.ldexp(g, exponents), None))


@op(dtype="float", shape=like)
def cbrt(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the cube root.

    Args:
        x: a tensor of any shape.

    >>> ops.cbrt([-8.0])
    array([-2.], dtype=float32)
    """
    return xp.cbrt(x)


cbrt.gradient(lambda xp, g, y, x: g / (3 * y * y))


@op(dtype="float", shape=elementwise)
def divide_no_nan(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `x1 / x2`, and 0 where `x2` is 0.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.divide_no_nan([1.0, 1.0], [2.0, 0.0])
    array([0.5, 0. ], dtype=float32)
    """
    if isinstance(x2, int | float):
        return x1 / x2 if x2 else xp.zeros_like(x1)
    zero = x2 == 0
    return xp.where(zero, 0, x1 / xp.where(zero, 1, x2))


@divide_no_nan.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x1: Tensor, x2: Tensor) -> Any:
    if isinstance(x2, int | float):
        return (g / x2 if x2 else xp.zeros_like(g)), None
    zero = x2 == 0
    quotient = xp.where(zero, xp.zeros_like(g), g) / xp.where(zero, xp.ones_like(x2), x2)
    return quotient, (lambda: -quotient * y)


@composite
def fmax(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the larger of `x1` and `x2`. Where one is NaN, return the other.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.fmax([1.0, float("nan")], [0.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    x1, x2 = to_operand(x1), to_operand(x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


@composite
def fmin(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the smaller of `x1` and `x2`. Where one is NaN, return the other.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.fmin([1.0, float("nan")], [0.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    x1, x2 = to_operand(x1), to_operand(x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


@composite
def fabs(x: TensorLike) -> Tensor:
    """Return the absolute value, as a float.

    Args:
        x: a tensor of any shape.

    >>> ops.fabs([-1])
    array([1.], dtype=float32)
    """
    return abs(to_float_array(x))


@composite
@rounded
def deg2rad(x: TensorLike) -> Tensor:
    """Convert degrees to radians.

    Args:
        x: a tensor of any shape.

    >>> ops.deg2rad([180.0])
    array([3.1415927], dtype=float32)
    """
    return to_float_array(x) * float(np.pi / 180)


@composite
@rounded
def rad2deg(x: TensorLike) -> Tensor:
    """Convert radians to degrees.

    Args:
        x: a tensor of any shape.

    >>> ops.rad2deg([0.0])
    array([0.], dtype=float32)
    """
    return to_float_array(x) * float(180 / np.pi)


@composite
@rounded
def logaddexp2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `log2(2^x1 + 2^x2)`, without overflow.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.logaddexp2([1.0], [1.0])
    array([2.], dtype=float32)
    """
    log2 = float(np.log(2))
    x1, x2 = dtypes.to_float((to_operand(x1), to_operand(x2)))
    return logaddexp(x1 * log2, x2 * log2) / log2


@composite
@rounded
def sinc(x: TensorLike) -> Tensor:
    """Return `sin(pi x) / (pi x)`, and 1 at 0.

    Args:
        x: a tensor of any shape.

    >>> ops.sinc([0.0, 0.5])
    array([1.        , 0.63661975], dtype=float32)
    """
    x = to_float_array(x) * float(np.pi)
    zero = x == 0
    return where(zero, 1.0, sin(x) / where(zero, 1.0, x))


@composite
def heaviside(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return 0 where `x1` is negative, 1 where it is positive, and `x2` where it is 0.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.heaviside([-1.0, 0.0, 1.0], 0.5)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x1, x2 = dtypes.to_float((to_operand(x1), to_operand(x2)))
    return where(x1 < 0, 0.0, where(x1 > 0, 1.0, where(isnan(x1), x1, x2)))


@op(dtype="float", shape=boolean)
def signbit(xp: Namespace, x: TensorLike) -> Tensor:
    """Return whether the sign bit is set, which it is for -0.0.

    Args:
        x: a tensor of any shape.

    >>> ops.signbit([-0.0, 1.0])
    array([ True, False])
    """
    return xp.signbit(x)


@composite
def isposinf(x: TensorLike) -> Tensor:
    """Return whether `x` is plus infinity, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.isposinf([float("inf"), 1.0])
    array([ True, False])
    """
    return to_float_array(x) == float("inf")


@composite
def isneginf(x: TensorLike) -> Tensor:
    """Return whether `x` is minus infinity, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.isneginf([float("-inf"), 1.0])
    array([ True, False])
    """
    return to_float_array(x) == float("-inf")


@composite
def select(
    condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0
) -> Tensor:
    """Return for each element the choice whose condition is the first to hold, else `default`.

    Args:
        condlist: boolean tensors.
        choicelist: as many tensors, whose shapes broadcast with the conditions.
        default: a scalar or a tensor, for elements where no condition holds.

    >>> ops.select([[True, False], [True, True]], [[1, 2], [3, 4]])
    array([1, 4], dtype=int32)
    """
    chosen = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        chosen = where(condition, choice, chosen)
    return chosen


@composite
def saturate_cast(x: TensorLike, dtype: DTypeLike) -> Tensor:
    """Convert the tensor to another dtype, with its values limited to the range of that dtype.

    Args:
        x: a tensor of any shape.
        dtype: the dtype of the result.

    >>> ops.saturate_cast([-5.0, 300.0], "uint8")
    array([  0, 255], dtype=uint8)
    """
    target = dtypes.as_dtype(dtype)
    x = to_array(x)
    if target.kind not in "iu" or x.dtype.kind == "b":
        return cast(x, target)
    limits = np.iinfo(target)
    if x.dtype.kind in "iu":
        own = np.iinfo(x.dtype)
        return cast(clip(x, max(limits.min, own.min), min(limits.max, own.max)), target)
    if x.dtype.itemsize < 4:
        x = cast(x, "float32")  # float32 represents all limits
    high = x.dtype.type(limits.max)
    if int(high) > limits.max:
        high = np.nextafter(high, x.dtype.type(0))
    return cast(clip(x, limits.min, high), target)
