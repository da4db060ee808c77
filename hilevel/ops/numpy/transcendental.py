"""Exponentials, logarithms, trigonometric and hyperbolic functions, element by element."""

from __future__ import annotations

import numpy as np

from hilevel.engine.op import op
from hilevel.engine.spec import elementwise, like
from hilevel.engine.types import Namespace, Tensor, TensorLike


@op(dtype="float", shape=like)
def exp(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the exponential, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.exp([0.0])
    array([1.], dtype=float32)
    """
    return xp.exp(x)


exp.gradient(lambda xp, g, y, x: g * y)


@op(dtype="float", shape=like)
def expm1(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `exp(x) - 1`, accurate for small `x`.

    Args:
        x: a tensor of any shape.

    >>> ops.expm1([0.0])
    array([0.], dtype=float32)
    """
    return xp.expm1(x)


expm1.gradient(lambda xp, g, y, x: g * (y + 1))


@op(dtype="float", shape=like)
def log(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the natural logarithm, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.log([1.0, 2.0])
    array([0.       , 0.6931472], dtype=float32)
    """
    return xp.log(x)


log.gradient(lambda xp, g, y, x: g / x)


@op(dtype="float", shape=like)
def log1p(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `log(1 + x)`, accurate for small `x`.

    Args:
        x: a tensor of any shape.

    >>> ops.log1p([0.0])
    array([0.], dtype=float32)
    """
    return xp.log1p(x)


log1p.gradient(lambda xp, g, y, x: g / (1 + x))


@op(dtype="float", shape=like)
def log2(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the logarithm to base 2, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.log2([1.0, 8.0])
    array([0., 3.], dtype=float32)
    """
    return xp.log2(x)


log2.gradient(lambda xp, g, y, x: g / (x * float(np.log(2))))


@op(dtype="float", shape=like)
def log10(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the logarithm to base 10, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.log10([1.0, 100.0])
    array([0., 2.], dtype=float32)
    """
    return xp.log10(x)


log10.gradient(lambda xp, g, y, x: g / (x * float(np.log(10))))


@op(dtype="float", shape=elementwise)
def logaddexp(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return `log(exp(x1) + exp(x2))`, without overflow.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.logaddexp([0.0], [0.0])
    array([0.6931472], dtype=float32)
    """
    return xp.logaddexp(x1, x2)


logaddexp.gradient(lambda xp, g, y, x1, x2: (lambda: g * xp.exp(x1 - y), lambda: g * xp.exp(x2 - y)))


@op(dtype="float", shape=like)
def sqrt(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the square root, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.sqrt([4.0, 9.0])
    array([2., 3.], dtype=float32)
    """
    return xp.sqrt(x)


sqrt.gradient(lambda xp, g, y, x: g / (2 * y))


@op(dtype="float", shape=like)
def rsqrt(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `1 / sqrt(x)`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.rsqrt([4.0])
    array([0.5], dtype=float32)
    """
    return 1 / xp.sqrt(x)


rsqrt.gradient(lambda xp, g, y, x: -0.5 * g * y / x)


@op(dtype="float", shape=like)
def sin(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the sine.

    Args:
        x: angles in radians, a tensor of any shape.

    >>> ops.sin([0.0])
    array([0.], dtype=float32)
    """
    return xp.sin(x)


sin.gradient(lambda xp, g, y, x: g * xp.cos(x))


@op(dtype="float", shape=like)
def cos(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the cosine.

    Args:
        x: angles in radians, a tensor of any shape.

    >>> ops.cos([0.0])
    array([1.], dtype=float32)
    """
    return xp.cos(x)


cos.gradient(lambda xp, g, y, x: -g * xp.sin(x))


@op(dtype="float", shape=like)
def tan(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the tangent.

    Args:
        x: angles in radians, a tensor of any shape.

    >>> ops.tan([0.0])
    array([0.], dtype=float32)
    """
    return xp.tan(x)


tan.gradient(lambda xp, g, y, x: g * (1 + y * y))


@op(dtype="float", shape=like)
def arcsin(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the angle in radians whose sine is `x`.

    Args:
        x: a tensor of any shape, with values from -1 to 1.

    >>> ops.arcsin([0.0])
    array([0.], dtype=float32)
    """
    return xp.arcsin(x)


arcsin.gradient(lambda xp, g, y, x: g / xp.sqrt(1 - x * x))


@op(dtype="float", shape=like)
def arccos(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the angle in radians whose cosine is `x`.

    Args:
        x: a tensor of any shape, with values from -1 to 1.

    >>> ops.arccos([1.0])
    array([0.], dtype=float32)
    """
    return xp.arccos(x)


arccos.gradient(lambda xp, g, y, x: -g / xp.sqrt(1 - x * x))


@op(dtype="float", shape=like)
def arctan(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the angle in radians whose tangent is `x`.

    Args:
        x: a tensor of any shape.

    >>> ops.arctan([0.0])
    array([0.], dtype=float32)
    """
    return xp.arctan(x)


arctan.gradient(lambda xp, g, y, x: g / (1 + x * x))


@op(dtype="float", shape=elementwise)
def arctan2(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the angle in radians of the point `(x2, x1)`, in all four quadrants.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.arctan2([0.0], [1.0])
    array([0.], dtype=float32)
    """
    return xp.arctan2(x1, x2)


arctan2.gradient(
    lambda xp, g, y, x1, x2: (
        lambda: g * x2 / (x1 * x1 + x2 * x2),
        lambda: -g * x1 / (x1 * x1 + x2 * x2),
    )
)


@op(dtype="float", shape=like)
def sinh(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the hyperbolic sine, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.sinh([0.0])
    array([0.], dtype=float32)
    """
    return xp.sinh(x)


sinh.gradient(lambda xp, g, y, x: g * xp.cosh(x))


@op(dtype="float", shape=like)
def cosh(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the hyperbolic cosine, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.cosh([0.0])
    array([1.], dtype=float32)
    """
    return xp.cosh(x)


cosh.gradient(lambda xp, g, y, x: g * xp.sinh(x))


@op(dtype="float", shape=like)
def tanh(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the hyperbolic tangent, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.tanh([0.0])
    array([0.], dtype=float32)
    """
    return xp.tanh(x)


tanh.gradient(lambda xp, g, y, x: g * (1 - y * y))


@op(dtype="float", shape=like)
def arcsinh(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the inverse of `sinh`.

    Args:
        x: a tensor of any shape.

    >>> ops.arcsinh([0.0])
    array([0.], dtype=float32)
    """
    return xp.arcsinh(x)


arcsinh.gradient(lambda xp, g, y, x: g / xp.sqrt(x * x + 1))


@op(dtype="float", shape=like)
def arccosh(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the inverse of `cosh`.

    Args:
        x: a tensor of any shape, with values of at least 1.

    >>> ops.arccosh([1.0])
    array([0.], dtype=float32)
    """
    return xp.arccosh(x)


arccosh.gradient(lambda xp, g, y, x: g / xp.sqrt(x * x - 1))


@op(dtype="float", shape=like)
def arctanh(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the inverse of `tanh`.

    Args:
        x: a tensor of any shape, with values between -1 and 1.

    >>> ops.arctanh([0.0])
    array([0.], dtype=float32)
    """
    return xp.arctanh(x)


arctanh.gradient(lambda xp, g, y, x: g / (1 - x * x))
