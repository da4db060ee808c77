"""The base of optimizers."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeAlias

import numpy as np

from hilevel import initializers, ops
from hilevel.api import serialization
from hilevel.api.configurable import Configurable, argument_names
from hilevel.api.custom_objects import get_registered_object
from hilevel.api.registry import snake_case
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.names import unique_name
from hilevel.engine.overlay import arrays_of, note_read, note_written, replace_arrays
from hilevel.engine.stateless import run_stateless
from hilevel.engine.types import Config, Function, Namespace, Tensor
from hilevel.engine.variables import Variable
from hilevel.optimizers import schedules
from hilevel.optimizers.gradients import (
    check_pairs,
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    drop_none,
)
from hilevel.optimizers.options import LearningRateLike, check_options, with_options
from hilevel.optimizers.schedules import LearningRateSchedule
from hilevel.optimizers.state import State, run_if
from hilevel.optimizers.updates import update, without_gradients


class Optimizer(State, Configurable):
    """Base of optimizers, which change Variables by their gradients.

    A subclass lists its slots in `slots`. It defines the update of a weight in `formula`, on arrays, or in
    `update_step`, on a Variable. It may declare the shared arguments as `**options: Unpack[Options]`.
    The base class applies these arguments.

    Args:
        learning_rate: a float, a `LearningRateSchedule`, or a function without arguments.
        weight_decay: the fraction of each weight, times the learning rate, that a step subtracts from it.
        clipnorm: the upper limit of the norm of each gradient.
        clipvalue: the upper limit of the absolute values of the gradients.
        global_clipnorm: the upper limit of the norm of all gradients together.
        use_ema: whether to keep a moving average of the weights. `finalize_variable_values` replaces the weights by it.
        ema_momentum: the decay rate of the average, from 0 to 1.
        ema_overwrite_frequency: the number of steps after which the average replaces the weights; None for never.
        loss_scale_factor: the factor of the loss in `scale_loss`, by which the gradients are divided.
        gradient_accumulation_steps: the number of calls of `apply` whose mean gradient makes one update.
        name: the name, by default made from the class.

    Raises:
        TypeError: an unknown argument.
        ValueError: a value out of its range, or two kinds of clipping.

    >>> class Sign(hilevel.optimizers.Optimizer):
    ...     @staticmethod
    ...     def formula(xp, p, g, *, rate):
    ...         return (p - rate * xp.sign(g),)
    >>> w = hilevel.Variable([1.0, 2.0])
    >>> Sign(0.5).apply([np.array([7.0, -7.0], "float32")], [w])
    >>> w.numpy()
    array([0.5, 2.5], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.name = name or unique_name(snake_case(type(self).__name__))
        check_options(self, kwargs, argument_names(type(self)))
        self.built = False
        self._trainable_variables: list[Variable] = []
        self._index: dict[int, int] = {}
        self._slots: list[tuple[Variable, ...]] = []
        self._without_decay: tuple[list[Variable], list[str]] = ([], [])
        self._warned = False
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate = self._as_rate(learning_rate)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own, base = inspect.signature(cls.__init__), inspect.signature(Optimizer.__init__)
        cls.__signature__ = with_options(own, base)

    # -- defined by a subclass --------------------------------------------------------------------

    formula: Any = None
    """A static method `(xp, p, g, *slots, rate, **settings)` of the arrays of one weight: the weight, its gradient, and
    its slots. It returns the new `(p, *slots)`. `xp` is the array module, and `rate` is the result of `step_size`. The
    other keyword arguments are attributes of the optimizer."""

    def slots(self) -> Sequence[Sequence[str]]:
        """Return the names of the slots of each Variable, in groups that are made in order."""
        return ()

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one Variable. Gradient and learning rate have its dtype; the rate is the result of `step_size`."""
        self._apply_formula([(gradient, variable)], learning_rate)

    def step_size(self, learning_rate: Tensor) -> Tensor:
        """Return the step size for a learning rate. It is called once in each step for the Variables of a dtype."""
        return learning_rate

    def slots_of(self, variable: Variable) -> tuple[Variable, ...]:
        """Return the slots of a Variable, in the order of `slots`."""
        return self._slots[self._index[id(variable)]]

    # -- state -------------------------------------------------------------------------------------

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots for these Variables. The first `apply` calls it."""
        if self.built:
            return
        home = variables[0].backend if variables else current_backend()
        self._unbuilt = len(self._variables)
        with scope(backend=home, interpreter=EVALUATE):
            for own in self._variables:
                own.to(home)
            self._trainable_variables = list(variables)
            self._set_index()
            if self.use_ema:
                self._averages = self.add_optimizer_variables(variables, "average")
            if self.gradient_accumulation_steps:
                self._accumulated = self.add_optimizer_variables(variables, "gradient_accumulator")
            self._slots = self.make_slots(variables)
        self.built = True

    def _set_index(self) -> None:
        """Note the position of each Variable, and the Variables that decay."""
        self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        self._decaying = {id(v) for v in self._trainable_variables if not self._excluded(v)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._set_index()

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return the slots of each Variable, by the names in `slots`: zeros of its shape."""
        groups = [
            [tuple(self.add_variable_from_reference(v, n) for n in names) for v in variables]
            for names in self.slots()
        ]
        return [sum(parts, ()) for parts in zip(*groups, strict=True)] or [() for _ in variables]

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    @property
    def iterations(self) -> Any:
        """The number of updates so far."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    # -- the learning rate -------------------------------------------------------------------------

    def _as_rate(self, learning_rate: LearningRateLike) -> Any:
        if callable(learning_rate):
            return learning_rate
        if isinstance(learning_rate, (int, float, np.generic, np.ndarray)):
            return self.add_variable((), initializers.Constant(float(learning_rate)), name="learning_rate")
        raise ValueError(
            f"{type(self).__name__}: `learning_rate` must be a number, a LearningRateSchedule or a "
            f"function without arguments; got {learning_rate!r}."
        )

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step, a Variable or the value of the schedule."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        return rate(self._iterations) if isinstance(rate, LearningRateSchedule) else rate()

    @learning_rate.setter
    def learning_rate(self, value: LearningRateLike) -> None:
        if callable(value):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(value)
        else:
            raise TypeError(
                f'The learning rate of "{self.name}" follows {self._learning_rate!r} and cannot be set '
                "to a number. Create the optimizer with a number, or set another schedule."
            )

    # -- one step ----------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor, Variable]]) -> Variable:
        """Call `apply` on pairs of gradient and Variable. Return the number of steps so far."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)
        return self._iterations

    def apply(
        self, grads: Sequence[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Run one step.

        Args:
            grads: a gradient for each Variable. A Variable whose gradient is None is not changed, and the first
                time there is a warning.
            trainable_variables: the Variables; by default the Variables of `build`.

        Raises:
            ValueError: the lengths differ, all gradients are None, or the optimizer was built on other
                Variables.
        """
        variables = self._checked(grads, trainable_variables)
        if context.interpreter.infers_shapes:
            note_written([*variables, *self._changing()])
            note_read(self.variables)
            return
        with scope(interpreter=context.interpreter.untaped, backend=self._iterations.backend, updating=True):
            self._apply(grads, variables)

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        trainable_variables: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run one step on values of the Variables, which stay as they are.

        Args:
            optimizer_variables: values for `variables`.
            grads: a gradient for each trainable Variable, or None.
            trainable_variables: values for the Variables of `build`.

        Returns:
            The values of the trainable Variables and of `variables` after the step.

        Raises:
            ValueError: the optimizer is not built, or the number of values is wrong.
        """
        if not self.built:
            raise ValueError(
                f'The optimizer "{self.name}" is not built. Call build(trainable_variables) first.'
            )
        groups = [
            ("trainable_variables", self._trainable_variables, trainable_variables),
            ("optimizer_variables", self.variables, optimizer_variables),
        ]
        _, (weights, state) = run_stateless(groups, lambda: self.apply(grads))
        return weights, state

    def _changing(self) -> list[Variable]:
        """Return the Variables of the optimizer that a step changes: all but the learning rate."""
        return [v for v in self.variables if v is not self._learning_rate]

    def _checked(
        self, grads: Sequence[Tensor | None], variables: Sequence[Variable] | None
    ) -> Sequence[Variable]:
        if variables is not None and not self.built:
            self.build(variables)
        if not self.built:
            raise ValueError(
                f'The optimizer "{self.name}" has no Variables yet. Pass them to apply or build.'
            )
        variables = self._trainable_variables if variables is None else variables
        check_pairs(self.name, grads, variables, self._index)
        return variables

    def _apply(self, grads: Sequence[Tensor | None], variables: Sequence[Variable]) -> None:
        given: Sequence[Any] = grads
        if any(g is None for g in grads):
            given, variables = drop_none(self.name, grads, variables, warn=not self._warned)
            self._warned = True
        given = [
            g if g.dtype == v.dtype else ops.cast(g, v.dtype) for g, v in zip(given, variables, strict=True)
        ]
        if any(v.overwrite_with_gradient for v in variables):
            given, variables = self._overwrite(given, variables)
        if self.loss_scale_factor is not None:
            given = [g / self.loss_scale_factor for g in given]
        if self.gradient_accumulation_steps:
            self._accumulate(given, variables)
        else:
            self._update(given, variables)
        if self.use_ema:
            self._average()
        for v in variables:
            if v.constraint is not None:
                v.assign(v.constraint(v))
        self._iterations.replace(self._iterations.read() + 1)

    def _update(self, grads: Sequence[Tensor], variables: Sequence[Variable]) -> None:
        """Clip the gradients, apply the weight decay, and update all Variables."""
        rate = self.learning_rate
        rate = rate.read() if isinstance(rate, Variable) else ops.convert_to_tensor(rate)
        grads = self._clipped(grads)
        self._decay(variables, rate)
        self.update_all(grads, variables, rate)

    def update_all(
        self, grads: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Tensor
    ) -> None:
        """Update the Variables of each dtype together, or one by one if a subclass defines `update_step`."""
        together = type(self).update_step is Optimizer.update_step
        for dtype in dict.fromkeys(v.dtype for v in variables):
            same = learning_rate.dtype == dtype
            rate = self.step_size(learning_rate if same else ops.cast(learning_rate, dtype))
            pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if v.dtype is dtype]
            if together:
                self._apply_formula(pairs, rate)
            else:
                for gradient, variable in pairs:
                    self.update_step(gradient, variable, rate)

    def _apply_formula(self, pairs: Sequence[tuple[Tensor, Variable]], rate: Tensor) -> None:
        if self.formula is None:
            raise NotImplementedError(
                f"{type(self).__name__} has neither a formula(xp, p, g, *slots, rate) nor an "
                "update_step(gradient, variable, learning_rate)."
            )
        settings = {name: getattr(self, name) for name in _settings(self.formula)}
        update_variables(self.formula, [(v, g, *self.slots_of(v)) for g, v in pairs], rate, settings)

    def _clipped(self, grads: Sequence[Tensor]) -> Sequence[Tensor]:
        if self.clipnorm:
            return clip_by_norm(grads, self.clipnorm)
        if self.global_clipnorm:
            return clip_by_global_norm(grads, self.global_clipnorm)
        return clip_by_value(grads, self.clipvalue) if self.clipvalue else grads

    # -- weight decay ------------------------------------------------------------------------------

    def decays(self) -> bool:
        """Return True if there is a weight decay."""
        return bool(self.weight_decay)

    def decay_of(self, variable: Variable) -> float | None:
        """Return the weight decay of a Variable."""
        return self.weight_decay

    def _decay(self, variables: Sequence[Variable], rate: Tensor) -> None:
        if not self.decays():
            return
        decaying: dict[Any, list[Any]] = {}
        for v in variables:
            decay = self.decay_of(v)
            if decay and id(v) in self._decaying:
                decaying.setdefault(decay, []).append((v,))
        for decay, rows in decaying.items():
            update_variables(weight_decay_formula, rows, 1 - decay * rate, {})

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Exclude Variables from the weight decay.

        Args:
            var_list: the Variables.
            var_names: regular expressions; a Variable whose name contains a match is excluded.

        Raises:
            ValueError: the optimizer has been built.
        """
        if self.built:
            raise ValueError("exclude_from_weight_decay must be called before the optimizer is built.")
        self._without_decay = (list(var_list or ()), list(var_names or ()))

    def _excluded(self, variable: Variable) -> bool:
        variables, names = self._without_decay
        listed = any(v is variable for v in variables)
        return listed or any(re.search(name, variable.name) for name in names)

    # -- several steps for one update, averages ----------------------------------------------------

    def _overwrite(
        self, grads: Sequence[Tensor], variables: Sequence[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """Assign gradients to Variables with `overwrite_with_gradient`. Return the gradients and Variables of the rest.

        For accumulated steps it assigns the largest gradient, as in Keras: these Variables are scales and maxima.
        """
        pairs = list(zip(grads, variables, strict=True))
        for g, v in pairs:
            if not v.overwrite_with_gradient:
                continue
            if self.gradient_accumulation_steps:
                total, due = self._accumulated[self._index[id(v)]], self._is_due()
                g = ops.maximum(g, total)
                total.assign(ops.where(due, ops.zeros_like(g), g))
                g = ops.where(due, g, v)
            v.assign(g)
        rest = [(g, v) for g, v in pairs if not v.overwrite_with_gradient]
        return [g for g, _ in rest], [v for _, v in rest]

    def _is_due(self) -> Tensor:
        """Return a boolean scalar, True if this step applies the accumulated gradients."""
        return ops.equal(ops.mod(self._iterations + 1, self.gradient_accumulation_steps), 0)

    def _accumulate(self, grads: Sequence[Tensor], variables: Sequence[Variable]) -> None:
        steps = self.gradient_accumulation_steps
        sums = [self._accumulated[self._index[id(v)]] for v in variables]
        for total, g in zip(sums, grads, strict=True):
            total.assign(total + g)

        def step() -> None:
            self._update([total / steps for total in sums], variables)
            for total in sums:
                total.assign(ops.zeros_like(total))

        run_if(self._is_due(), step, [*variables, *self._variables])

    def _average(self) -> None:
        """Update the moving averages of the weights. At the first step they become the weights."""
        keep = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        for average, v in zip(self._averages, self._trainable_variables, strict=True):
            kept = ops.cast(keep, v.dtype)
            average.assign(kept * average + (1 - kept) * v)
        if self.ema_overwrite_frequency:
            count = ops.mod(self.iterations + 1, self.ema_overwrite_frequency)
            weights = self._trainable_variables
            run_if(ops.equal(count, 0), lambda: self.finalize_variable_values(weights), weights)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace the weights by their averages, with `use_ema`. `fit` calls it at the end of training.

        Raises:
            ValueError: with `use_ema`, the optimizer was not built on one of the Variables.
        """
        if not self.use_ema:
            return
        for v in var_list:
            if id(v) not in self._index:
                raise ValueError(
                    f'The optimizer "{self.name}" keeps no average of "{v.path}". Expected Variables that it was '
                    "built on, by its first `apply` or by `build`."
                )
        for v in var_list:
            v.assign(self._averages[self._index[id(v)]])

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Return the loss times `loss_scale_factor`, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # -- configuration -----------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain data, with the current learning rate."""
        return super().get_config() | {"learning_rate": self._plain_rate()}

    def _plain_rate(self) -> Any:
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return float(str(rate.numpy()))
        return serialization.plain(rate)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        """Return the optimizer that `get_config` described, without its state."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        if isinstance(rate, str):
            config = {**config, "learning_rate": get_registered_object(rate, custom_objects)}
        return cls(**config)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


OptimizerLike: TypeAlias = Optimizer | str | Config | None
"""An optimizer as `compile` accepts it: an object, a name, a config, or None."""


def update_variables(
    formula: Function, rows: Sequence[Sequence[Any]], rate: Tensor, settings: dict[str, Any]
) -> None:
    """Assign to Variables the values that a formula computes from them.

    Args:
        formula: a function like `Optimizer.formula`.
        rows: the Variable, the gradient and the slots of each weight.
        rate, settings: keyword arguments of the formula.

    >>> from hilevel.optimizers.base import weight_decay_formula, update_variables
    >>> w = hilevel.Variable([2.0, 4.0])
    >>> update_variables(weight_decay_formula, [(w,)], 0.5, {})
    >>> w.numpy()
    array([1., 2.], dtype=float32)
    """
    width = len(rows[0])
    operands = [x for row in rows for x in row]
    variables = without_gradients(operands, width)
    arrays = iter(arrays_of(variables))
    operands = [next(arrays) if isinstance(x, Variable) else x for x in operands]
    new: Any = update(*operands, formula=formula, width=width, rate=rate, **settings)
    replace_arrays(variables, new)


def weight_decay_formula(xp: Namespace, p: Tensor, *, rate: Tensor) -> tuple[Tensor]:
    """Return a weight after its decay."""
    return (p * rate,)


@functools.lru_cache
def _settings(formula: Function) -> list[str]:
    """Return the names of the keyword arguments of a formula, without `rate`."""
    parameters = inspect.signature(formula).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "rate"]
