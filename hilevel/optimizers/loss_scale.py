"""Loss scaling, for training in float16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from hilevel import ops, optimizers
from hilevel.engine.types import Config, Tensor
from hilevel.engine.variables import Variable
from hilevel.initializers import Constant
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.options import LearningRateLike
from hilevel.optimizers.state import run_if


class LossScaleOptimizer(Optimizer):
    """A wrapper of an optimizer that multiplies the loss by a factor, as large as float16 gradients allow.

    A step with gradients that are not finite is skipped, and the factor halved. After `dynamic_growth_steps` finite
    steps it is doubled. Source: Micikevicius et al., "Mixed Precision Training" (2018).

    Args:
        inner_optimizer: the optimizer that makes the updates.
        initial_scale: the initial factor.
        dynamic_growth_steps: the number of finite steps after which the factor is doubled.
        name: the name, by default made from the class.

    Raises:
        ValueError: an argument belongs to the inner optimizer, or `dynamic=False`.

    >>> optimizer = hilevel.optimizers.LossScaleOptimizer(hilevel.optimizers.SGD(1.0), initial_scale=4.0)
    >>> w = hilevel.Variable([1.0])
    >>> optimizer.apply([np.array([2.0], "float32")], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer always changes the factor. For a constant factor, set `loss_scale_factor` of the "
                "optimizer itself in place of dynamic=False."
            )
        if kwargs:
            raise ValueError(
                f"LossScaleOptimizer has no arguments {', '.join(kwargs)}. Give them to the inner optimizer."
            )
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        super().__init__(0.0, name=name)
        inner_optimizer.loss_scale_factor = None

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Make the factor, the number of finite steps since its last change, and the slots of the inner optimizer."""
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), Constant(self.initial_scale), "float32", name="dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        return []

    @property
    def variables(self) -> list[Variable]:
        """Its own state, then the state of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """The number of updates of the inner optimizer."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRateLike) -> None:
        self.inner_optimizer.learning_rate = value

    def _apply(self, grads: Sequence[Tensor | None], variables: Sequence[Variable]) -> None:
        scale = self.dynamic_scale.read()
        finite = self.check_finite(grads)
        unscaled = [
            g if g is None or v.overwrite_with_gradient else g / scale
            for g, v in zip(grads, variables, strict=True)
        ]
        run_if(
            finite,
            lambda: self.inner_optimizer.apply(unscaled, variables),
            [*variables, *self.inner_optimizer.variables],
        )
        counter = self.step_counter
        due = ops.equal(counter, self.dynamic_growth_steps - 1)
        growth = ops.where(finite, ops.where(due, 2.0, 1.0), 0.5)
        self.dynamic_scale.assign(scale * growth)
        counter.assign(ops.where(ops.logical_and(finite, ops.logical_not(due)), counter + 1, 0))

    def check_finite(self, grads: Sequence[Tensor | None]) -> Tensor:
        """Return a boolean scalar, True if all gradients are finite."""
        return ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in grads if g is not None]))

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Return the loss times the factor."""
        return loss * (self.dynamic_scale if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Call the method of the inner optimizer."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> Config:
        """Return the constructor's arguments, as plain data."""
        return {
            "name": self.name,
            "inner_optimizer": optimizers.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        """Return the optimizer that `get_config` described, without its state."""
        inner = optimizers.deserialize(config["inner_optimizer"], custom_objects)
        return cls(**{**config, "inner_optimizer": inner})
