"""Callbacks that change the learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hilevel.api.configurable import argument_names
from hilevel.callbacks.base import Callback, Monitor, MonitoringCallback
from hilevel.callbacks.logs import Logs
from hilevel.errors import unknown_argument

if TYPE_CHECKING:
    from hilevel.models import Model
    from hilevel.optimizers import Optimizer


def optimizers_of(model: Model) -> dict[str, Optimizer]:
    """Return the optimizers of a model by the names of their learning rates; of a `MultiOptimizer`, its parts."""
    optimizer: Any = model.optimizer
    parts = getattr(optimizer, "optimizers", None)
    return {"learning_rate": optimizer} if parts is None else {f"learning_rate_{o.name}": o for o in parts}


def learning_rates(model: Model) -> dict[str, float]:
    """Return the learning rates of a model by their names."""
    return {name: float(optimizer.learning_rate) for name, optimizer in optimizers_of(model).items()}


class LearningRateScheduler(Callback):
    """A callback that sets the learning rate at the beginning of each epoch.

    Args:
        schedule: a function of `(epoch, learning rate)`, or of the epoch, that returns the learning rate.
        verbose: 1 prints the new learning rate.

    >>> import hilevel
    >>> halve = hilevel.callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        count = len(inspect.signature(schedule).parameters)
        self._takes_rate = count > 1

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the learning rate."""
        for label, optimizer in optimizers_of(self.model).items():
            rate = optimizer.learning_rate = self._rate(epoch, float(optimizer.learning_rate))
            if self.verbose:
                print(f"Epoch {epoch + 1}: {label} is {rate:g}.")

    def _rate(self, epoch: int, now: float) -> float:
        rate = self.schedule(epoch, now) if self._takes_rate else self.schedule(epoch)
        try:
            return float(rate)
        except TypeError:
            raise TypeError(
                f"LearningRateScheduler: the schedule must return a number; it returned {rate!r}."
            ) from None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the learning rate into the logs."""
        if isinstance(logs, dict):
            logs |= learning_rates(self.model)


class ReduceLROnPlateau(MonitoringCallback):
    """A callback that multiplies the learning rate by a factor when a monitored value stops improving.

    Args:
        monitor: the name of the value.
        factor: the factor of the learning rate, below 1.
        patience: the number of epochs without improvement before the reduction.
        verbose: 1 prints the new learning rate.
        mode: `"min"`, `"max"`, or `"auto"`, which depends on the name.
        min_delta: the smallest change that is an improvement.
        cooldown: the number of epochs after a reduction that are not compared.
        min_lr: the lower limit of the learning rate.

    >>> import hilevel
    >>> slower = hilevel.callbacks.ReduceLROnPlateau(factor=0.5, patience=3)

    Raises:
        ValueError: the factor is not below 1.
    """

    state_names = ("best", "cooldown_counter", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1; got {factor}.")
        if kwargs:
            raise unknown_argument("ReduceLROnPlateau", next(iter(kwargs)), argument_names(type(self)))
        self.watched = Monitor(monitor, mode, min_delta)
        self.monitor, self.factor, self.patience = monitor, factor, patience
        self.verbose, self.cooldown, self.min_lr = verbose, cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Reset the state."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare with the best epoch so far, and write the learning rate into the logs."""
        if isinstance(logs, dict):
            logs |= learning_rates(self.model)
        value = self.watched.read(logs, "ReduceLROnPlateau")
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.watched.is_better(self.model, value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def in_cooldown(self) -> bool:
        """Return True during the cooldown."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> None:
        for label, optimizer in optimizers_of(self.model).items():
            rate = float(optimizer.learning_rate)
            if rate <= self.min_lr:
                continue
            new = optimizer.learning_rate = max(rate * self.factor, self.min_lr)
            if self.verbose:
                print(f"Epoch {epoch + 1}: {label} is reduced to {new:g}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0
