"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel.engine.types import Namespace, Tensor
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import LearningRateLike, Options


class SGD(Optimizer):
    """Gradient descent, with optional momentum.

    `w = w - learning_rate * g`; with momentum `m = momentum * m - learning_rate * g; w = w + m`, and with
    `nesterov` `w = w + momentum * m - learning_rate * g`. Source: Sutskever et al., 2013.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        momentum: the fraction of the last step that is added to this one, from 0 to 1.
        nesterov: whether to use Nesterov momentum, the gradient at the position after the momentum step.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.SGD(0.5).apply([np.array([1.0], "float32")], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)

    Raises:
        ValueError: the momentum is not from 0 to 1.
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0 <= momentum <= 1:
            raise ValueError(f"SGD: `momentum` must be from 0 to 1; got {momentum}.")
        self.momentum = momentum
        self.nesterov = nesterov

    @staticmethod
    def formula(
        xp: Namespace,
        p: Tensor,
        g: Tensor,
        m: Tensor | None = None,
        *,
        rate: Tensor,
        momentum: float,
        nesterov: bool,
    ) -> tuple[Tensor, ...]:
        """Return the weight and, with momentum, the last step, after one step."""
        step = g * rate
        if m is None:
            return (p - step,)
        m = m * momentum - step
        return p + (m * momentum - step if nesterov else m), m

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the name of the last step, with momentum."""
        return [("momentum",)] if self.momentum else []
