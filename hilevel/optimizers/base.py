"""What all optimizers share."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from hilevel import initializers, ops
from hilevel.api import registry
from hilevel.api.configurable import Configurable, argument_names
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.names import unique_name
from hilevel.engine.overlay import arrays_of, note_read, note_written, replace_arrays
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
from hilevel.optimizers.options import check_options, with_options
from hilevel.optimizers.schedules import LearningRateSchedule
from hilevel.optimizers.state import State, run_if
from hilevel.optimizers.updates import update, without_gradients


class Optimizer(State, Configurable):
    """Base of optimizers: changes Variables by their gradients.

    A subclass says in `slots` which arrays it keeps for each Variable, and in `formula` what one step does to the
    arrays of one weight; or in `update_step`, as in Keras, what it does to one Variable. It may leave the shared
    arguments to `**options: Unpack[Options]`. All else is done here, in the order of the arguments below.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments.
        weight_decay: the share of each weight, times the learning rate, that a step takes away from it.
        clipnorm: the greatest length of each gradient.
        clipvalue: the greatest absolute value of a gradient's elements.
        global_clipnorm: the greatest length of all gradients together.
        use_ema: whether to keep a moving average of the weights, which `finalize_variable_values` puts in their place.
        ema_momentum: how much of the average is kept at each step.
        ema_overwrite_frequency: after how many steps the average is put in place of the weights; None for never.
        loss_scale_factor: what `scale_loss` multiplies the loss with, and the gradients are divided by.
        gradient_accumulation_steps: of how many calls of `apply` the mean gradient makes one update.
        name: a name for people.

    Raises:
        TypeError: an argument that there is not; says the nearest.
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
        learning_rate: Any,
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
        self.name = name or unique_name(type(self).__name__.lower())
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

    # -- what a subclass says ----------------------------------------------------------------------

    formula: Any = None
    """A static method `(xp, p, g, *slots, rate, **settings)` of the arrays of one weight: the weight, its gradient, and
    its slots. It returns the new `(p, *slots)`. `xp` is the array module, and `rate` what `step_size` returns; the
    other keyword arguments are attributes of the optimizer."""

    def slots(self) -> Sequence[Sequence[str]]:
        """The names of the arrays kept for each Variable, in groups that are made one after the other."""
        return ()

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Change one Variable. Gradient and learning rate come in its dtype, the latter through `step_size`."""
        self._apply_formula([(gradient, variable)], learning_rate)

    def step_size(self, learning_rate: Tensor) -> Tensor:
        """What is made of the learning rate once in each step, for all Variables of a dtype."""
        return learning_rate

    def slots_of(self, variable: Variable) -> tuple[Variable, ...]:
        """The arrays kept for a Variable, in the order of `slots`."""
        return self._slots[self._index[id(variable)]]

    # -- state -------------------------------------------------------------------------------------

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the arrays kept for these Variables; `apply` calls it where it has not been called."""
        if self.built:
            return
        home = variables[0].backend if variables else current_backend()
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
        """The arrays kept for each Variable: those named in `slots`, of its shape, zeros at first."""
        groups = [
            [tuple(self.add_variable_from_reference(v, n) for n in names) for v in variables]
            for names in self.slots()
        ]
        return [sum(parts, ()) for parts in zip(*groups, strict=True)] or [() for _ in variables]

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    @property
    def iterations(self) -> Any:
        """How many updates have been made."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    # -- the learning rate -------------------------------------------------------------------------

    def _as_rate(self, learning_rate: Any) -> Any:
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
    def learning_rate(self, value: Any) -> None:
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
        """`apply`, of pairs of gradient and Variable. Returns the count of steps."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)
        return self._iterations

    def apply(
        self, grads: Sequence[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Take one step.

        Args:
            grads: a gradient for each Variable. Where one is None, the Variable stays as it is, and the first
                time there is a warning.
            trainable_variables: the Variables; by default those that the optimizer was built on.

        Raises:
            ValueError: the numbers differ, there is no gradient at all, or the optimizer was built on other
                Variables.
        """
        variables = self._checked(grads, trainable_variables)
        if context.interpreter.infers_shapes:
            note_written([*variables, *self._changing()])
            note_read(self.variables)
            return
        with scope(interpreter=context.interpreter.untaped, backend=self._iterations.backend, updating=True):
            self._apply(grads, variables)

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
                f'The optimizer "{self.name}" knows no Variables yet. Hand them to apply, or to build.'
            )
        variables = self._trainable_variables if variables is None else variables
        check_pairs(self.name, grads, variables, self._index)
        return variables

    def _apply(self, grads: Sequence[Any], variables: Sequence[Variable]) -> None:
        if any(g is None for g in grads):
            grads, variables = drop_none(self.name, grads, variables, warn=not self._warned)
            self._warned = True
        grads = [
            g if g.dtype == v.dtype else ops.cast(g, v.dtype) for g, v in zip(grads, variables, strict=True)
        ]
        if any(v.overwrite_with_gradient for v in variables):
            grads, variables = self._overwrite(grads, variables)
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._average()
        for v in variables:
            if v.constraint is not None:
                v.assign(v.constraint(v))
        self._iterations.replace(self._iterations.read() + 1)

    def _update(self, grads: Sequence[Tensor], variables: Sequence[Variable]) -> None:
        """Clip, decay, and change every Variable."""
        rate = self.learning_rate
        rate = rate.read() if isinstance(rate, Variable) else ops.convert_to_tensor(rate)
        grads = self._clipped(grads)
        self._decay(variables, rate)
        self.update_all(grads, variables, rate)

    def update_all(
        self, grads: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Tensor
    ) -> None:
        """Change all Variables: those of each dtype together, or one by one where a subclass has an `update_step`."""
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
        """Whether there is any weight decay."""
        return bool(self.weight_decay)

    def decay_of(self, variable: Variable) -> float | None:
        """The weight decay of a Variable."""
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
        """Take Variables out of the weight decay: those listed, or those in whose name one of the texts is found.

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
        """Give Variables with `overwrite_with_gradient` their gradient as value. Return the others, after theirs.

        Of accumulated steps the greatest gradient counts, as in Keras: these are scales and largest values.
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
        """Whether the accumulated gradients make an update in this step."""
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
        """Move the averages lerp the weights; at the first step they start as these."""
        keep = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        for average, v in zip(self._averages, self._trainable_variables, strict=True):
            kept = ops.cast(keep, v.dtype)
            average.assign(kept * average + (1 - kept) * v)
        if self.ema_overwrite_frequency:
            count = ops.mod(self.iterations + 1, self.ema_overwrite_frequency)
            weights = self._trainable_variables
            run_if(ops.equal(count, 0), lambda: self.finalize_variable_values(weights), weights)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """At the end of training: put the averages, with `use_ema`, in place of the weights.

        Raises:
            ValueError: with `use_ema`, a Variable is not one of those that the optimizer was built on.
        """
        if not self.use_ema:
            return
        for v in var_list:
            if id(v) not in self._index:
                raise ValueError(
                    f'The optimizer "{self.name}" keeps no average of "{v.path}". Expected Variables that it was '
                    "built on: those of its first `apply`, or of `build`."
                )
        for v in var_list:
            v.assign(self._averages[self._index[id(v)]])

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss to differentiate: times `loss_scale_factor`, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # -- configuration -----------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The constructor's arguments, as plain data; the learning rate as it is now."""
        return super().get_config() | {"learning_rate": self._plain_rate()}

    def _plain_rate(self) -> Any:
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return float(str(rate.numpy()))
        if isinstance(rate, LearningRateSchedule):
            return schedules.serialize(rate)
        return registry.get_registered_name(rate)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        """An optimizer as `get_config` describes it, without its state."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        if isinstance(rate, str):
            found = registry.get_registered_object(rate, custom_objects)
            config = {**config, "learning_rate": found}
        return cls(**config)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


def update_variables(
    formula: Function, rows: Sequence[Sequence[Any]], rate: Tensor, settings: dict[str, Any]
) -> None:
    """Give Variables the values that a formula computes from them.

    Args:
        formula: as `Optimizer.formula`.
        rows: for each weight the Variable, the gradient and the Variables of its slots.
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
