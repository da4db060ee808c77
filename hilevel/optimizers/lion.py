"""Lion: steps of one size."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Namespace, Tensor
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import Options


class Lion(Optimizer):
    """Steps along the sign of the momentum, all of one size. Chen et al., 2023.

    `w = w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g); m = beta_2 * m + (1 - beta_2) * g`.

    Args:
        learning_rate: a number, a schedule, or a function without arguments; a tenth of what suits Adam.
        beta_1: how much the momentum counts beside the gradient, above 0.
        beta_2: how much of the momentum is kept.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Lion(0.5).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)

    Raises:
        ValueError: `beta_1` is not above 0 and at most 1.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
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

    def slots(self) -> Any:
        """The momentum."""
        return [("momentum",)]
