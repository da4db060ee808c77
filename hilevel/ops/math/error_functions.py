"""The error function, its complement and its inverse."""

from __future__ import annotations

import numpy as np

from hilevel.engine.op import composite, op, rounded, to_float_array
from hilevel.engine.spec import like
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.ops.math.normal_quantile import quantile_from_median


@op(dtype="float", shape=like)
def erfinv(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the inverse of the error function. It is infinite at 1 and -1, and NaN outside.

    Args:
        x: a tensor of any shape.

    >>> ops.erfinv([0.0, 1.0])
    array([ 0., inf], dtype=float32)
    """
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    inside = xp.abs(wide) < 1
    y = quantile_from_median(xp, xp.where(inside, wide, 0) * 0.5) * 0.7071067811865476
    return xp.where(inside, y, xp.where(xp.abs(wide) == 1, xp.copysign(np.inf, wide), np.nan)).astype(x.dtype)


erfinv.gradient(lambda xp, g, y, x: g * (0.886226925452758 * xp.exp(y * y)))


@composite
@rounded
def erfc(x: TensorLike) -> Tensor:
    """Return the complementary error function, `1 - erf(x)`.

    Args:
        x: a tensor of any shape.

    >>> ops.erfc([0.0])
    array([1.], dtype=float32)
    """
    return 1.0 - erf(to_float_array(x))


@op(dtype="float", shape=like)
def erf(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the error function, element-wise, to about the precision of the dtype.

    W. J. Cody, "Rational Chebyshev approximations for the error function", 1969.

    Args:
        x: a tensor of any shape.

    >>> ops.erf([0.0])
    array([0.], dtype=float32)
    """
    a = xp.abs(x)
    inner = xp.minimum(a, 0.5)
    middle = xp.clip(a, 0.46875, 4.0)
    outer = xp.maximum(a, 4.0)
    small = inner * _ratio(inner * inner, *_ERF_SMALL)
    medium = 1 - xp.exp(-middle * middle) * _ratio(middle, *_ERF_MEDIUM)
    z = 1 / (outer * outer)
    tail = (0.5641895835477563 - z * _ratio(z, *_ERF_LARGE)) / outer
    large = 1 - xp.exp(-outer * outer) * tail
    y = xp.where(a <= 0.46875, small, xp.where(a <= 4, medium, large))
    return (xp.sign(x) * y).astype(x.dtype)


erf.gradient(lambda xp, g, y, x: g * (1.1283791670955126 * xp.exp(-x * x)))


_ERF_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip


_ERF_MEDIUM = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip


_ERF_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip


def _ratio(x: Tensor, above: tuple[float, ...], below: tuple[float, ...]) -> Tensor:
    """Return the quotient of two polynomials, with the coefficient of the highest power first."""
    return _polynomial(x, above) / _polynomial(x, below)


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    y = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        y = y * x + c
    return y
