"""Normalization of activations: by batch, layer, root mean square or norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hilevel.config import epsilon as config_epsilon
from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Axis, Namespace, Tensor, TensorLike
from hilevel.ops.linalg.norms import norm
from hilevel.ops.numpy.elementwise import maximum, square
from hilevel.ops.numpy.reduction import at_least_float32, in_dtype_of, mean, sum
from hilevel.ops.numpy.transcendental import rsqrt


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
    """Compute the statistics of the distance from `near`. In float32, sums lose small deviations beside a large
    mean."""
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
    xp: Namespace, g: Sequence[Tensor], y: Sequence[Tensor], x: Tensor, gamma: Tensor | None, beta: Tensor | None,
    axes: tuple[int, ...], epsilon: float, residuals: Sequence[Tensor] | None = None,
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
def _(
    x: TensorSpec, gamma: TensorSpec | None, beta: TensorSpec | None, axes: tuple[int, ...], epsilon: float
) -> tuple[TensorSpec, TensorSpec, TensorSpec]:
    kept = [n for i, n in enumerate(x.shape) if i not in axes]
    return TensorSpec(x.shape, x.dtype), TensorSpec(kept, x.dtype), TensorSpec(kept, x.dtype)


@rounded
def standardize(
    x: TensorLike,
    axis: Axis = -1,
    epsilon: float = 0.0,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
) -> Any:
    """Return `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, the mean and the variance.

    Half precision is computed in float32.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes of the statistics.
        epsilon: a small number added to the variance.
        gamma, beta: tensors with as many axes as `x`, of its length or 1; none by default.

    >>> ops.standardize(np.array([[1.0, 3.0]]))
    (array([[-1.,  1.]]), array([2.]), array([1.]))
    """
    given = to_float_array(x)
    x = at_least_float32(given)
    results = standardize_op(x, gamma, beta, axes=axes_tuple(axis, len(x.shape)), epsilon=epsilon)
    return results if x is given else tuple(in_dtype_of(given, y) for y in results)


@composite
def layer_normalization(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """Return `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with statistics over `axis`. Ba et al., 2016.

    Args:
        x: a tensor of any shape.
        gamma, beta: tensors of the shape of the axes; none by default.
        axis: the axis or axes of the statistics.
        epsilon: a small number added to the variance; `hilevel.config.epsilon()` by default.

    >>> ops.layer_normalization(np.array([[1.0, 3.0]]))
    array([[-0.99999995,  0.99999995]])

    Raises:
        TypeError: another argument is passed.
    """
    if kwargs:
        raise TypeError(f"layer_normalization() has no argument {', '.join(kwargs)}.")
    x = to_float_array(x)
    view = [n if i in axes_tuple(axis, len(x.shape)) else 1 for i, n in enumerate(x.shape)]
    factor, shift = (None if a is None else to_array(a, x.dtype).reshape(tuple(view)) for a in (gamma, beta))
    return standardize(x, axis, config_epsilon() if epsilon is None else epsilon, factor, shift)[0]


@composite
def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Tensor:
    """Return `x / sqrt(mean(x^2) + epsilon) * scale`, with the mean over `axis`. Zhang and Sennrich, 2019.

    It is computed in float32 at least.

    Args:
        x: a tensor of any shape.
        scale: a tensor that broadcasts to the shape of `x`; none by default.
        axis: the axis or axes of the mean.
        epsilon: a small number added to the mean; `hilevel.config.epsilon()` by default.

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
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Return `scale * (x - mean) / sqrt(variance + epsilon) + offset`, with statistics for each index of `axis`.

    Args:
        x: a tensor of any shape.
        mean, variance: tensors of shape `(n,)`, where `n` is the length of the axis.
        axis: the axis of the channels.
        offset, scale: tensors of shape `(n,)`; none by default.
        epsilon: a small number added to the variance.

    >>> ops.batch_normalization(np.array([[3.0]]), np.array([1.0]), np.array([4.0]), -1, epsilon=0.0)
    array([[1.]])
    """
    x = to_float_array(x)
    view = [1] * len(x.shape)
    (axis,) = axes_tuple(axis, len(view))
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
def normalize(x: TensorLike, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """Divide `x` by its norm along an axis. It is computed in float32 at least.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes of the norm.
        order: the order of the norm.
        epsilon: a lower limit of the norm; `hilevel.config.epsilon()` by default.

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
