"""The arguments of every optimizer's constructor."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias, TypedDict

import numpy as np

from hilevel.errors import unknown_argument
from hilevel.optimizers.schedules.decay import LearningRateSchedule

LearningRateLike: TypeAlias = (
    float | np.generic | np.ndarray[Any, Any] | LearningRateSchedule | Callable[[], Any]
)
"""A learning rate: a scalar, a schedule, or a function without arguments."""


class Options(TypedDict, total=False):
    """The arguments that all optimizers share; `Optimizer` describes them."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


def with_options(own: inspect.Signature, base: inspect.Signature) -> inspect.Signature:
    """Return a constructor's signature, with the arguments of the base in place of `**options`."""
    mine = list(own.parameters.values())[1:]
    if not mine or mine[-1].name != "options":
        return own.replace(parameters=mine)
    shared = [p for p in list(base.parameters.values())[2:] if p.name not in own.parameters]
    return own.replace(parameters=mine[:-1] + shared)


def check_options(optimizer: Any, unknown: dict[str, Any], known: list[str]) -> None:
    """Check the shared arguments of an optimizer.

    Raises:
        TypeError: an unknown argument.
        ValueError: a value out of its range, or two kinds of clipping.
    """
    where = type(optimizer).__name__
    if unknown:
        raise unknown_argument(where, next(iter(unknown)), known)
    limits = {n: getattr(optimizer, n) for n in ("clipnorm", "clipvalue", "global_clipnorm")}
    if sum(v is not None for v in limits.values()) > 1:
        raise ValueError(f"{where}: give only one of clipnorm, clipvalue, global_clipnorm; got {limits}.")
    steps = optimizer.gradient_accumulation_steps
    if steps and steps < 2:
        raise ValueError(f"{where}: gradient_accumulation_steps must be at least 2; got {steps}.")
    if optimizer.use_ema and not 0 <= optimizer.ema_momentum <= 1:
        raise ValueError(f"{where}: ema_momentum must be from 0 to 1; got {optimizer.ema_momentum}.")
    frequency = optimizer.ema_overwrite_frequency
    if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(
            f"{where}: ema_overwrite_frequency must be a positive integer or None; got {frequency!r}."
        )
