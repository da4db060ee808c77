"""Constraints: projections of weights after each update."""

from __future__ import annotations

from hilevel import ops
from hilevel.api.configurable import Configurable
from hilevel.config import epsilon
from hilevel.engine.types import Axis, Tensor


class Constraint(Configurable):
    """Base of constraints: objects called with a weight that return its permitted form, of the same shape.

    >>> class Rounded(hilevel.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return ops.round(w)
    >>> Rounded()(np.array([0.7]))
    array([1.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The permitted form of `w`; here `w` itself."""
        return w


class NonNeg(Constraint):
    """Negative weights become 0.

    >>> hilevel.constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """Every vector along `axis` gets the length 1.

    Args:
        axis: the axis or axes that a vector runs along; 0 is right for the kernel of a Dense layer (one vector for
            each unit), `[0, 1, 2]` for that of a two-dimensional convolution.

    >>> hilevel.constraints.UnitNorm()(np.array([[3.0], [4.0]])).round(3)
    array([[0.6],
           [0.8]])
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return ops.divide(w, epsilon() + _length(w, self.axis))


class MaxNorm(Constraint):
    """Vectors along `axis` that are longer than `max_value` are shortened to it. Srivastava et al., 2014.

    Args:
        max_value: the greatest length.
        axis: as for `UnitNorm`.

    >>> hilevel.constraints.MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        length = _length(w, self.axis)
        return ops.multiply(w, ops.clip(length, 0, self.max_value) / (epsilon() + length))


class MinMaxNorm(Constraint):
    """Vectors along `axis` are brought to a length between `min_value` and `max_value`.

    Args:
        min_value: the least length.
        max_value: the greatest length.
        rate: how much of the way is gone at each update: 1 all of it, 0 none.
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
        length = _length(w, self.axis)
        wanted = ops.clip(length, self.min_value, self.max_value)
        wanted = self.rate * wanted + (1 - self.rate) * length
        return ops.multiply(w, wanted / (epsilon() + length))


def _length(w: Tensor, axis: Axis) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


max_norm = MaxNorm


min_max_norm = MinMaxNorm


non_neg = NonNeg


unit_norm = UnitNorm
