"""Elementwise functions said with other ops, and the rarer primitives: bits, signs, special functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import dtypes
from hilevel._types import DTypeLike, Namespace, Tensor
from hilevel.ops._abstract import Abstract, boolean, elementwise, integral, like
from hilevel.ops._op import composite, op, rounded, to_array, to_float_array
from hilevel.ops.comparison import isnan
from hilevel.ops.creation import ones_like, zeros_like
from hilevel.ops.elementwise import abs, cast, clip, maximum, minimum, stop_gradient, where
from hilevel.ops.functions import arctan2, logaddexp, sin
from hilevel.ops.nn import erf

# -- arithmetic -------------------------------------------------------------------------------------


@op(dtype="number", shape=elementwise)
def fmod(xp: Namespace, x1: Tensor, x2: Tensor) -> Tensor:
    """The remainder of the division, with the sign of `x1`.

    >>> ops.fmod([7, -7], 3)
    array([ 1, -1], dtype=int32)
    """
    return xp.fmod(x1, x2)


fmod.gradient(lambda xp, g, y, x1, x2: (g, lambda: -g * xp.trunc(x1 / x2)))


@op(dtype="float", shape=elementwise)
def hypot(xp: Namespace, x1: Tensor, x2: Tensor) -> Tensor:
    """`sqrt(x1^2 + x2^2)`, without overflow.

    >>> ops.hypot([3.0], [4.0])
    array([5.], dtype=float32)
    """
    return xp.hypot(x1, x2)


hypot.gradient(lambda xp, g, y, x1, x2: (lambda: g * x1 / y, lambda: g * x2 / y))


@op(dtype="float", shape=like)
def exp2(xp: Namespace, x: Tensor) -> Tensor:
    """2 to the power `x`.

    >>> ops.exp2([3.0])
    array([8.], dtype=float32)
    """
    return xp.exp2(x)


exp2.gradient(lambda xp, g, y, x: g * y * float(np.log(2)))


@op(dtype="float", shape=like)
def cbrt(xp: Namespace, x: Tensor) -> Tensor:
    """The cube root.

    >>> ops.cbrt([-8.0])
    array([-2.], dtype=float32)
    """
    return xp.cbrt(x)


cbrt.gradient(lambda xp, g, y, x: g / (3 * y * y))


@op(dtype="float", shape=elementwise)
def divide_no_nan(xp: Namespace, x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 / x2`, and 0 where `x2` is 0.

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
    share = xp.where(zero, xp.zeros_like(g), g) / xp.where(zero, xp.ones_like(x2), x2)
    return share, (lambda: -share * y)


def _operand(x: Tensor) -> Any:
    """A Python number as it is, so that it does not decide about the dtype; anything else as an array."""
    return x if isinstance(x, (int, float)) else to_array(x)


@composite
def fmax(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of the two; where one is NaN, the other.

    >>> ops.fmax([1.0, float("nan")], [0.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    x1, x2 = _operand(x1), _operand(x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


@composite
def fmin(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of the two; where one is NaN, the other.

    >>> ops.fmin([1.0, float("nan")], [0.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    x1, x2 = _operand(x1), _operand(x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


@composite
def fabs(x: Tensor) -> Tensor:
    """The absolute value, as a float.

    >>> ops.fabs([-1])
    array([1.], dtype=float32)
    """
    return abs(to_float_array(x))


@composite
@rounded
def deg2rad(x: Tensor) -> Tensor:
    """Degrees as radians.

    >>> ops.deg2rad([180.0])
    array([3.1415927], dtype=float32)
    """
    return to_float_array(x) * float(np.pi / 180)


@composite
@rounded
def rad2deg(x: Tensor) -> Tensor:
    """Radians as degrees.

    >>> ops.rad2deg([0.0])
    array([0.], dtype=float32)
    """
    return to_float_array(x) * float(180 / np.pi)


@composite
@rounded
def logaddexp2(x1: Tensor, x2: Tensor) -> Tensor:
    """`log2(2^x1 + 2^x2)`, without overflow.

    >>> ops.logaddexp2([1.0], [1.0])
    array([2.], dtype=float32)
    """
    log2 = float(np.log(2))
    x1, x2 = dtypes.to_float((_operand(x1), _operand(x2)))
    return logaddexp(x1 * log2, x2 * log2) / log2


@composite
@rounded
def sinc(x: Tensor) -> Tensor:
    """`sin(pi x) / (pi x)`, and 1 at 0.

    >>> ops.sinc([0.0, 0.5])
    array([1.        , 0.63661975], dtype=float32)
    """
    x = to_float_array(x) * float(np.pi)
    zero = x == 0
    return where(zero, 1.0, sin(x) / where(zero, 1.0, x))


@composite
def heaviside(x1: Tensor, x2: Tensor) -> Tensor:
    """0 where `x1` is negative, 1 where it is positive, `x2` where it is 0.

    >>> ops.heaviside([-1.0, 0.0, 1.0], 0.5)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x1, x2 = dtypes.to_float((_operand(x1), _operand(x2)))
    return where(x1 < 0, 0.0, where(x1 > 0, 1.0, where(isnan(x1), x1, x2)))


# -- special functions ------------------------------------------------------------------------------


@op(dtype="float", shape=like)
def erfinv(xp: Namespace, x: Tensor) -> Tensor:
    """The inverse of the error function: infinite at 1 and -1, NaN outside.

    >>> ops.erfinv([0.0, 1.0])
    array([ 0., inf], dtype=float32)
    """
    from hilevel.random.functions import quantile_of_half

    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    inside = xp.abs(wide) < 1
    y = quantile_of_half(xp, xp.where(inside, wide, 0) * 0.5) * 0.7071067811865476
    return xp.where(inside, y, xp.where(xp.abs(wide) == 1, xp.copysign(np.inf, wide), np.nan)).astype(x.dtype)


erfinv.gradient(lambda xp, g, y, x: g * (0.886226925452758 * xp.exp(y * y)))


@composite
@rounded
def erfc(x: Tensor) -> Tensor:
    """`1 - erf(x)`.

    >>> ops.erfc([0.0])
    array([1.], dtype=float32)
    """
    return 1.0 - erf(to_float_array(x))


# -- bits, of integers and booleans: no gradient ----------------------------------------------------


@op(dtype="common", shape=integral)
def bitwise_and(xp: Namespace, x: Tensor, y: Tensor) -> Tensor:
    """The bits that both have.

    >>> ops.bitwise_and([6], [3])
    array([2], dtype=int32)
    """
    return xp.bitwise_and(x, y)


@op(dtype="common", shape=integral)
def bitwise_or(xp: Namespace, x: Tensor, y: Tensor) -> Tensor:
    """The bits that one of them has, or both.

    >>> ops.bitwise_or([6], [3])
    array([7], dtype=int32)
    """
    return xp.bitwise_or(x, y)


@op(dtype="common", shape=integral)
def bitwise_xor(xp: Namespace, x: Tensor, y: Tensor) -> Tensor:
    """The bits that exactly one of them has.

    >>> ops.bitwise_xor([6], [3])
    array([5], dtype=int32)
    """
    return xp.bitwise_xor(x, y)


@op(shape=integral)
def bitwise_not(xp: Namespace, x: Tensor) -> Tensor:
    """All bits turned round.

    >>> ops.bitwise_not([6])
    array([-7], dtype=int32)
    """
    return xp.invert(x)


@op(dtype="number", shape=integral)
def left_shift(xp: Namespace, x: Tensor, y: Tensor) -> Tensor:
    """The bits moved up by `y` places.

    >>> ops.left_shift([3], 2)
    array([12], dtype=int32)
    """
    return xp.left_shift(x, y)


@op(dtype="number", shape=integral)
def right_shift(xp: Namespace, x: Tensor, y: Tensor) -> Tensor:
    """The bits moved down by `y` places.

    >>> ops.right_shift([12], 2)
    array([3], dtype=int32)
    """
    return xp.right_shift(x, y)


bitwise_invert, bitwise_left_shift, bitwise_right_shift = bitwise_not, left_shift, right_shift

# -- questions --------------------------------------------------------------------------------------


@op(dtype="float", shape=boolean)
def signbit(xp: Namespace, x: Tensor) -> Tensor:
    """Whether the sign is minus; that of -0.0 is.

    >>> ops.signbit([-0.0, 1.0])
    array([ True, False])
    """
    return xp.signbit(x)


@composite
def isposinf(x: Tensor) -> Tensor:
    """Whether it is plus infinity.

    >>> ops.isposinf([float("inf"), 1.0])
    array([ True, False])
    """
    return to_float_array(x) == float("inf")


@composite
def isneginf(x: Tensor) -> Tensor:
    """Whether it is minus infinity.

    >>> ops.isneginf([float("-inf"), 1.0])
    array([ True, False])
    """
    return to_float_array(x) == float("-inf")


# -- choice, dtype, parts ---------------------------------------------------------------------------


@composite
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """For each element the choice whose condition is the first to hold, else `default`.

    >>> ops.select([[True, False], [True, True]], [[1, 2], [3, 4]])
    array([1, 4], dtype=int32)
    """
    chosen = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        chosen = where(condition, choice, chosen)
    return chosen


@composite
def saturate_cast(x: Tensor, dtype: DTypeLike) -> Tensor:
    """The tensor in another dtype, its numbers limited to what that dtype can hold.

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
        x = cast(x, "float32")  # which can hold all limits
    high = x.dtype.type(limits.max)
    if int(high) > limits.max:
        high = np.nextafter(high, x.dtype.type(0))
    return cast(clip(x, limits.min, high), target)


def _part(x: Any) -> Abstract:
    """The shape rule of a part of complex numbers, which takes half of their bits."""
    return Abstract(x.shape, np.dtype(f"float{x.dtype.itemsize * 4}"))


@op(shape=_part)
def _real(xp: Namespace, x: Tensor) -> Tensor:
    return xp.real(x)


@op(shape=_part)
def _imag(xp: Namespace, x: Tensor) -> Tensor:
    return xp.imag(x)


@op(shape=like)
def _conj(xp: Namespace, x: Tensor) -> Tensor:
    return xp.conj(x)


def _is_complex(x: Tensor) -> bool:
    return bool(x.dtype.kind == "c")


def real(x: Tensor) -> Tensor:
    """The real part; a tensor that is not complex, unchanged. Complex tensors have no gradient.

    >>> ops.real(np.array([1 + 2j]))
    array([1.])
    """
    x = to_array(x)
    return _real(x) if _is_complex(x) else x


def conj(x: Tensor) -> Tensor:
    """The complex conjugate; a tensor that is not complex, unchanged. Complex tensors have no gradient.

    >>> ops.conj(np.array([1 + 2j]))
    array([1.-2.j])
    """
    x = to_array(x)
    return _conj(x) if _is_complex(x) else x


conjugate = conj


def imag(x: Tensor) -> Tensor:
    """The imaginary part; zeros for a tensor that is not complex.

    >>> ops.imag(np.array([1 + 2j])), ops.imag([1.0])
    (array([2.]), array([0.], dtype=float32))
    """
    x = to_array(x)
    return _imag(x) if _is_complex(x) else zeros_like(x)


def isreal(x: Tensor) -> Tensor:
    """Whether the imaginary part is 0.

    >>> ops.isreal(np.array([1 + 2j, 1.0])), ops.isreal([1.0])
    (array([False,  True]), array([ True]))
    """
    x = to_array(x)
    return _imag(x) == 0 if _is_complex(x) else ones_like(x, dtype="bool")


@composite
@rounded
def angle(x: Tensor) -> Tensor:
    """The angle in the complex plane; of real numbers 0, or pi where the sign is minus.

    >>> ops.angle([-1.0, 1.0])
    array([3.1415927, 0.       ], dtype=float32)
    """
    x = stop_gradient(to_float_array(x))
    return arctan2(imag(x), real(x))
