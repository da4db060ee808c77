"""Activations.

Gelu is computed in blocks that stay in the cache, on all cores, with its derivative if a gradient is needed. Leaky relu
does not use `numpy.where`, which takes four times as long as arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import add, copysign, exp, greater, maximum, multiply, reciprocal, subtract, tanh

from hilevel.engine.protocol import Override
from hilevel.engine.types import Namespace
from hilevel.ops.nn.activations import gelu_op as plain, leaky_relu, relu
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 16
"""The number of elements of a part."""
_TAIL = (0.5307027145, -0.7265760135, 0.7107068705, -0.142248368, 0.127414796)
"""The coefficients of `(1 - erf(z)) / 2 * exp(z * z)` as a polynomial of `1 / (1 + 0.3275911 * z)`, highest power
first. Source: C. Hastings, "Approximations for Digital Computers", 1955. The error is below the rounding of float32."""


def value(xp: Namespace, x: Array, approximate: bool) -> Any:
    """Compute gelu."""
    return saving(xp, x, approximate, with_slope=False)[0]


def saving(xp: Namespace, x: Array, approximate: bool, with_slope: bool = True) -> Any:
    """Compute gelu and, if it is needed, its derivative."""
    if x.dtype.char != "f" and not (approximate and x.dtype.char == "d"):
        return plain.value(xp, x, approximate), None
    y, slope = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype) if with_slope else None
    flat, out, slopes = x.reshape(-1), y.reshape(-1), None if slope is None else slope.reshape(-1)
    form = _by_tanh if approximate else _by_erf

    def work(part: slice) -> None:
        block = flat[part]
        fraction = form(block, None if slopes is None else slopes[part])
        multiply(block, fraction, out[part])

    parallel(work, [slice(i, i + _BLOCK) for i in range(0, x.size, _BLOCK)])
    return y, slope


def _by_erf(x: Array, slope: Array | None) -> Array:
    """Return `P(X <= x)` by `erf`; write the derivative of gelu to `slope`."""
    t, bell, fraction = (scratch(name, x.shape, x.dtype) for name in ("t", "bell", "fraction"))
    one, half = (np.asarray(c, x.dtype) for c in (1, 0.5))
    np.abs(x, t)
    multiply(t, x.dtype.type(0.3275911 * 0.5**0.5), t)
    add(t, one, t)
    reciprocal(t, t)
    multiply(t, x.dtype.type(_TAIL[0]), fraction)
    for c in _TAIL[1:]:
        add(fraction, x.dtype.type(c), fraction)
        multiply(fraction, t, fraction)
    multiply(x, x, bell)
    multiply(bell, -half, bell)
    exp(bell, bell)
    multiply(fraction, bell, fraction)
    subtract(half, fraction, fraction)
    copysign(fraction, x, fraction)
    add(fraction, half, fraction)
    if slope is not None:
        multiply(bell, x, bell)
        multiply(bell, x.dtype.type((2 * np.pi) ** -0.5), bell)
        add(fraction, bell, slope)
    return fraction


def _by_tanh(x: Array, slope: Array | None) -> Array:
    """Return `(1 + tanh(a * (x + b * x^3))) / 2` in place of `P(X <= x)`; write the derivative to `slope`."""
    square, fraction = scratch("square", x.shape, x.dtype), scratch("fraction", x.shape, x.dtype)
    one, half, a, b = (np.asarray(c, x.dtype) for c in (1, 0.5, (2 / np.pi) ** 0.5, 0.044715))
    multiply(x, x, square)
    multiply(square, b, fraction)
    add(fraction, one, fraction)
    multiply(fraction, x, fraction)
    multiply(fraction, a, fraction)
    tanh(fraction, fraction)
    multiply(fraction, half, fraction)
    add(fraction, half, fraction)
    if slope is not None:
        multiply(square, 3 * b, square)
        add(square, one, square)
        multiply(square, 2 * a, square)
        multiply(square, x, square)
        multiply(square, fraction, square)
        subtract(one, fraction, slope)
        multiply(square, slope, square)
        add(fraction, square, slope)
    return fraction


def gradient(xp: Namespace, g: Array, y: Array, x: Array, approximate: bool, residuals: Any = None) -> Any:
    """Multiply the gradient by the derivative."""
    if residuals is None:
        rule: Any = plain.rule
        return rule(xp, g, y, x, approximate)
    return g * residuals


def _leaky(xp: Namespace, x: Array, negative_slope: float = 0.2) -> Any:
    """Compute the maximum of `x` and `negative_slope * x`."""
    if not 0 < negative_slope <= 1 or x.__class__ is not np.ndarray:
        return leaky_relu.value(xp, x, negative_slope)
    y = multiply(x, x.dtype.type(negative_slope))
    return maximum(x, y, out=y)


def _leaky_gradient(xp: Namespace, g: Array, y: Array, x: Array, negative_slope: float = 0.2) -> Any:
    """Multiply the gradient by 1 or the slope."""
    if not 0 < negative_slope <= 1 or g.__class__ is not np.ndarray:
        rule: Any = leaky_relu.rule
        return rule(xp, g, y, x, negative_slope)
    factor = greater(x, x.dtype.type(0)).astype(g.dtype)
    maximum(factor, g.dtype.type(negative_slope), out=factor)
    return multiply(g, factor, factor)


def relu_value(xp: Namespace, x: Array) -> Array:
    """Compute `max(x, 0)`."""
    return maximum(x, np.zeros(x.shape[1:], x.dtype))


OVERRIDES = {
    plain: Override(value, gradient, saving),
    relu: Override(relu_value),
    leaky_relu: Override(_leaky, _leaky_gradient),
}
