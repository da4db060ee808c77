"""Lamb: Adam for large batches."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.dtypes import FLOAT32, promoted
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable
from hilevel.optimizers.adam import lerp
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import Options


class Lamb(Optimizer):
    """The direction of `Adam`, scaled to the length of each Variable, times the learning rate. You et al., 2019.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how much of the mean of the gradients is kept.
        beta_2: how much of the mean of their squares is kept.
        epsilon: keeps the quotient finite.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([3.0, 4.0])
    >>> hilevel.optimizers.Lamb(0.1).apply([np.array([5.0, 0.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([2.5, 4. ], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def slots(self) -> Any:
        """The two means."""
        return [("momentum", "velocity")]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """One step for one Variable."""
        m, v = self.slots_of(variable)
        lerp(m, gradient, self.beta_1)
        lerp(v, ops.square(gradient), self.beta_2)
        step = ops.cast(self.iterations + 1, promoted(variable.dtype, FLOAT32))
        mean = m / (1 - ops.power(self.beta_1, step))
        square = v / (1 - ops.power(self.beta_2, step))
        direction = mean / (ops.sqrt(square) + self.epsilon)
        ratio = _trust(_length(variable), _length(direction))
        variable.assign(variable - ratio * learning_rate * direction)


def _length(x: Tensor) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(x)))


def _trust(weight: Tensor, direction: Tensor) -> Tensor:
    """The quotient of the two lengths, and 1 where one of them is 0."""
    both = ops.logical_and(ops.greater(weight, 0), ops.greater(direction, 0))
    return ops.where(both, weight / ops.where(both, direction, 1.0), 1.0)
