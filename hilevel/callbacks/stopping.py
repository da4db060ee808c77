"""Callbacks that end training."""

from __future__ import annotations

import math
from typing import Any

from hilevel.callbacks.base import Callback, Monitor
from hilevel.errors import NotFiniteError


class EarlyStopping(Callback):
    """Ends training when a number has stopped improving.

    Args:
        monitor: the number's name.
        min_delta: by how much it has to be better to count.
        patience: how many epochs without improvement are waited for.
        verbose: 1 says so when it stops.
        mode: `"min"`, `"max"`, or `"auto"`, by the name.
        baseline: a value that has to be beaten.
        restore_best_weights: whether the model gets back the weights of its best epoch.
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
        self._begin()

    def _begin(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew."""
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare with the best epoch so far."""
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.best_weights is None and self.restore_best_weights:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.watched.better(self.model, value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.watched.better(self.model, value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def get_monitor_value(self, logs: Any) -> float | None:
        """Return the monitored number; None, with one warning, where the logs lack it."""
        return self.watched.read(logs, "EarlyStopping")

    def on_train_end(self, logs: Any = None) -> None:
        """Give back the best weights, where that is wanted."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: {self.monitor} has stopped improving.")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"The weights of the best epoch, {self.best_epoch + 1}, are restored.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Ends training when the loss becomes NaN or infinite.

    Args:
        raise_error: whether that is an error, `hilevel.errors.NotFiniteError`, instead of a message.

    >>> import hilevel
    >>> guard = hilevel.callbacks.TerminateOnNaN()
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        message = f"The loss is {loss} at step {batch + 1}: training ends."
        if self.raise_error:
            raise NotFiniteError(message)
        print(message)
        self.model.stop_training = True
