"""Activation functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.spec import like, like_along
from hilevel.engine.types import Axis, Namespace, Tensor, TensorLike
from hilevel.ops.math.error_functions import erf
from hilevel.ops.numpy.elementwise import abs, clip, maximum, minimum, square, where
from hilevel.ops.numpy.joining import split
from hilevel.ops.numpy.reduction import cumsum, sort, sum
from hilevel.ops.numpy.shaping import flip
from hilevel.ops.numpy.transcendental import expm1, sqrt, tanh


@op(dtype="number", shape=like)
def relu(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `max(x, 0)`, element-wise. Its gradient at 0 is 0.

    Args:
        x: a tensor of any shape.

    >>> ops.relu([-1.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    return xp.where(x <= 0, 0, x)  # JAX's gradient of a maximum is 0.5 where both operands are equal


relu.gradient(lambda xp, g, y, x: g * (y > 0))


@op(dtype="float", shape=like)
def sigmoid(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `1 / (1 + exp(-x))`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.sigmoid([0.0])
    array([0.5], dtype=float32)
    """
    return 0.5 * xp.tanh(0.5 * x) + 0.5


sigmoid.gradient(lambda xp, g, y, x: g * y * (1 - y))


@op(dtype="float", shape=like)
def softplus(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `log(1 + exp(x))`, element-wise, without overflow.

    Args:
        x: a tensor of any shape.

    >>> ops.softplus([0.0])
    array([0.6931472], dtype=float32)
    """
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


softplus.gradient(lambda xp, g, y, x: g * (0.5 * xp.tanh(0.5 * x) + 0.5))


@op(dtype="float", shape=like)
def silu(xp: Namespace, x: TensorLike) -> Tensor:
    """Return `x * sigmoid(x)`, element-wise, also called swish.

    Args:
        x: a tensor of any shape.

    >>> ops.silu([0.0])
    array([0.], dtype=float32)
    """
    return x * (0.5 * xp.tanh(0.5 * x) + 0.5)


@silu.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor) -> Any:
    s = 0.5 * xp.tanh(0.5 * x) + 0.5
    return g * (s + y * (1 - s))


swish = silu


@op(dtype="float", shape=like_along)
def softmax(xp: Namespace, x: TensorLike, /, axis: Axis = -1) -> Tensor:
    """Return `exp(x) / sum(exp(x))`, without overflow.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes of the sum.

    >>> ops.softmax([0.0, 0.0])
    array([0.5, 0.5], dtype=float32)
    """
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


@softmax.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = -1) -> Any:
    gy = g * y
    return gy - y * xp.sum(gy, axis=axis, keepdims=True)


@op(dtype="float", shape=like_along)
def log_softmax(xp: Namespace, x: TensorLike, /, axis: Axis = -1) -> Tensor:
    """Return the logarithm of the softmax, without overflow.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes of the softmax.

    >>> ops.log_softmax([0.0, 0.0])
    array([-0.6931472, -0.6931472], dtype=float32)
    """
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


@log_softmax.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = -1) -> Any:
    return g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)


def relu6(x: TensorLike) -> Tensor:
    """Return `min(max(x, 0), 6)`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.relu6([-1.0, 8.0])
    array([0., 6.], dtype=float32)
    """
    return clip(x, 0.0, 6.0)


@op(dtype="float", shape=like)
def leaky_relu(xp: Namespace, x: TensorLike, /, negative_slope: float = 0.2) -> Tensor:
    """Return `x` where it is positive, else `negative_slope * x`.

    Args:
        x: a tensor of any shape.
        negative_slope: the slope for negative `x`.

    >>> ops.leaky_relu([-1.0, 2.0])
    array([-0.2,  2. ], dtype=float32)
    """
    return xp.where(x > 0, x, negative_slope * x)


@leaky_relu.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, negative_slope: float = 0.2) -> Tensor:
    return xp.where(x > 0, g, negative_slope * g)


@rounded
def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return `x` where it is positive, else `alpha * (exp(x) - 1)`. Clevert et al., 2016.

    Args:
        x: a tensor of any shape.
        alpha: the negative of the limit for large negative `x`.

    >>> ops.elu([0.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    x = to_float_array(x)
    return where(x > 0, x, alpha * expm1(minimum(x, 0.0)))


@rounded
def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return `max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`. Barron, 2017.

    Args:
        x: a tensor of any shape.
        alpha: the negative of the limit for large negative `x`.

    >>> ops.celu([0.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    x = to_float_array(x)
    return where(x > 0, x, alpha * expm1(minimum(x, 0.0) / alpha))


@rounded
def selu(x: TensorLike) -> Tensor:
    """Return `1.0507 * elu(x, 1.6733)`, which keeps mean 0 and variance 1. Klambauer et al., 2017.

    Args:
        x: a tensor of any shape.

    >>> ops.selu([0.0])
    array([0.], dtype=float32)
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x: TensorLike, approximate: bool = True) -> Tensor:
    """Return `x * P(X <= x)` for a standard normal variable X. Hendrycks and Gimpel, 2016.

    Args:
        x: a tensor of any shape.
        approximate: whether to compute it by a tanh instead of the error function.

    >>> ops.gelu([0.0])
    array([0.], dtype=float32)
    """
    return gelu_op(x, approximate=approximate)


@op(dtype="float", shape=lambda x, approximate: like(x))
def gelu_op(xp: Namespace, x: Tensor, /, approximate: bool) -> Tensor:
    if approximate:
        return 0.5 * x * (1.0 + xp.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + erf(x * 0.7071067811865476))


@gelu_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, approximate: bool) -> Tensor:
    if approximate:
        weight = 0.5 * (1.0 + xp.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
        slope = 2 * weight * (1.0 - weight) * (0.7978845608028654 * (1.0 + 3 * 0.044715 * x * x))
        return g * (weight + x * slope)
    density = 0.3989422804014327 * xp.exp(-0.5 * x * x)
    return g * (0.5 * (1.0 + erf(x * 0.7071067811865476)) + x * density)


@rounded
def softsign(x: TensorLike) -> Tensor:
    """Return `x / (1 + |x|)`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.softsign([1.0])
    array([0.5], dtype=float32)
    """
    x = to_float_array(x)
    return x / (1.0 + abs(x))


def log_sigmoid(x: TensorLike) -> Tensor:
    """Return `log(sigmoid(x))`, without overflow.

    Args:
        x: a tensor of any shape.

    >>> ops.log_sigmoid([0.0])
    array([-0.6931472], dtype=float32)
    """
    return -softplus(-to_float_array(x))


@rounded
def hard_sigmoid(x: TensorLike) -> Tensor:
    """Return `clip(x / 6 + 0.5, 0, 1)`, a piecewise linear sigmoid.

    Args:
        x: a tensor of any shape.

    >>> ops.hard_sigmoid([-3.0, 0.0])
    array([0. , 0.5], dtype=float32)
    """
    return clip(to_float_array(x) / 6.0 + 0.5, 0.0, 1.0)


@rounded
def hard_silu(x: TensorLike) -> Tensor:
    """Return `x * hard_sigmoid(x)`, also called hard swish. Howard et al., 2019.

    Args:
        x: a tensor of any shape.

    >>> ops.hard_silu([-3.0, 3.0])
    array([-0.,  3.], dtype=float32)
    """
    x = to_float_array(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def hard_tanh(x: TensorLike) -> Tensor:
    """Return `clip(x, -1, 1)`.

    Args:
        x: a tensor of any shape.

    >>> ops.hard_tanh([-3.0, 0.5])
    array([-1. ,  0.5], dtype=float32)
    """
    return clip(x, -1, 1)


def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """Return `x` where `|x| > threshold`, else 0.

    Args:
        x: a tensor of any shape.
        threshold: a limit that is not negative.

    >>> ops.hard_shrink([0.3, 2.0])
    array([0., 2.], dtype=float32)
    """

    x = to_array(x)
    return where(abs(x) > threshold, x, 0.0)


@rounded
def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """Return `sign(x) * max(|x| - threshold, 0)`.

    Args:
        x: a tensor of any shape.
        threshold: a limit that is not negative.

    >>> ops.soft_shrink([0.3, 2.0])
    array([0. , 1.5], dtype=float32)
    """
    x = to_float_array(x)
    return where(x > threshold, x - threshold, where(x < -threshold, x + threshold, 0.0))


def tanh_shrink(x: TensorLike) -> Tensor:
    """Return `x - tanh(x)`.

    Args:
        x: a tensor of any shape.

    >>> ops.tanh_shrink([0.0])
    array([0.], dtype=float32)
    """
    x = to_float_array(x)
    return x - tanh(x)


def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """Return `x` where it is above the threshold, else `default_value`.

    Args:
        x: a tensor of any shape.
        threshold: the limit.
        default_value: the value in place of the others.

    >>> ops.threshold([0.5, 2.0], 1.0, 0.0)
    array([0., 2.], dtype=float32)
    """
    x = to_array(x)
    return where(x > threshold, x, default_value)


def mish(x: TensorLike) -> Tensor:
    """Return `x * tanh(softplus(x))`. Misra, 2019.

    Args:
        x: a tensor of any shape.

    >>> ops.mish([0.0])
    array([0.], dtype=float32)
    """
    x = to_float_array(x)
    return x * tanh(softplus(x))


def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """Return `(x + sqrt(x^2 + b)) / 2`. Barron, 2021.

    Args:
        x: a tensor of any shape.
        b: the smoothness, a positive number; at 0 the result is `sqrt(b) / 2`.

    >>> ops.squareplus([0.0])
    array([1.], dtype=float32)
    """
    x = to_float_array(x)
    return (x + sqrt(square(x) + b)) / 2


@rounded
def sparse_plus(x: TensorLike) -> Tensor:
    """Return 0 for `x <= -1`, `(x + 1)^2 / 4` for `x < 1`, else `x`.

    Args:
        x: a tensor of any shape.

    >>> ops.sparse_plus([-1.0, 1.0])
    array([0., 1.], dtype=float32)
    """
    x = to_float_array(x)
    return where(x <= -1, 0.0, where(x < 1, 0.25 * square(x + 1), x))


@rounded
def sparse_sigmoid(x: TensorLike) -> Tensor:
    """Return `clip((x + 1) / 2, 0, 1)`.

    Args:
        x: a tensor of any shape.

    >>> ops.sparse_sigmoid([0.0])
    array([0.5], dtype=float32)
    """
    return clip(0.5 * (to_float_array(x) + 1), 0.0, 1.0)


@composite
@rounded
def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """Return the first half of an axis times the sigmoid of the second. Dauphin et al., 2017.

    Args:
        x: a tensor of any shape whose axis has an even length.
        axis: the axis.

    >>> ops.glu([2.0, 0.0])
    array([1.], dtype=float32)
    """
    a, b = split(to_float_array(x), 2, axis=axis)
    return a * sigmoid(b)


@composite
@rounded
def sparsemax(x: TensorLike, axis: int = -1) -> Tensor:
    """Return the projection onto the probability simplex: like softmax, but with zeros. Martins and Astudillo, 2016.

    Args:
        x: a tensor of any shape.
        axis: the axis of the probabilities.

    >>> ops.sparsemax([2.0, 0.0])
    array([1., 0.], dtype=float32)
    """
    x = to_float_array(x)
    ordered = flip(sort(x, axis=axis), axis=axis)
    n = x.shape[axis]
    view = [1] * len(x.shape)
    view[axis] = n
    rank = to_array(np.arange(1, n + 1).reshape(view), x.dtype)
    total = cumsum(ordered, axis=axis)
    inside = 1 + rank * ordered > total
    count = sum(inside.astype(x.dtype), axis=axis, keepdims=True)
    excess = sum(where(inside, ordered, 0.0), axis=axis, keepdims=True) - 1
    return maximum(x - excess / count, 0.0)
