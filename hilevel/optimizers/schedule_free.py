"""AdamW without a schedule of the learning rate."""

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


class ScheduleFreeAdamW(Optimizer):
    """`AdamW` with an average of the weights in place of a schedule. Source: Defazio et al., 2024.

    `z = z - learning_rate * g / (sqrt(v) + epsilon)` makes the steps, `x` is the mean of all `z`, and the weights are
    `(1 - beta_1) * z + beta_1 * x`. `v` is the mean of the squares of the gradients, as in `Adam`.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the part of the average in the weights, from 0 to 1.
        beta_2: the decay rate of the mean of the squares of the gradients, from 0 to 1.
        epsilon: a constant that is added to the divisor.
        warmup_steps: the number of steps in which the learning rate rises from 0.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.ScheduleFreeAdamW(0.1).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the sequence of the steps, and of the mean of the squares."""
        return [("momentum", "velocity")]

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return the slots of each Variable. The sequence of the steps begins at the weights."""
        slots = super().make_slots(variables)
        for v, (z, _) in zip(variables, slots, strict=True):
            z.assign(v)
        return slots

    def step_size(self, learning_rate: Tensor) -> Tensor:
        """Return the learning rate, lowered in the first `warmup_steps`."""
        if self.warmup_steps <= 0:
            return learning_rate
        step = ops.cast(self.iterations + 1, learning_rate.dtype)
        return learning_rate * ops.minimum(step / self.warmup_steps, 1)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one Variable."""
        z, v = self.slots_of(variable)
        step = ops.cast(self.iterations + 1, promoted(variable.dtype, FLOAT32))
        average = (variable - (1 - self.beta_1) * z) / self.beta_1
        lerp(v, ops.square(gradient), self.beta_2)
        square = v / (1 - ops.power(self.beta_2, step))
        z.assign(z - learning_rate * gradient / (ops.sqrt(square) + self.epsilon))
        average = average + (z - average) / step
        variable.assign((1 - self.beta_1) * z + self.beta_1 * average)
