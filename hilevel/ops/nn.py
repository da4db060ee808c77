"""The functions of neural networks: activations, and the fused layers of dense networks."""

from __future__ import annotations

import math
from typing import Any

from hilevel._types import Axis, Namespace, Tensor
from hilevel.config import epsilon as config_epsilon
from hilevel.errors import ShapeError
from hilevel.ops._abstract import Abstract, like
from hilevel.ops._op import composite, op, rounded, to_array, to_float_array
from hilevel.ops.elementwise import maximum, square
from hilevel.ops.functions import rsqrt
from hilevel.ops.norms import norm
from hilevel.ops.reduction import at_least_float32, in_dtype_of, mean, sum
from hilevel.protocol import axes_tuple

# -- activations that are primitives ----------------------------------------------------------------


@op(dtype="number", shape=like)
def relu(xp: Namespace, x: Tensor) -> Tensor:
    """`max(x, 0)`, element-wise. Its gradient at 0 is 0.

    >>> ops.relu([-1.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    return xp.where(x <= 0, 0, x)  # JAX's gradient of a maximum is a half where both numbers are equal


relu.gradient(lambda xp, g, y, x: g * (y > 0))


@op(dtype="float", shape=like)
def sigmoid(xp: Namespace, x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`, element-wise.

    >>> ops.sigmoid([0.0])
    array([0.5], dtype=float32)
    """
    return 0.5 * xp.tanh(0.5 * x) + 0.5


sigmoid.gradient(lambda xp, g, y, x: g * y * (1 - y))


@op(dtype="float", shape=like)
def softplus(xp: Namespace, x: Tensor) -> Tensor:
    """`log(1 + exp(x))`, element-wise, without overflow.

    >>> ops.softplus([0.0])
    array([0.6931472], dtype=float32)
    """
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


softplus.gradient(lambda xp, g, y, x: g * (0.5 * xp.tanh(0.5 * x) + 0.5))


@op(dtype="float", shape=like)
def silu(xp: Namespace, x: Tensor) -> Tensor:
    """`x * sigmoid(x)`, element-wise, also called swish.

    >>> ops.silu([0.0])
    array([0.], dtype=float32)
    """
    return x * (0.5 * xp.tanh(0.5 * x) + 0.5)


@silu.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor) -> Any:
    s = 0.5 * xp.tanh(0.5 * x) + 0.5
    return g * (s + y * (1 - s))


swish = silu


@op(dtype="float", shape=like)
def erf(xp: Namespace, x: Tensor) -> Tensor:
    """The error function, element-wise. W. J. Cody, "Rational Chebyshev approximations for the error function",
    1969: about as exact as the dtype.

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
    """The quotient of two polynomials, the coefficient of the highest power first."""
    return _polynomial(x, above) / _polynomial(x, below)


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    y = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        y = y * x + c
    return y


# -- softmax ----------------------------------------------------------------------------------------


@op(dtype="float", shape=like)
def softmax(xp: Namespace, x: Tensor, /, axis: Axis = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` over an axis (or several), without overflow.

    >>> ops.softmax([0.0, 0.0])
    array([0.5, 0.5], dtype=float32)
    """
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


@softmax.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = -1) -> Any:
    gy = g * y
    return gy - y * xp.sum(gy, axis=axis, keepdims=True)


@op(dtype="float", shape=like)
def log_softmax(xp: Namespace, x: Tensor, /, axis: Axis = -1) -> Tensor:
    """The logarithm of the softmax, without overflow.

    >>> ops.log_softmax([0.0, 0.0])
    array([-0.6931472, -0.6931472], dtype=float32)
    """
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


@log_softmax.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axis: Axis = -1) -> Any:
    return g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)


# -- dense ------------------------------------------------------------------------------------------

FUSED_ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid")


@op(dtype="float")
def dense(
    xp: Namespace, x: Tensor, kernel: Tensor, bias: Tensor | None = None, /, activation: str = "linear"
) -> Tensor:
    """`activation(x @ kernel + bias)` over the last axis, in one step. The activation is one of
    `"linear"`, `"relu"`, `"tanh"`, `"sigmoid"`.

    >>> ops.dense([[1.0, 2.0]], np.ones((2, 1)), np.zeros(1), activation="relu")
    array([[3.]])
    """
    y = xp.matmul(as_matrix(x), kernel)
    if bias is not None:
        y += bias
    y = activated(xp, y, activation)
    return y if x.ndim == 2 else y.reshape((*x.shape[:-1], kernel.shape[-1]))


def as_matrix(x: Tensor) -> Tensor:
    """Return the tensor as a matrix with the same last axis."""
    return x if x.ndim == 2 else x.reshape((-1, x.shape[-1]))


def activated(xp: Namespace, x: Tensor, activation: str) -> Tensor:
    """Return a fused activation of a tensor."""
    if activation == "relu":
        return relu.value(xp, x)
    if activation == "tanh":
        return xp.tanh(x)
    return sigmoid.value(xp, x) if activation == "sigmoid" else x


def before_activation(g: Tensor, y: Tensor, activation: str) -> Tensor:
    """Return the gradient of the input of a fused activation, from its result `y` and the gradient of that."""
    if activation == "relu":
        return g * (y > 0)
    if activation == "tanh":
        return g * (1 - y * y)
    return g * (y * (1 - y)) if activation == "sigmoid" else g


@dense.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None = None,
    activation: str = "linear",
) -> Any:  # fmt: skip
    rows = as_matrix(before_activation(g, y, activation))
    return (
        lambda: xp.matmul(rows, kernel.T).reshape(x.shape),
        lambda: xp.matmul(as_matrix(x).T, rows),
        lambda: rows.sum(axis=0),
    )


@dense.shape
def _(x: Any, kernel: Any, bias: Any = None, activation: str = "linear") -> Abstract:
    if not x.shape or x.shape[-1] != kernel.shape[0]:
        raise ShapeError(
            f"dense: the last axis of the input must be {kernel.shape[0]}, the first of the kernel "
            f"{kernel.shape}; got shape {x.shape}."
        )
    return Abstract((*x.shape[:-1], kernel.shape[-1]), x.dtype)


@op(shape=lambda x, keep, scale: like(x))
def drop(xp: Namespace, x: Tensor, keep: Tensor, /, scale: float) -> Tensor:
    """`x * scale` where `keep` holds, else 0: dropout with a given mask.

    >>> ops.drop(np.ones(2), np.array([True, False]), scale=2.0)
    array([2., 0.])
    """
    return x * (keep * x.dtype.type(scale))


drop.gradient(lambda xp, g, y, x, keep, scale: (g * (keep * x.dtype.type(scale)), None))


# -- normalisation ----------------------------------------------------------------------------------


@op(dtype="float")
def standardize_op(
    xp: Namespace,
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    /,
    axes: tuple[int, ...],
    epsilon: float,
) -> Any:
    return standardized(xp, x, gamma, beta, axes, epsilon)[0]


@standardize_op.residuals
def standardized(
    xp: Namespace, x: Tensor, gamma: Tensor | None, beta: Tensor | None, axes: tuple[int, ...], epsilon: float,
    near: Tensor | None = None,
) -> Any:  # fmt: skip
    """Take the statistics of the distance from `near`: float32 sums lose small deviations beside a large mean."""
    near, n = first_along(x, axes) if near is None else near, math.prod(x.shape[a] for a in axes)
    centred = x - near
    shift = xp.sum(centred, axis=axes, keepdims=True) / n
    centred -= shift
    variance = xp.sum(centred * centred, axis=axes, keepdims=True) / n
    rstd = 1 / xp.sqrt(variance + epsilon)
    kept = tuple(x.shape[i] for i in range(len(x.shape)) if i not in axes)
    y = normal = centred * rstd
    y = y if gamma is None else y * gamma
    y = y if beta is None else y + beta
    mean = near + shift
    return (y, mean.reshape(kept), variance.reshape(kept)), (normal, rstd)


def first_along(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return the first element along the axes, which keep length 1."""
    return x[tuple(slice(1) if i in axes else slice(None) for i in range(len(x.shape)))]


@standardize_op.gradient
def _(
    xp: Namespace, g: Any, y: Any, x: Tensor, gamma: Tensor | None, beta: Tensor | None,
    axes: tuple[int, ...], epsilon: float, residuals: Any = None,
) -> Any:  # fmt: skip
    if residuals is None:
        residuals = standardized(xp, x, None, None, axes, epsilon)[1]
    normal, rstd = residuals
    gy, g_mean, g_variance = (g[0], *(xp.reshape(part, rstd.shape) for part in g[1:]))

    def of_x() -> Tensor:
        g_normal = gy if gamma is None else gy * gamma
        n = math.prod(x.shape[a] for a in axes)
        projected = xp.sum(g_normal * normal, axis=axes, keepdims=True)
        shift = (g_mean - rstd * xp.sum(g_normal, axis=axes, keepdims=True)) / n
        return g_normal * rstd + normal * ((2 * g_variance / rstd - rstd * projected) / n) + shift

    return of_x, (lambda: gy * normal), (lambda: gy)


@standardize_op.shape
def _(x: Any, gamma: Any, beta: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    kept = [n for i, n in enumerate(x.shape) if i not in axes]
    return Abstract(x.shape, x.dtype), Abstract(kept, x.dtype), Abstract(kept, x.dtype)


@rounded
def standardize(
    x: Tensor, axis: Axis = -1, epsilon: float = 0.0, gamma: Tensor = None, beta: Tensor = None
) -> tuple[Tensor, Tensor, Tensor]:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta` over the given axes, with that mean and variance. `gamma`
    and `beta` have as many axes as `x`, of its length or 1.

    Of half precision, it is computed in float32.

    >>> ops.standardize(np.array([[1.0, 3.0]]))
    (array([[-1.,  1.]]), array([2.]), array([1.]))
    """
    given = to_float_array(x)
    x = at_least_float32(given)
    results = standardize_op(x, gamma, beta, axes=axes_tuple(axis, len(x.shape)), epsilon=epsilon)
    return results if x is given else tuple(in_dtype_of(given, y) for y in results)


@composite
def layer_normalization(
    x: Tensor,
    gamma: Tensor = None,
    beta: Tensor = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, the statistics over `axis`. Ba et al., 2016.

    `epsilon` is `hilevel.config.epsilon()` where none is given.

    >>> ops.layer_normalization(np.array([[1.0, 3.0]]))
    array([[-0.99999995,  0.99999995]])
    """
    if kwargs:
        raise TypeError(f"layer_normalization() has no argument {', '.join(kwargs)}.")
    x = to_float_array(x)
    view = [n if i in axes_tuple(axis, len(x.shape)) else 1 for i, n in enumerate(x.shape)]
    factor, shift = (None if a is None else to_array(a, x.dtype).reshape(tuple(view)) for a in (gamma, beta))
    return standardize(x, axis, config_epsilon() if epsilon is None else epsilon, factor, shift)[0]


@composite
def rms_normalization(
    x: Tensor, scale: Tensor = None, axis: Axis = -1, epsilon: float | None = None
) -> Tensor:
    """`x / sqrt(mean(x^2) + epsilon) * scale`, the mean over `axis`. Zhang and Sennrich, 2019.

    It is computed in float32 at least.

    >>> ops.rms_normalization([3.0, 3.0])
    array([1., 1.], dtype=float32)
    """
    given = to_float_array(x)
    x = at_least_float32(given)
    epsilon = config_epsilon() if epsilon is None else epsilon
    y = x * rsqrt(mean(square(x), axis=axis, keepdims=True) + epsilon)
    return (y if scale is None else y * to_float_array(scale)).astype(given.dtype)


@composite
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor = None,
    scale: Tensor = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """`scale * (x - mean) / sqrt(variance + epsilon) + offset`, with statistics for each index of `axis`.

    >>> ops.batch_normalization(np.array([[3.0]]), np.array([1.0]), np.array([4.0]), -1, epsilon=0.0)
    array([[1.]])
    """
    x = to_float_array(x)
    view = [1] * len(x.shape)
    view[axis] = x.shape[axis]
    factor = rsqrt(to_float_array(variance) + epsilon)
    if scale is not None:
        factor = factor * to_float_array(scale)
    shift = -to_float_array(mean) * factor
    if offset is not None:
        shift = shift + to_float_array(offset)
    return x * factor.reshape(tuple(view)) + shift.reshape(tuple(view))


@composite
@rounded
def normalize(x: Tensor, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """`x` divided by its norm along an axis, which counts as at least `epsilon`. Computed in float32 at least.

    >>> ops.normalize([3.0, 4.0])
    array([0.6, 0.8], dtype=float32)
    """
    given = to_float_array(x)
    x = at_least_float32(given)
    epsilon = config_epsilon() if epsilon is None else epsilon
    if order == 2:
        y = x * rsqrt(maximum(sum(square(x), axis=axis, keepdims=True), epsilon**2))
    else:
        y = x / maximum(norm(x, ord=order, axis=axis, keepdims=True), epsilon)
    return in_dtype_of(given, y)
