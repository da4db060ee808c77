"""Callbacks that end training."""

from __future__ import annotations

import math
from typing import Any

from hilevel.callbacks.base import Callback, Monitor, MonitoringCallback
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.errors import NotFiniteError


class EarlyStopping(MonitoringCallback):
    """A callback that ends training when a monitored value stops improving.

    Args:
        monitor: the name of the value.
        min_delta: the smallest change that is an improvement.
        patience: the number of epochs without improvement before the end.
        verbose: 1 prints a message at the end.
        mode: `"min"`, `"max"`, or `"auto"`, which depends on the name.
        baseline: a value that must be improved on; None for none.
        restore_best_weights: whether to restore the weights of the best epoch.
        start_from_epoch: the first epoch that counts.

    >>> import hilevel
    >>> stop = hilevel.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    """

    state_names = ("best", "best_epoch", "best_weights", "stopped_epoch", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.watched = Monitor(monitor, mode, min_delta)
        self.monitor, self.patience, self.verbose = monitor, patience, verbose
        self.baseline, self.restore_best_weights = baseline, restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Reset the state."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare with the best epoch so far."""
        self.watched.larger_is_better(self.model)  # an unknown direction is an error in the first epoch
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.best_weights is None and self.restore_best_weights:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.watched.is_better(self.model, value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.watched.is_better(self.model, value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def get_monitor_value(self, logs: BatchLogs) -> float | None:
        """Return the monitored value; None, with one warning, if the logs lack it."""
        return self.watched.read(logs, "EarlyStopping")

    def on_train_end(self, logs: Logs = None) -> None:
        """Restore the best weights, with `restore_best_weights`."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: {self.monitor} has stopped improving.")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"The weights of the best epoch, {self.best_epoch + 1}, are restored.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """A callback that ends training when the loss becomes NaN or infinite.

    `hilevel.debug.record_nan` does so, too, and keeps the step that made it in a file.

    Args:
        raise_error: whether to raise `hilevel.errors.NotFiniteError` instead of printing a message.

    >>> import hilevel
    >>> guard = hilevel.callbacks.TerminateOnNaN()
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Check the loss."""
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            self.terminate(batch, loss)

    def terminate(self, batch: int, loss: float) -> None:
        """End training after the step `batch`, whose loss is not finite."""
        self._end(f"The loss is {loss} after batch {batch} of the epoch, counted from 0: training ends.")

    def _end(self, message: str) -> None:
        if self.raise_error:
            raise NotFiniteError(message)
        print(message)
        self.model.stop_training = True
