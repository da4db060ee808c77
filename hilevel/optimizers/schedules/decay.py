"""Learning rates that follow the number of steps taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.api.configurable import Configurable
from hilevel.config import floatx
from hilevel.engine.types import Tensor, TensorLike


class LearningRateSchedule(Configurable):
    """Base of schedules: objects called with the number of steps taken that return the learning rate.

    >>> class Halving(hilevel.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** step
    >>> hilevel.optimizers.SGD(Halving()).learning_rate.round(3)
    np.float32(0.1)
    """

    def __call__(self, step: TensorLike) -> Tensor:
        """The learning rate at that step."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(step).")

    def _check(self, name: str) -> None:
        if getattr(self, name) <= 0:
            raise ValueError(f"{type(self).__name__}: `{name}` must be above 0; got {getattr(self, name)}.")


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`; with `staircase` the exponent is rounded down.

    >>> hilevel.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)(20).round(4)
    np.float32(0.025)

    Raises:
        ValueError: `decay_steps` is not above 0.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        self._check("decay_steps")

    def __call__(self, step: TensorLike) -> Tensor:
        return self.initial_learning_rate * ops.power(self.decay_rate, _periods(self, step))


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`; with `staircase` the quotient is rounded down.

    >>> hilevel.optimizers.schedules.InverseTimeDecay(0.1, 10, 0.5)(20).round(4)
    np.float32(0.05)

    Raises:
        ValueError: `decay_steps` is not above 0.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        self._check("decay_steps")

    def __call__(self, step: TensorLike) -> Tensor:
        return self.initial_learning_rate / (1 + self.decay_rate * _periods(self, step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[0]` up to and with step `boundaries[0]`, `values[1]` up to `boundaries[1]`, ..., the last value above.

    >>> hilevel.optimizers.schedules.PiecewiseConstantDecay([10, 20], [0.3, 0.2, 0.1])(11).round(4)
    np.float32(0.2)

    Raises:
        ValueError: there is not one boundary fewer than values.
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay expects one boundary fewer than values; got "
                f"{len(boundaries)} boundaries and {len(values)} values."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: TensorLike) -> Tensor:
        step = _number(step)
        rate = _number(self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = ops.where(ops.greater(step, boundary), value, rate)
        return rate


class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` in `decay_steps`, along `(1 - step / decay_steps) ** power`.

    With `cycle` the direction is stretched to the next multiple of `decay_steps` each time its end is reached.

    >>> hilevel.optimizers.schedules.PolynomialDecay(0.1, 10, 0.0)(5).round(4)
    np.float32(0.05)

    Raises:
        ValueError: `decay_steps` is not above 0.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name
        self._check("decay_steps")

    def __call__(self, step: TensorLike) -> Tensor:
        share = _number(step) / self.decay_steps
        share = share / ops.maximum(ops.ceil(share), 1.0) if self.cycle else ops.minimum(share, 1.0)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * ops.power(1 - share, self.power) + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `alpha` times it in `decay_steps`, along half a cosine.

    Loshchilov and Hutter, 2016.

    Args:
        initial_learning_rate: the first learning rate.
        decay_steps: how many steps the direction down takes.
        alpha: the share of the greatest learning rate that is left in the end.
        name: a name for people.
        warmup_target: a learning rate to go up to first, in a straight line; the direction down starts there.
        warmup_steps: how many steps that takes.

    >>> hilevel.optimizers.schedules.CosineDecay(0.1, 10)(5).round(4)
    np.float32(0.05)

    Raises:
        ValueError: `decay_steps` is not above 0.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps
        self._check("decay_steps")

    def __call__(self, step: TensorLike) -> Tensor:
        step, start = _number(step), self.initial_learning_rate
        if self.warmup_target is None:
            return self._decayed(step, start)
        top, steps = self.warmup_target, self.warmup_steps
        up = start + (top - start) * step / max(steps, 1)
        return ops.where(step < steps, up, self._decayed(step - steps, top))

    def _decayed(self, step: Tensor, start: float) -> Tensor:
        share = ops.minimum(step / self.decay_steps, 1.0)
        return start * ((1 - self.alpha) * _half_cosine(share) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """`CosineDecay` that begins again each time its end is reached: SGDR. Loshchilov and Hutter, 2016.

    Args:
        initial_learning_rate: the first learning rate.
        first_decay_steps: how many steps the first direction down takes.
        t_mul: how many times as long each direction is as that before it.
        m_mul: how many times as high each direction starts as that before it.
        alpha: the share of the first learning rate that is left at each end.
        name: a name for people.

    >>> hilevel.optimizers.schedules.CosineDecayRestarts(0.1, 10)(20).round(4)
    np.float32(0.05)

    Raises:
        ValueError: `first_decay_steps` is not above 0.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name
        self._check("first_decay_steps")

    def __call__(self, step: TensorLike) -> Tensor:
        restarts, share = self._place(_number(step) / self.first_decay_steps)
        height = ops.power(self.m_mul, restarts) * _half_cosine(share)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)

    def _place(self, periods: Tensor) -> tuple[Tensor, Tensor]:
        """How many ways lie behind, and the share of the present one; `periods` counts in lengths of the first."""
        t = self.t_mul
        if t == 1:
            restarts = ops.floor(periods)
            return restarts, periods - restarts
        restarts = ops.floor(ops.log(1 - periods * (1 - t)) / math.log(t))
        length = ops.power(t, restarts)
        return restarts, (periods - (1 - length) / (1 - t)) / length


def _number(x: Any) -> Tensor:
    """A number as a float tensor."""
    return ops.cast(x, floatx())


def _periods(schedule: Any, step: Tensor) -> Tensor:
    periods = _number(step) / schedule.decay_steps
    return ops.floor(periods) if schedule.staircase else periods


def _half_cosine(share: Tensor) -> Tensor:
    """From 1 to 0 while `share` goes from 0 to 1."""
    return 0.5 * (1 + ops.cos(math.pi * share))
