"""The gamma distribution, and the distributions that are made of it: beta and binomial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hilevel.engine.autodiff.tape import to_host, untraced
from hilevel.engine.op import to_array
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Array, DType, DTypeLike, Namespace, ShapeLike, Tensor, TensorLike
from hilevel.ops.numpy.statistics import is_concrete
from hilevel.random.functions import compute_dtype, draw_values, float_dtype, unit_uniform
from hilevel.random.seed import SeedLike

PROPOSALS = 8
"""The number of proposals for a value. All are rejected with a probability below 1e-10; then the mode is taken."""
UNIFORMS = 3 * PROPOSALS + 1
"""The number of uniform values for a gamma value."""


def _parameter(x: TensorLike) -> Any:
    return untraced(to_array(x))


def gamma(shape: ShapeLike, alpha: TensorLike, dtype: DTypeLike = None, seed: SeedLike = None) -> Tensor:
    """Return values of the gamma distribution with the scale 1, which have no gradient.

    G. Marsaglia, W. W. Tsang, A simple method for generating gamma variables, 2000.

    Args:
        shape: the shape of the result.
        alpha: the shape parameter, a scalar or a tensor that broadcasts to the shape. NaN results from negative ones.
        dtype: a floating-point dtype; floatx by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.gamma((1000,), 2.0, seed=1).mean().round(1)
    np.float32(2.0)

    Raises:
        ValueError: the dtype is not a floating-point dtype.
    """
    return draw_values(_gamma, seed, shape, float_dtype(dtype), _parameter(alpha))


def _gamma(backend: Backend, state: Array, shape: tuple[int, ...], alpha: Array, dtype: DType) -> Array:
    unit = unit_uniform(backend, state, (UNIFORMS, *shape), compute_dtype(dtype))
    return backend.xp.exp(_log_gamma(backend.xp, unit, alpha.astype(unit.dtype))).astype(dtype)


def _log_gamma(xp: Namespace, unit: Array, alpha: Array) -> Array:
    """Return the logarithms of gamma values.

    Args:
        xp: the array module.
        unit: values uniform in [0, 1), of shape `(UNIFORMS, ...)`.
        alpha: the shape parameter, which broadcasts to `(...)`.
    """
    is_valid = alpha >= 0
    alpha = xp.where(is_valid, alpha, 1)
    is_small = alpha < 1  # then a value for alpha + 1 is multiplied by a power of a uniform value
    d = xp.where(is_small, alpha + 1, alpha) - 1 / 3
    y, done = xp.zeros_like(unit[0]), xp.zeros_like(unit[0]) > 0
    for first, second, third in (unit[i : i + 3] for i in range(0, UNIFORMS - 1, 3)):
        normal = xp.sqrt(-2 * xp.log1p(-first)) * xp.cos((2 * np.pi) * second)
        v = (1 + normal / (3 * xp.sqrt(d))) ** 3
        log_v = xp.log(xp.where(v > 0, v, 1))
        accepted = (v > 0) & (xp.log1p(-third) < normal**2 / 2 + d * (1 - v + log_v)) & ~done
        y, done = xp.where(accepted, log_v, y), done | accepted
    positive = xp.where(is_small & (alpha > 0), alpha, 1)
    boost = xp.where(is_small, xp.log1p(-unit[-1]) / positive, 0)
    y = y + xp.log(d) + xp.where(alpha == 0, -np.inf, boost)
    return xp.where(is_valid, y, np.nan).astype(unit.dtype)


def beta(
    shape: ShapeLike, alpha: TensorLike, beta: TensorLike, dtype: DTypeLike = None, seed: SeedLike = None
) -> Tensor:
    """Return values of the beta distribution, `x / (x + y)` of two gamma values, which have no gradient.

    Args:
        shape: the shape of the result.
        alpha, beta: the parameters of the two gamma values, scalars or tensors that broadcast to the shape.
        dtype: a floating-point dtype; floatx by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.beta((1000,), 3.0, 1.0, seed=1).mean().round(2)
    np.float32(0.75)

    Raises:
        ValueError: the dtype is not a floating-point dtype.
    """
    return draw_values(_beta, seed, shape, float_dtype(dtype), _parameter(alpha), _parameter(beta))


def _beta(
    backend: Backend, state: Array, shape: tuple[int, ...], alpha: Array, beta: Array, dtype: DType
) -> Array:
    unit = unit_uniform(backend, state, (2, UNIFORMS, *shape), compute_dtype(dtype))
    return _ratio(backend.xp, unit, alpha.astype(unit.dtype), beta.astype(unit.dtype)).astype(dtype)


def _ratio(xp: Namespace, unit: Array, alpha: Array, beta: Array) -> Array:
    """Return beta values for uniform values of shape `(2, UNIFORMS, ...)`."""
    difference = _log_gamma(xp, unit[1], beta) - _log_gamma(xp, unit[0], alpha)
    return 1 / (1 + xp.exp(xp.clip(difference, -80, 80)))


def _on_host(counts: TensorLike) -> Any:
    """Return the numbers of trials, or the largest possible one if their values are unknown."""
    if not hasattr(counts, "dtype"):
        return counts
    return to_host(counts) if is_concrete(counts) else 2.0**31


FEW = 128
"""The largest number of trials that a binomial value counts one by one."""


def binomial(
    shape: ShapeLike,
    counts: TensorLike,
    probabilities: TensorLike,
    dtype: DTypeLike = None,
    seed: SeedLike = None,
) -> Tensor:
    """Return values of the binomial distribution, which have no gradient.

    A beta value is the median of the uniform values of the trials, and so halves their number. D. Relles, A simple
    algorithm for generating binomial random variables when N is large, 1972.

    Args:
        shape: the shape of the result.
        counts: the number of trials, a scalar or a tensor that broadcasts to the shape.
        probabilities: the probability of success, a scalar or a tensor that broadcasts to the shape.
        dtype: a floating-point dtype; floatx by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.binomial((2,), 5, 1.0, seed=1)
    array([5., 5.], dtype=float32)

    Raises:
        ValueError: the dtype is not a floating-point dtype.
    """
    counts = untraced(counts)
    largest = math.ceil(np.max(_on_host(counts), initial=1))
    halvings = max(math.ceil(math.log2(largest / FEW)), 0)
    few = min(largest, FEW)
    return draw_values(
        _binomial,
        seed,
        shape,
        float_dtype(dtype),
        _parameter(counts),
        _parameter(probabilities),
        halvings,
        few,
    )


def _binomial(
    backend: Backend,
    state: Array,
    shape: tuple[int, ...],
    trials: Array,
    p: Array,
    halvings: int,
    few: int,
    dtype: DType,
) -> Array:
    xp, wide = backend.xp, compute_dtype(dtype)
    unit = unit_uniform(backend, state, (2 * UNIFORMS * halvings + few, *shape), wide)
    n, p = xp.broadcast_to(trials.astype(wide), shape), xp.broadcast_to(p.astype(wide), shape)
    found = xp.zeros_like(n)
    for i in range(halvings):
        part = unit[2 * UNIFORMS * i : 2 * UNIFORMS * (i + 1)].reshape((2, UNIFORMS, *shape))
        n, p, more = _halved(xp, n, p, part)
        found = found + more
    steps = np.arange(few).reshape((-1,) + (1,) * len(shape))
    hits = (unit[len(unit) - few :] < p) & (steps < n)
    return (found + xp.sum(hits, axis=0)).astype(dtype)


def _halved(xp: Namespace, n: Array, p: Array, unit: Array) -> tuple[Array, Array, Array]:
    """Return the number of remaining trials, their probability, and the number of successes so far."""
    middle = xp.floor((n + 1) / 2)
    median = _ratio(xp, unit, xp.maximum(middle, 1), xp.maximum(n + 1 - middle, 1))
    is_below, is_large = median <= p, n > FEW
    after = xp.where(
        is_below, (p - median) / xp.where(median < 1, 1 - median, 1), p / xp.where(is_below, 1, median)
    )
    rest = xp.where(is_below, n - middle, middle - 1)
    return (
        xp.where(is_large, rest, n),
        xp.where(is_large & (p < 1), after, p),
        xp.where(is_large & is_below, middle, 0),
    )
