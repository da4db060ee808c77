"""Progress of training: a bar or table during an epoch, and its values at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from hilevel.callbacks.base import Callback
from hilevel.callbacks.drawing import Lines, can_draw, screen, write
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.engine.settings import settings


def verbosity(verbose: str | int) -> int:
    """Return the level 0, 1 or 2 for `verbose`; "auto" is 1 if a bar can be drawn, else 2.

    Raises:
        ValueError: another value.
    """
    if verbose == "auto":
        return 1 if settings.interactive_logging and can_draw() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f'verbose must be 0, 1, 2 or "auto"; got {verbose!r}.')
    return int(verbose)


class ProgbarLogger(Callback):
    """A callback that shows the progress of training, evaluation and prediction. `fit` adds it.

    In a terminal it draws a bar during an epoch, and a line at the end. In a notebook one display shows a table of
    the epochs, and the saved notebook has its last state.

    >>> import hilevel
    >>> bar = hilevel.callbacks.ProgbarLogger()
    """

    every_batch = False

    def __init__(self) -> None:
        super().__init__()
        self._screen: Lines | None = None
        self._training = False
        self._count = 0
        self._started = 0.0

    # -- events ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """Note that evaluations belong to a training."""
        self._close()
        self._training = True

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin a bar."""
        self._begin(self._title(epoch))

    def on_epoch_resume(self, epoch: int, logs: Logs = None) -> None:
        """Begin a bar that has moved already."""
        self._begin(self._title(epoch))
        self._step((logs or {}).get("batch", 0) - 1, {})

    def on_train_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Move the bar."""
        self._step(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """End the bar with the values of the epoch."""
        self._end(self._title(epoch), logs)

    def on_train_end(self, logs: Logs = None) -> None:
        """End the display."""
        self._training = False
        self._close()

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a bar, unless it is a validation."""
        if not self._training:
            self._begin("Evaluate")

    def on_test_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Move the bar."""
        if not self._training:
            self._step(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """End the bar with the values."""
        if not self._training:
            self._end("Evaluate", logs)
            self._close()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a bar."""
        self._begin("Predict")

    def on_predict_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Move the bar."""
        self._step(batch, None)

    def on_predict_end(self, logs: Logs = None) -> None:
        """End the bar."""
        self._end("Predict", None)
        self._close()

    # -- drawing -----------------------------------------------------------------------------------

    def _title(self, epoch: int) -> str:
        return f"Epoch {epoch + 1}/{self._setting('epochs', '?')}"

    def _setting(self, name: str, default: object = None) -> Any:
        return (self.params or {}).get(name, default)

    def _begin(self, title: str) -> None:
        self._count, self._started = 0, time.perf_counter()
        self._screen = self._screen or screen(self._setting("verbose", 0))
        if self._screen is not None:
            self._screen.begin(title, self._setting("steps"))

    def _step(self, batch: int, logs: BatchLogs) -> None:
        done = min(batch + 1, self._setting("steps") or batch + 1)
        steps, self._count = done - self._count, done
        if self._screen is not None:
            self._screen.move(steps, logs)

    def _end(self, title: str, logs: BatchLogs) -> None:
        if self._screen is not None:
            self._screen.end(title, self._count, time.perf_counter() - self._started, logs)

    def _close(self) -> None:
        if self._screen is not None:
            self._screen.close()
            self._screen = None


Values: TypeAlias = Iterable[tuple[str, Any]] | None
"""Pairs of a name and a value, an array or a list, of which the mean is shown."""


class Progbar:
    """A progress bar for the user's own loops. Without a terminal or notebook it writes lines.

    Args:
        target: the number of steps; None if it is unknown.
        width: ignored; the bar has the width of the terminal.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: the time between two drawings, in seconds.
        stateful_metrics: the names of values that are shown unchanged; all others are averaged.
        stateless_metrics: the names of the values that are averaged, if `stateful_metrics` is None; by default all.
        unit_name: the name of a step.

    >>> import hilevel
    >>> bar = hilevel.utils.Progbar(3, verbose=2)
    >>> bar.update(3, [("loss", 0.5)])
    3/3 - loss: 0.5000

    Raises:
        ValueError: both `stateful_metrics` and `stateless_metrics` are given.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: give only one of stateful_metrics and stateless_metrics.")
        self.target, self.verbose, self._interval = target, verbose, interval
        self._stateful = set(stateful_metrics or ())
        self._stateless = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._started, self._written = time.perf_counter(), 0.0
        self._screen = screen(1, leave=True) if verbose == 1 and can_draw() else None
        if self._screen is not None:
            self._screen.begin("", target, unit_name, interval)

    def update(self, current: int, values: Values = None, finalize: bool | None = None) -> None:
        """Move the bar to `current`, with values `[(name, value), ...]`."""
        steps = current - self._seen
        for name, given in values or ():
            value = float(np.mean(given))
            total, count = self._sums.get(name, (0.0, 0))
            keep = name in self._stateful or (self._stateless is not None and name not in self._stateless)
            self._sums[name] = (value, 1) if keep else (total + value * steps, count + steps)
        self._seen = current
        means = {name: total / max(count, 1) for name, (total, count) in self._sums.items()}
        done = bool(finalize or (finalize is None and self.target is not None and current >= self.target))
        if self._screen is not None:
            self._draw(self._screen, steps, means, done)
        elif self.verbose == 2 and done:
            self._write(means)
        elif self.verbose == 1 and (done or time.perf_counter() - self._written >= self._interval):
            self._written = time.perf_counter()
            self._write(means)

    def _write(self, means: dict[str, float]) -> None:
        count = f"{self._seen}/{'?' if self.target is None else self.target}"
        shown = (f"{name}: {v:.4f}" if abs(v) > 1e-3 else f"{name}: {v:.4e}" for name, v in means.items())
        write(" - ".join([count, *shown]))

    def _draw(self, screen: Lines, steps: int, means: dict[str, float], done: bool) -> None:
        screen.move(steps, means)
        if done:
            screen.end("", self._seen, time.perf_counter() - self._started, means)
            screen.close()

    def add(self, n: int, values: Values = None) -> None:
        """Move the bar by `n` steps."""
        self.update(self._seen + n, values)
