"""Optimizers that divide by statistics of the past gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.dtypes import FLOAT32, promoted
from hilevel.engine.types import Namespace, Tensor
from hilevel.engine.variables import Variable
from hilevel.initializers import Constant
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import LearningRateLike, Options


class RMSprop(Optimizer):
    """The gradient divided by the root of the running mean of its square.

    `v = rho * v + (1 - rho) * g^2; w = w - learning_rate * g / sqrt(v + epsilon)`. Source: Tieleman and Hinton, 2012.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        rho: the decay rate of the mean square, from 0 to 1.
        momentum: the fraction of the last step that is added to this one.
        epsilon: a constant that is added to the divisor.
        centered: whether to divide by the root of the variance of the gradients instead of the mean square.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.RMSprop(0.1, rho=0.75).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.8], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, v: Tensor, *others: Tensor,
        rate: Tensor, rho: float, momentum: float, epsilon: float, centered: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Return the weight, the mean square and, with momentum, the last step and, if centered, the mean."""
        v = rho * v + (1 - rho) * (g * g)
        variance, last, mean = v, others[: momentum > 0], others[len(others) - centered :]
        if centered:
            mean = (rho * mean[0] + (1 - rho) * g,)
            square = mean[0] * mean[0]
            variance = xp.maximum(v - xp.where(xp.isfinite(square), square, 0.0), 0.0)
        step = rate * g / xp.sqrt(variance + epsilon)
        if momentum > 0:
            step = momentum * last[0] + step
            last = (step,)
        return p - step, v, *last, *mean

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the mean square, of the last step (with momentum), and of the mean (if centered)."""
        last = [("momentum",)] if self.momentum > 0 else []
        return [("velocity",), *last, *([("average_gradient",)] if self.centered else [])]


class Adagrad(Optimizer):
    """The gradient divided by the root of the sum of all its squares so far. Source: Duchi et al., 2011.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        initial_accumulator_value: the initial value of the sum.
        epsilon: a constant that is added to the divisor.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adagrad(0.1, 0.0).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, total: Tensor, *, rate: Tensor, epsilon: float
    ) -> tuple[Tensor, ...]:
        """Return the weight and the sum of squares, after one step."""
        total = total + g * g
        return p - rate * g / xp.sqrt(total + epsilon), total

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return a Variable for the sum of squares of each weight."""
        start = Constant(self.initial_accumulator_value)
        return [(v,) for v in self.add_optimizer_variables(variables, "accumulator", start)]


class Adadelta(Optimizer):
    """Steps scaled by the root mean square of past steps relative to past gradients. Source: Zeiler, 2012.

    Args:
        learning_rate: a float, a schedule, or a function without arguments. The paper uses 1.0.
        rho: the decay rate of the mean squares, from 0 to 1.
        epsilon: a constant that is added to the mean squares; it determines the first step.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adadelta(1.0).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9986], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, gradients: Tensor, steps: Tensor, *,
        rate: Tensor, rho: float, epsilon: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Return the weight and the mean squares of gradients and of steps, after one step."""
        gradients = rho * gradients + (1 - rho) * (g * g)
        step = xp.sqrt(steps + epsilon) * g / xp.sqrt(gradients + epsilon)
        steps = rho * steps + (1 - rho) * (step * step)
        return p - rate * step, gradients, steps

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the mean squares of gradients and of steps."""
        return [("accumulated_grad", "accumulated_delta_var")]


class Ftrl(Optimizer):
    """The follow-the-regularized-leader algorithm, for large and sparse linear models. Source: McMahan et al., 2013.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        learning_rate_power: the power of the sum of squares in the learning rate; 0 for a constant rate.
        initial_accumulator_value: the initial value of the sum of squares.
        l1_regularization_strength: the factor of the L1 penalty.
        l2_regularization_strength: the factor of the L2 penalty.
        l2_shrinkage_regularization_strength: the factor of an L2 penalty that is added to the gradient.
        beta: the smoothing of the learning rate.

    For the other arguments see `Optimizer`.

    Raises:
        ValueError: a strength or the initial value is negative, or the power is positive.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Ftrl(0.1, initial_accumulator_value=0.0).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        for name, value in (
            ("initial_accumulator_value", initial_accumulator_value),
            ("l1_regularization_strength", l1_regularization_strength),
            ("l2_regularization_strength", l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength),
        ):
            if value < 0:
                raise ValueError(f"Ftrl: {name} must not be negative; got {value}.")
        if learning_rate_power > 0:
            raise ValueError(f"Ftrl: learning_rate_power must not be positive; got {learning_rate_power}.")
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    @staticmethod
    def formula(
        xp: Namespace, p: Tensor, g: Tensor, total: Tensor, linear: Tensor, *, rate: Tensor,
        learning_rate_power: float, l1_regularization_strength: float, l2_regularization_strength: float,
        l2_shrinkage_regularization_strength: float, beta: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Return the weight, the sum of squares and the linear term, after one step."""
        l1, l2 = l1_regularization_strength, l2_regularization_strength
        grown = total + g * g
        before, after = xp.power(total, -learning_rate_power), xp.power(grown, -learning_rate_power)
        linear = linear + (g + 2 * l2_shrinkage_regularization_strength * p) - (after - before) / rate * p
        quadratic = (after + beta) / rate + 2 * l2
        return (xp.clip(linear, -l1, l1) - linear) / quadratic, grown, linear

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return Variables for the sum of squares and the linear term of each weight."""
        start = [Constant(self.initial_accumulator_value), "zeros"]
        both = self.add_optimizer_variables(variables, ["accumulator", "linear"], start)
        return list(zip(*both, strict=True))


class Adafactor(Optimizer):
    """Steps scaled by running mean squares; of a matrix only the means of rows and columns are stored.

    Source: Shazeer and Stern, 2018.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_2_decay: the exponent of the step in the decay rate of the mean squares, `1 - step**beta_2_decay`.
        epsilon_1: a constant that is added to the squared gradients.
        epsilon_2: the lower limit of the root mean square of a weight, which scales the step.
        clip_threshold: the upper limit of the root mean square of a step before the learning rate.
        relative_step: whether a constant learning rate is at most `1 / sqrt(step)`.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adafactor(0.1).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return the mean squares of rows and columns of each matrix, and of the elements of other weights."""
        return [self._slots_for(v) for v in variables]

    def _slots_for(self, v: Variable) -> tuple[Variable, ...]:
        if len(v.shape) < 2:
            return (self.add_variable_from_reference(v, "velocity"),)
        rows, columns = v.shape[:-1], (*v.shape[:-2], v.shape[-1])
        return (
            self.add_variable(rows, dtype=v.dtype, name=f"{v.name}_rows"),
            self.add_variable(columns, dtype=v.dtype, name=f"{v.name}_columns"),
        )

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one Variable."""
        step = ops.cast(self.iterations + 1, promoted(variable.dtype, FLOAT32))
        keep = 1 - ops.power(step, self.beta_2_decay)
        square = ops.square(gradient) + self.epsilon_1
        direction = gradient / ops.sqrt(self._mean_square(variable, square, keep))
        direction = direction / ops.maximum(1.0, _root_mean_square(direction) / self.clip_threshold)
        size = ops.maximum(self.epsilon_2, _root_mean_square(variable))
        rate = ops.minimum(learning_rate, 1 / ops.sqrt(step))
        variable.assign(variable - size * rate * direction)

    def _mean_square(self, variable: Variable, square: Tensor, keep: Tensor) -> Tensor:
        kept = self.slots_of(variable)
        if len(kept) == 1:
            return kept[0].assign(keep * kept[0] + (1 - keep) * square)
        rows, columns = kept
        rows.assign(keep * rows + (1 - keep) * ops.mean(square, axis=-1))
        columns.assign(keep * columns + (1 - keep) * ops.mean(square, axis=-2))
        relative = rows / ops.mean(rows, axis=-1, keepdims=True)
        return ops.expand_dims(relative, -1) * ops.expand_dims(columns, -2)


def _root_mean_square(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(ops.square(x)))
