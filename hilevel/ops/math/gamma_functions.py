"""The logarithm of the gamma function, and the incomplete gamma function."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.autodiff.tape import constant
from hilevel.engine.op import op
from hilevel.engine.spec import dtype_of, elementwise, like
from hilevel.engine.types import Array, DType, Namespace, Tensor, TensorLike

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
"""The coefficients of `1 / z`, `1 / z^3` and so on in the series of the logarithm of the gamma function."""
SHIFT = 8
"""The series is accurate to float64 for arguments of at least 8, to which the recurrence leads."""
LIMIT = 100_000
"""The largest number of terms of a series or fraction."""


@op(dtype="float", shape=like)
def lgamma(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the logarithm of the absolute value of the gamma function.

    It is Stirling's series; M. Abramowitz, I. Stegun, Handbook of mathematical functions, 1964, section 6.1.

    Args:
        x: a tensor of any shape.

    >>> ops.lgamma([1.0, 5.0])
    array([0.       , 3.1780539], dtype=float32)
    """
    is_finite = xp.isfinite(x)
    wide = xp.where(is_finite, x, 1).astype(np.float64)
    low = wide < 0.5
    y = _of_positive(xp, xp.where(low, 1 - wide, wide))
    sine = xp.abs(xp.sin(np.pi * (wide - xp.floor(wide))))
    is_pole = low & (sine == 0)
    reflected = float(np.log(np.pi)) - xp.log(xp.where(low & ~is_pole, sine, 1)) - y
    y = xp.where(is_pole, np.inf, xp.where(low, reflected, y))
    return xp.where(is_finite, y, xp.abs(x)).astype(x.dtype)


def _of_positive(xp: Namespace, x: Array) -> Array:
    """Return the logarithm of the gamma function of `x >= 0.5`."""
    z = xp.minimum(x, 1e30) + SHIFT
    series = (z - 0.5) * xp.log(z) - z + 0.5 * float(np.log(2 * np.pi))
    power = 1 / z
    for c in STIRLING:
        series, power = series + c * power, power / z / z
    product = z - SHIFT
    for k in range(1, SHIFT):
        product = product * (z - SHIFT + k)
    y = xp.where((x == 1) | (x == 2), 0, series - xp.log(product))
    return xp.where(x > 1e30, x * (xp.log(x) - 1), y)


lgamma.gradient(lambda xp, g, y, x: g * digamma(xp, x))


def digamma(xp: Namespace, x: Array) -> Array:
    """Return the derivative of `lgamma`. It has derivatives of any order, as it is composed of ops."""
    low = x < 0.5
    positive = xp.where(low, 1 - x, x)
    z = positive + SHIFT
    y = xp.log(z) - 0.5 / z
    for i, c in enumerate(STIRLING):
        y = y - (2 * i + 1) * c / z ** (2 * i + 2)
    for k in range(SHIFT):
        y = y - 1 / (positive + k)
    return xp.where(low, y - float(np.pi) / xp.tan(xp.where(low, x, 0.25) * float(np.pi)), y)


# -- the incomplete gamma function -------------------------------------------------------------------


@op(dtype="float", shape=elementwise)
def gammainc(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the regularized lower incomplete gamma function `P(x1, x2)`.

    It is the integral of `t^(x1 - 1) e^(-t)` from 0 to `x2`, divided by the gamma function of `x1`. W. Press et al.,
    Numerical recipes, 2007, section 6.2. The gradient by `x1` has no further gradient by `x1`.

    Args:
        x1, x2: tensors of any shapes that broadcast. NaN results from negative values.

    >>> ops.gammainc([1.0, 2.0], [0.0, 1.0])
    array([0.        , 0.26424113], dtype=float32)
    """
    a, x, is_inside, dtype = _operands(xp, x1, x2)
    lower = x < a + 1
    scale = xp.exp(a * xp.log(x) - x - lgamma.value(xp, a + 1))
    below = scale * _series(xp, a, xp.where(lower, x, 0))[0]
    y = xp.where(lower, below, 1 - scale * a * _fraction(xp, a, xp.where(lower, a + 50, x)))
    is_zero = ((x2 == 0) & (x1 > 0)) | ((x1 == np.inf) & (x2 >= 0) & (x2 < np.inf))
    at_limit = xp.where(is_zero, 0, xp.where((x1 >= 0) & (x1 < x2), 1, np.nan))
    return xp.where(is_inside, y, at_limit).astype(dtype)


def _operands(xp: Namespace, a: TensorLike, x: TensorLike) -> tuple[Array, Array, Array, DType]:
    """Return both operands in float64, with 1 in place of limits and of invalid values; whether they are inside."""
    dtype = dtype_of(x if hasattr(x, "dtype") else a)
    wide_a, wide_x = (xp.asarray(v, dtype=np.float64) for v in (a, x))
    is_inside = (wide_a > 0) & (wide_x > 0) & (wide_a < np.inf) & (wide_x < np.inf)
    return xp.where(is_inside, wide_a, 1), xp.where(is_inside, wide_x, 1), is_inside, dtype


def _series(xp: Namespace, a: Array, x: Array) -> tuple[Array, Array]:
    """Return the sum of `x^n / ((a + 1) ... (a + n))`, and its derivative by `a`."""
    term = total = xp.ones_like(x)
    harmonic = slope = xp.zeros_like(x)
    for n in range(1, LIMIT):
        term, harmonic = term * x / (a + n), harmonic + 1 / (a + n)
        total, slope = total + term, slope - term * harmonic
        if bool(xp.all(term * (1 + harmonic) <= 1e-17 * total)):
            break
    return total, slope


def _fraction(xp: Namespace, a: Array, x: Array) -> Array:
    """Return the continued fraction of the complement, by the method of Lentz."""
    b = x + 1 - a
    c, d = xp.full_like(b, 1e300), 1 / b
    y = d
    for n in range(1, LIMIT):
        factor, b = n * (a - n), b + 2
        d = 1 / (b + factor * d)
        c = b + factor / c
        y = y * c * d
        if bool(xp.all(xp.abs(c * d - 1) <= 1e-16)):
            break
    return y


@gammainc.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x1: Tensor, x2: Tensor) -> Any:
    a, x = (constant(g, v, g.dtype) if isinstance(v, int | float) else v for v in (x1, x2))
    return (lambda: g * by_shape(a, x)), (lambda: g * _density(xp, a, x))


def _density(xp: Namespace, a: Array, x: Array) -> Array:
    """Return the derivative of `gammainc` by `x`: the density of the gamma distribution."""
    positive = xp.where(x > 0, x, xp.ones_like(x))
    y = xp.exp((a - 1) * xp.log(positive) - positive - lgamma(a))
    return xp.where(x > 0, y, xp.where(a == 1, xp.ones_like(y), xp.zeros_like(y)))


@op(shape=elementwise)
def by_shape(xp: Namespace, a: Tensor, x: Tensor) -> Tensor:
    """Return the derivative of `gammainc` by `a`."""
    wide, positive, is_inside, dtype = _operands(xp, a, x)
    exponent = wide * xp.log(positive) - positive - lgamma.value(xp, wide + 1)
    is_inside = is_inside & (exponent > -700)  # below, the sum would overflow, and the derivative is 0
    positive = xp.where(is_inside, positive, 1)
    total, slope = _series(xp, wide, positive)
    y = xp.exp(exponent) * (total * (xp.log(positive) - digamma(xp, wide + 1)) + slope)
    return xp.where(is_inside, y, 0).astype(dtype)


@by_shape.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, a: Tensor, x: Tensor) -> Any:
    def of_shape() -> Tensor:
        raise NotImplementedError("gammainc: the gradient by x1 has no gradient by x1.")

    logarithm = xp.log(xp.where(x > 0, x, xp.ones_like(x)))
    return of_shape, (lambda: g * _density(xp, a, x) * (logarithm - digamma(xp, a)))
