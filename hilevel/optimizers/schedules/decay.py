"""Learning rates as functions of the number of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hilevel import ops
from hilevel.api.configurable import Configurable
from hilevel.config import floatx
from hilevel.engine.types import Tensor, TensorLike


class LearningRateSchedule(Configurable):
    """Base of schedules: functions from the number of steps so far to the learning rate.

    >>> class Halving(hilevel.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** step
    >>> hilevel.optimizers.SGD(Halving()).learning_rate.round(3)
    np.float32(0.1)
    """

    def __call__(self, step: TensorLike) -> Tensor:
        """Return the learning rate at a step."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(step).")

    def _check(self, name: str) -> None:
        if getattr(self, name) <= 0:
            raise ValueError(f"{type(self).__name__}: `{name}` must be above 0; got {getattr(self, name)}.")


class ExponentialDecay(LearningRateSchedule):
    """An exponential decay, `initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: the first learning rate.
        decay_steps: the number of steps of one decay by `decay_rate`.
        decay_rate: the factor.
        staircase: whether the quotient `step / decay_steps` is rounded down.
        name: the name.

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
    """A decay by inverse time, `initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: the first learning rate.
        decay_steps: the number of steps of one period.
        decay_rate: the factor of the number of periods.
        staircase: whether the quotient `step / decay_steps` is rounded down.
        name: the name.

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
    """A step function: `values[0]` up to step `boundaries[0]`, included, `values[1]` up to `boundaries[1]`, ...

    Args:
        boundaries: the last step of each learning rate but the last, in increasing order.
        values: the learning rates, one more than boundaries.
        name: the name.

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
        step = _as_float(step)
        rate = _as_float(self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = ops.where(ops.greater(step, boundary), value, rate)
        return rate


class PolynomialDecay(LearningRateSchedule):
    """A decay from `initial_learning_rate` to `end_learning_rate`, along `(1 - step / decay_steps) ** power`.

    Args:
        initial_learning_rate: the first learning rate.
        decay_steps: the number of steps of the decay.
        end_learning_rate: the last learning rate.
        power: the exponent; 1 for a linear decay.
        cycle: whether the decay is extended to the next multiple of `decay_steps` each time its end is reached.
        name: the name.

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
        fraction = _as_float(step) / self.decay_steps
        fraction = (
            fraction / ops.maximum(ops.ceil(fraction), 1.0) if self.cycle else ops.minimum(fraction, 1.0)
        )
        span = self.initial_learning_rate - self.end_learning_rate
        return span * ops.power(1 - fraction, self.power) + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """A decay from `initial_learning_rate` to `alpha` times it in `decay_steps`, along half a cosine.

    Source: Loshchilov and Hutter, 2016.

    Args:
        initial_learning_rate: the first learning rate.
        decay_steps: the number of steps of the decay.
        alpha: the last learning rate, as a fraction of the first one of the decay.
        name: the name.
        warmup_target: the learning rate at the end of a linear warmup, from which the decay starts; None for no warmup.
        warmup_steps: the number of steps of the warmup.

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
        step, start = _as_float(step), self.initial_learning_rate
        if self.warmup_target is None:
            return self._decayed(step, start)
        top, steps = self.warmup_target, self.warmup_steps
        up = start + (top - start) * step / max(steps, 1)
        return ops.where(step < steps, up, self._decayed(step - steps, top))

    def _decayed(self, step: Tensor, start: float) -> Tensor:
        fraction = ops.minimum(step / self.decay_steps, 1.0)
        return start * ((1 - self.alpha) * _half_cosine(fraction) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """`CosineDecay` that restarts at its end (SGDR). Source: Loshchilov and Hutter, 2016.

    Args:
        initial_learning_rate: the first learning rate.
        first_decay_steps: the number of steps of the first decay.
        t_mul: the factor of the number of steps from each decay to the next.
        m_mul: the factor of the first learning rate from each decay to the next.
        alpha: the last learning rate of each decay, as a fraction of its first one.
        name: the name.

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
        restarts, fraction = self._place(_as_float(step) / self.first_decay_steps)
        height = ops.power(self.m_mul, restarts) * _half_cosine(fraction)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)

    def _place(self, periods: Tensor) -> tuple[Tensor, Tensor]:
        """Return the number of restarts, and the fraction of the current decay; `periods` is in units of the first."""
        t = self.t_mul
        if t == 1:
            restarts = ops.floor(periods)
            return restarts, periods - restarts
        restarts = ops.floor(ops.log(1 - periods * (1 - t)) / math.log(t))
        length = ops.power(t, restarts)
        return restarts, (periods - (1 - length) / (1 - t)) / length


def _as_float(x: TensorLike) -> Tensor:
    """Return a scalar as a float tensor."""
    return ops.cast(x, floatx())


def _periods(schedule: ExponentialDecay | InverseTimeDecay, step: TensorLike) -> Tensor:
    periods = _as_float(step) / schedule.decay_steps
    return ops.floor(periods) if schedule.staircase else periods


def _half_cosine(fraction: Tensor) -> Tensor:
    """Return half a cosine, from 1 to 0 as `fraction` goes from 0 to 1."""
    return 0.5 * (1 + ops.cos(math.pi * fraction))
