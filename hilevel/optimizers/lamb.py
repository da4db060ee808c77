"""Lamb: Adam for large batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.dtypes import FLOAT32, promoted
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable
from hilevel.optimizers.adam import lerp
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import LearningRateLike, Options


class Lamb(Optimizer):
    """The direction of `Adam`, scaled to the norm of each Variable, times the learning rate. Source: You et al., 2019.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the decay rate of the mean of the gradients, from 0 to 1.
        beta_2: the decay rate of the mean of their squares, from 0 to 1.
        epsilon: a constant that is added to the divisor.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([3.0, 4.0])
    >>> hilevel.optimizers.Lamb(0.1).apply([np.array([5.0, 0.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([2.5, 4. ], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the two means."""
        return [("momentum", "velocity")]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one Variable."""
        m, v = self.slots_of(variable)
        lerp(m, gradient, self.beta_1)
        lerp(v, ops.square(gradient), self.beta_2)
        step = ops.cast(self.iterations + 1, promoted(variable.dtype, FLOAT32))
        mean = m / (1 - ops.power(self.beta_1, step))
        square = v / (1 - ops.power(self.beta_2, step))
        direction = mean / (ops.sqrt(square) + self.epsilon)
        ratio = _trust_ratio(_norm(variable), _norm(direction))
        variable.assign(variable - ratio * learning_rate * direction)


def _norm(x: Tensor) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(x)))


def _trust_ratio(weight: Tensor, direction: Tensor) -> Tensor:
    """Return the quotient of two norms, or 1 if either is 0."""
    both = ops.logical_and(ops.greater(weight, 0), ops.greater(direction, 0))
    return ops.where(both, weight / ops.where(both, direction, 1.0), 1.0)
