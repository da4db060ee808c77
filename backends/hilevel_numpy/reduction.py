"""Sums and means of few elements, such as losses, without the Python code of `numpy.mean` and the cost of a view."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.engine.types import Axis, Namespace
from hilevel.ops.numpy.reduction import expand_reduced, mean, number_of_terms, sum

Array = np.ndarray[Any, Any]

_FEW = 1 << 14
"""The number of elements from which a view costs less than a copy."""


def average(xp: Namespace, x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """Compute the mean."""
    if x.dtype.char not in "fd":
        return mean.value(xp, x, axis, keepdims)
    axes = tuple(axis) if isinstance(axis, list) else axis
    return xp.sum(x, axis=axes, keepdims=keepdims) / x.dtype.type(number_of_terms(x, axis))


def sum_gradient(
    xp: Namespace, g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False
) -> Any:
    """Copy the gradient to each term of the sum."""
    if x.size >= _FEW:
        rule: Any = sum.rule
        return rule(xp, g, y, x, axis, keepdims)
    spread = np.empty(x.shape, g.dtype)
    spread[...] = g if axis is None else expand_reduced(xp, g, x, axis, keepdims)
    return spread


def mean_gradient(
    xp: Namespace, g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False
) -> Any:
    """Copy the gradient, divided by the number of terms, to each term."""
    return sum_gradient(xp, g / number_of_terms(x, axis), y, x, axis, keepdims)


OVERRIDES: dict[Any, Override] = {
    sum: Override(sum.value, sum_gradient),
    mean: Override(average, mean_gradient),
}
