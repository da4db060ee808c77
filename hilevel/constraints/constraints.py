"""Constraints: projections of weights after each update."""

from __future__ import annotations

from typing import TypeAlias

from hilevel import ops
from hilevel.api.configurable import Configurable
from hilevel.config import epsilon
from hilevel.engine.types import Axis, Config, Function, Tensor


class Constraint(Configurable):
    """Base of constraints, which return the projection of a weight, in the same shape.

    >>> class Rounded(hilevel.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return ops.round(w)
    >>> Rounded()(np.array([0.7]))
    array([1.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projection of `w`; here `w` itself."""
        return w


class NonNeg(Constraint):
    """The constraint that replaces negative weights by 0.

    >>> hilevel.constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """The constraint that scales each vector along `axis` to the norm 1.

    Args:
        axis: the axis or axes of the vectors: 0 for the kernel of a Dense layer, whose units have a vector each, and
            `[0, 1, 2]` for `Conv2D`.

    >>> hilevel.constraints.UnitNorm()(np.array([[3.0], [4.0]])).round(3)
    array([[0.6],
           [0.8]])
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return ops.divide(w, epsilon() + _norm(w, self.axis))


class MaxNorm(Constraint):
    """The constraint that scales vectors along `axis` to at most the norm `max_value`. Srivastava et al., 2014.

    Args:
        max_value: the largest norm.
        axis: as for `UnitNorm`.

    >>> hilevel.constraints.MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        norm = _norm(w, self.axis)
        return ops.multiply(w, ops.clip(norm, 0, self.max_value) / (epsilon() + norm))


class MinMaxNorm(Constraint):
    """The constraint that scales vectors along `axis` to a norm between `min_value` and `max_value`.

    Args:
        min_value, max_value: the smallest and the largest norm.
        rate: the fraction of the correction that each update makes, from 0 to 1.
        axis: as for `UnitNorm`.

    >>> hilevel.constraints.MinMaxNorm(1.0, 2.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[1.2, 0.6],
           [1.6, 0.8]])
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        norm = _norm(w, self.axis)
        target = ops.clip(norm, self.min_value, self.max_value)
        target = self.rate * target + (1 - self.rate) * norm
        return ops.multiply(w, target / (epsilon() + norm))


def _norm(w: Tensor, axis: Axis) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


ConstraintLike: TypeAlias = Constraint | str | Function | Config | None
"""A constraint, its name or config, a class, or a function of a weight that returns its projection."""

max_norm, min_max_norm = MaxNorm, MinMaxNorm
non_neg, unit_norm = NonNeg, UnitNorm
