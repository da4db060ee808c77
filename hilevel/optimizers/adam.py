"""Adam and its relatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.dtypes import FLOAT32, promoted
from hilevel.engine.op import op
from hilevel.engine.spec import like
from hilevel.engine.types import Namespace, Tensor
from hilevel.engine.variables import Variable
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import LearningRateLike, Options


class Adam(Optimizer):
    """The mean of the gradients, divided by the root of the mean of their squares.

    `m = beta_1 * m + (1 - beta_1) * g; v = beta_2 * v + (1 - beta_2) * g^2;
    w = w - learning_rate * m / (sqrt(v) + epsilon)`, with a learning rate corrected for means that start at zero.
    Source: Kingma and Ba, 2014; `amsgrad`, Reddi et al., 2018.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the decay rate of the mean of the gradients, from 0 to 1.
        beta_2: the decay rate of the mean of their squares, from 0 to 1.
        epsilon: a constant that is added to the divisor.
        amsgrad: whether to divide by the root of the largest `v` so far, instead of the current one.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adam(0.1).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, m: Tensor, v: Tensor, largest: Tensor | None = None, *,
        rate: Tensor, beta_1: float, beta_2: float, epsilon: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Return the weight, both means and, with `amsgrad`, the largest second mean, after one step."""
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * (g * g)  # stays infinite once a square is, and the step is 0
        top = v if largest is None else xp.maximum(largest, v)
        p = p - m * rate / (xp.sqrt(top) + epsilon)
        return (p, m, v) if largest is None else (p, m, v, top)

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the two means and, with `amsgrad`, of the largest second mean."""
        return [("momentum", "velocity"), *([("velocity_hat",)] if self.amsgrad else [])]

    def step_size(self, learning_rate: Tensor) -> Tensor:
        """Return the learning rate, corrected for means that start at zero."""
        return adam_rate(learning_rate, self.iterations, beta_1=self.beta_1, beta_2=self.beta_2)


@op(shape=lambda rate, step, beta_1, beta_2: like(rate))
def adam_rate(xp: Namespace, rate: Tensor, step: Tensor, /, beta_1: float, beta_2: float) -> Tensor:
    """Return the learning rate of Adam at a step, counted from 0, corrected for means that start at zero.

    >>> from hilevel.optimizers.adam import adam_rate
    >>> adam_rate(np.float32(0.001), np.int32(0), beta_1=0.75, beta_2=0.75)
    np.float32(0.002)
    """
    t = (step + 1).astype(rate.dtype)
    return rate * xp.sqrt(1 - beta_2**t) / (1 - beta_1**t)


class AdamW(Adam):
    """`Adam` with weight decay that is decoupled from the gradient. Source: Loshchilov and Hutter, 2017.

    For the arguments see `Adam` and `Optimizer`.

    >>> hilevel.optimizers.AdamW(0.01).weight_decay
    0.004

    Raises:
        ValueError: the weight decay is None.
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        if weight_decay is None:
            raise ValueError("AdamW: `weight_decay` must be a number; without it, use Adam.")
        options["weight_decay"] = weight_decay
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, **options)


class Adamax(Optimizer):
    """`Adam` with the decaying largest absolute gradient in place of the mean square. Source: Kingma and Ba, 2014.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the decay rate of the mean of the gradients, from 0 to 1.
        beta_2: the decay rate of the largest gradient, from 0 to 1.
        epsilon: a constant that is added to the divisor.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adamax(0.1).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
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

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, m: Tensor, u: Tensor, *,
        rate: Tensor, beta_1: float, beta_2: float, epsilon: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Return the weight, the mean of the gradients and the largest gradient, after one step."""
        m = beta_1 * m + (1 - beta_1) * g
        u = xp.maximum(beta_2 * u, abs(g))
        return p - rate * m / (u + epsilon), m, u

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the mean of the gradients, and of the largest gradient."""
        return [("momentum", "norm")]

    def step_size(self, learning_rate: Tensor) -> Tensor:
        """Return the learning rate, corrected for a mean that starts at zero."""
        step = ops.cast(self.iterations + 1, learning_rate.dtype)
        return learning_rate / (1 - ops.power(self.beta_1, step))


class Nadam(Optimizer):
    """`Adam` with Nesterov momentum. Source: Dozat, 2015.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the decay rate of the mean of the gradients, from 0 to 1.
        beta_2: the decay rate of the mean of their squares, from 0 to 1.
        epsilon: a constant that is added to the divisor.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Nadam(0.1).apply([np.array([5.0], "float32")], [w])
    >>> bool(w.numpy() < 1)
    True
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

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return the two means of each Variable, and make the Variable for the product of all momenta."""
        slots = super().make_slots(variables)
        dtype = promoted(variables[0].dtype, FLOAT32) if variables else None
        self._product = self.add_variable((), "ones", dtype, name="product")
        return slots

    def update_all(
        self, grads: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Tensor
    ) -> None:
        """Update the product of the momenta, then all Variables."""
        step = ops.cast(self.iterations + 1, self._product.dtype)
        self._product.assign(self._product * self._momentum(step))
        super().update_all(grads, variables, learning_rate)

    def _momentum(self, step: Tensor) -> Tensor:
        return self.beta_1 * (1 - 0.5 * ops.power(0.96, step))

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one Variable."""
        m, v = self.slots_of(variable)
        step = ops.cast(self.iterations + 1, promoted(variable.dtype, FLOAT32))
        product = ops.cast(self._product, step.dtype)
        now, then = self._momentum(step), self._momentum(step + 1)
        lerp(m, gradient, self.beta_1)
        lerp(v, ops.square(gradient), self.beta_2)
        ahead = then * m / (1 - product * then) + (1 - now) * gradient / (1 - product)
        square = v / (1 - ops.power(self.beta_2, step))
        variable.assign(variable - learning_rate * ahead / (ops.sqrt(square) + self.epsilon))


def lerp(mean: Variable, value: Tensor, keep: float) -> None:
    """Update a running mean: `keep * mean + (1 - keep) * value`. An infinite mean stays infinite.

    >>> from hilevel.optimizers.adam import lerp
    >>> mean = hilevel.Variable(1.0)
    >>> lerp(mean, 2.0, 0.75)
    >>> float(mean)
    1.25
    """
    mean.assign(keep * mean + (1 - keep) * value)
