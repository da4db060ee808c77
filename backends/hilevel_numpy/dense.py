"""Dense layers, with as few calls of NumPy, and of Python between them, as there can be: in networks of small layers
these take more time than the numbers do."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy import add, maximum, multiply, sign

from hilevel.ops.nn import activated, before_activation, sum_of_rows
from hilevel.ops.nn import dense as plain
from hilevel.protocol import Override
from hilevel_numpy import products

Array = np.ndarray[Any, Any]

_SMALL = 1 << 14
"""Up to so many numbers there are zeros of the same shape at hand, and the sign is the fastest mask of a relu."""


@lru_cache(maxsize=64)
def _zeros(shape: Any, dtype: Any) -> Array:
    array = np.zeros(shape, dtype)
    array.flags.writeable = False
    return array


def value(xp: Any, x: Array, kernel: Array, bias: Array | None = None, activation: str = "linear") -> Array:
    """`activation(x @ kernel + bias)`."""
    if x.ndim != 2 or x.size == 0:
        return plain.value(xp, x, kernel, bias, activation)
    y = products.matmul(x, kernel)
    if bias is not None:
        y = add(y, bias, y)
    if activation == "relu" and y.size <= _SMALL:
        return maximum(y, _zeros(y.shape, y.dtype), out=y)
    return activated(xp, y, activation)


def gradient(
    xp: Any,
    g: Array,
    y: Array,
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    activation: str = "linear",
) -> Any:
    """The gradients of input, kernel and bias."""
    if x.ndim != 2 or x.size == 0:
        rule: Any = plain.rule
        return rule(xp, g, y, x, kernel, bias, activation)
    if activation == "relu" and g.size <= _SMALL:
        g = multiply(g, sign(y))
    else:
        g = before_activation(g, y, activation)
    return (
        lambda: products.matmul(g, kernel.T),
        lambda: products.matmul(x.T, g),
        lambda: sum_of_rows(xp, g),
    )


OVERRIDES = {plain: Override(value, gradient)}
