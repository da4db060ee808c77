"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Namespace, Tensor
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import Options


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    `w = w - learning_rate * g`; with momentum `m = momentum * m - learning_rate * g; w = w + m`, and with
    `nesterov` `w = w + momentum * m - learning_rate * g`. Sutskever et al., 2013.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        momentum: how much of the last step is kept, from 0 to 1.
        nesterov: whether the momentum is looked ahead by.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.SGD(0.5).apply([np.array([1.0], "float32")], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)

    Raises:
        ValueError: the momentum is not from 0 to 1.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
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
        xp: Namespace, p: Tensor, g: Tensor, m: Any = None, *, rate: Tensor, momentum: float, nesterov: bool
    ) -> tuple[Tensor, ...]:
        """Return the weight and, where there is momentum, the last step, after one step."""
        step = g * rate
        if m is None:
            return (p - step,)
        m = m * momentum - step
        return p + (m * momentum - step if nesterov else m), m

    def slots(self) -> Any:
        """The last step, where there is momentum."""
        return [("momentum",)] if self.momentum else []
