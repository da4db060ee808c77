"""Sums and means of few numbers, as losses are: without the Python in `numpy.mean`, and without the cost of a view."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.ops.numpy.reduction import expand_reduced, mean, number_of_terms, sum

Array = np.ndarray[Any, Any]

_FEW = 1 << 14
"""From so many numbers on a view costs less than copies."""


def average(xp: Any, x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean."""
    if x.dtype.char not in "fd":
        return mean.value(xp, x, axis, keepdims)
    axes = tuple(axis) if isinstance(axis, list) else axis
    return xp.sum(x, axis=axes, keepdims=keepdims) / x.dtype.type(number_of_terms(x, axis))


def sum_gradient(xp: Any, g: Array, y: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    """The gradient, given to each term."""
    if x.size >= _FEW:
        rule: Any = sum.rule
        return rule(xp, g, y, x, axis, keepdims)
    spread = np.empty(x.shape, g.dtype)
    spread[...] = g if axis is None else expand_reduced(xp, g, x, axis, keepdims)
    return spread


def mean_gradient(xp: Any, g: Array, y: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    """The gradient, given to each term."""
    return sum_gradient(xp, g / number_of_terms(x, axis), y, x, axis, keepdims)


OVERRIDES: dict[Any, Override] = {
    sum: Override(sum.value, sum_gradient),
    mean: Override(average, mean_gradient),
}
