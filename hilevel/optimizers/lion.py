"""Lion: steps by the sign of the momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel.engine.types import Namespace, Tensor
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import LearningRateLike, Options


class Lion(Optimizer):
    """The sign of the momentum: steps of one size. Source: Chen et al., 2023.

    `w = w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g); m = beta_2 * m + (1 - beta_2) * g`.

    Args:
        learning_rate: a float, a schedule, or a function without arguments; about a tenth of the rate for Adam.
        beta_1: the weight of the momentum relative to the gradient, above 0 and at most 1.
        beta_2: the decay rate of the momentum, from 0 to 1.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Lion(0.5).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)

    Raises:
        ValueError: `beta_1` is not above 0 and at most 1.
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Lion: `beta_1` must be above 0 and at most 1; got {beta_1}.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, m: Tensor, *, rate: Tensor, beta_1: float, beta_2: float
    ) -> tuple[Tensor, ...]:
        """Return the weight and the momentum, after one step."""
        direction = xp.sign(beta_1 * m + (1 - beta_1) * g)
        return p - rate * direction, beta_2 * m + (1 - beta_2) * g

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the name of the momentum."""
        return [("momentum",)]
