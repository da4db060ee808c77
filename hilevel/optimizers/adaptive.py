"""Optimizers that divide by what the gradients have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import ops
from hilevel._types import Tensor
from hilevel.dtypes import FLOAT32, promoted
from hilevel.initializers import Constant
from hilevel.ops.updates import rmsprop_update
from hilevel.optimizers.adam import towards
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import Options
from hilevel.optimizers.ownership import update
from hilevel.variables import Variable


class RMSprop(Optimizer):
    """Steps along the gradient divided by the root of the running mean of its square. Tieleman and Hinton, 2012.

    `v = rho * v + (1 - rho) * g^2; w = w - learning_rate * g / sqrt(v + epsilon)`.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: how much of the mean square is kept.
        momentum: how much of the last step is kept.
        epsilon: keeps the quotient finite.
        centered: whether the square of the running mean is taken from the mean square, which makes a variance of it.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.RMSprop(0.1, rho=0.75).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.8], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
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

    def slots(self) -> Any:
        """The mean square, the last step where there is momentum, the mean where it is centered."""
        last = [("momentum",)] if self.momentum > 0 else []
        return [("velocity",), *last, *([("average_gradient",)] if self.centered else [])]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """One step for one Variable."""
        self.update_steps([(gradient, variable)], learning_rate)

    def update_steps(self, pairs: Sequence[tuple[Tensor, Variable]], size: Tensor) -> None:
        """One step for all, as one op where there is neither momentum nor mean."""
        if self.momentum > 0 or self.centered:
            for gradient, variable in pairs:
                self._general_step(gradient, variable, size)
            return
        rows = ((v, g, *self.slots_of(v)) for g, v in pairs)
        update(rmsprop_update, rows, rate=size, rho=self.rho, epsilon=self.epsilon)

    def _general_step(self, gradient: Tensor, variable: Variable, rate: Tensor) -> None:
        v, *others = self.slots_of(variable)
        towards(v, ops.square(gradient), self.rho)
        square: Tensor = v
        if self.centered:
            mean = others[-1]
            towards(mean, gradient, self.rho)
            known = ops.square(mean)
            square = ops.maximum(v - ops.where(ops.isfinite(known), known, 0.0), 0.0)
        step = rate * gradient / ops.sqrt(square + self.epsilon)
        if self.momentum > 0:
            last = others[0]
            step = last.assign(self.momentum * last + step)
        variable.assign(variable - step)


class Adagrad(Optimizer):
    """Steps along the gradient divided by the root of the sum of all squares so far. Duchi et al., 2011.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        initial_accumulator_value: what the sum starts with.
        epsilon: keeps the quotient finite.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adagrad(0.1, 0.0).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """The sum of squares."""
        start = Constant(self.initial_accumulator_value)
        return [(v,) for v in self.add_optimizer_variables(variables, "accumulator", start)]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """One step for one Variable."""
        (total,) = self.slots_of(variable)
        total.assign(total + ops.square(gradient))
        variable.assign(variable - learning_rate * gradient / ops.sqrt(total + self.epsilon))


class Adadelta(Optimizer):
    """Steps whose size follows the root mean square of the steps so far over that of the gradients. Zeiler, 2012.

    Args:
        learning_rate: a number, a schedule, or a function without arguments; 1.0 is that of the paper.
        rho: how much of the mean squares is kept.
        epsilon: keeps the quotient finite, and starts it.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adadelta(1.0).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9986], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    def slots(self) -> Any:
        """The mean squares of gradients and of steps."""
        return [("accumulated_grad", "accumulated_delta_var")]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """One step for one Variable."""
        gradients, steps = self.slots_of(variable)
        towards(gradients, ops.square(gradient), self.rho)
        step = self._root(steps) * gradient / self._root(gradients)
        towards(steps, ops.square(step), self.rho)
        variable.assign(variable - learning_rate * step)

    def _root(self, mean_square: Tensor) -> Tensor:
        return ops.sqrt(mean_square + self.epsilon)


class Ftrl(Optimizer):
    """Follow the regularized leader, for large and sparse linear models. McMahan et al., 2013.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        learning_rate_power: how the learning rate falls with the sum of squares; 0 keeps it.
        initial_accumulator_value: what the sum of squares starts with.
        l1_regularization_strength: of a penalty on the sum of absolute weights.
        l2_regularization_strength: of a penalty on the sum of squared weights.
        l2_shrinkage_regularization_strength: of such a penalty through the gradient.
        beta: a smoothing of the learning rate.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Ftrl(0.1, initial_accumulator_value=0.0).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
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
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """The sum of squares, and the linear term."""
        start = [Constant(self.initial_accumulator_value), "zeros"]
        both = self.add_optimizer_variables(variables, ["accumulator", "linear"], start)
        return list(zip(*both, strict=True))

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """One step for one Variable."""
        total, linear = self.slots_of(variable)
        gradient_ = gradient + 2 * self.l2_shrinkage_regularization_strength * variable
        grown = total + ops.square(gradient)
        after = ops.power(grown, -self.learning_rate_power)
        before = ops.power(total, -self.learning_rate_power)
        linear.assign(linear + gradient_ - (after - before) / learning_rate * variable)
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        quadratic = (after + self.beta) / learning_rate + 2 * l2
        variable.assign((ops.clip(linear, -l1, l1) - linear) / quadratic)
        total.assign(grown)


class Adafactor(Optimizer):
    """Steps scaled by running mean squares of which, for matrices, only rows and columns are kept.

    Shazeer and Stern, 2018.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_2_decay: the power of the step's number that says how fast the mean squares forget.
        epsilon_1: added to the squares of the gradients.
        epsilon_2: the least size of a weight that the step is relative to.
        clip_threshold: the greatest root mean square of a step before the learning rate.
        relative_step: whether a learning rate that is a number is at most `1 / sqrt(step)`.

    The other arguments are those of `Optimizer`.

    >>> w = hilevel.Variable([1.0])
    >>> hilevel.optimizers.Adafactor(0.1).apply([np.array([5.0], "float32")], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
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
        """The mean squares of rows and of columns; of each element where there are none."""
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
        """One step for one Variable."""
        step = ops.cast(self.iterations + 1, promoted(variable.dtype, FLOAT32))
        keep = 1 - ops.power(step, self.beta_2_decay)
        square = ops.square(gradient) + self.epsilon_1
        way = gradient / ops.sqrt(self._mean_square(variable, square, keep))
        way = way / ops.maximum(1.0, _root_mean_square(way) / self.clip_threshold)
        size = ops.maximum(self.epsilon_2, _root_mean_square(variable))
        rate = ops.minimum(learning_rate, 1 / ops.sqrt(step))
        variable.assign(variable - size * rate * way)

    def _mean_square(self, variable: Variable, square: Tensor, keep: Tensor) -> Tensor:
        kept = self.slots_of(variable)
        if len(kept) == 1:
            return kept[0].assign(keep * kept[0] + (1 - keep) * square)
        rows, columns = kept
        rows.assign(keep * rows + (1 - keep) * ops.mean(square, axis=-1))
        columns.assign(keep * columns + (1 - keep) * ops.mean(square, axis=-2))
        shares = rows / ops.mean(rows, axis=-1, keepdims=True)
        return ops.expand_dims(shares, -1) * ops.expand_dims(columns, -2)


def _root_mean_square(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(ops.square(x)))
