"""The progress bar: tqdm's, in a terminal or notebook, while an epoch runs; and one plain line when it has ended."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from hilevel.callbacks.base import Callback
from hilevel.config import settings

REFRESH = 0.1
"""Seconds between two looks at the numbers, which may have to be fetched from a device."""

BAR = "{desc} |{bar}| {n_fmt}/{total_fmt} {elapsed}{postfix}"


def verbosity(verbose: str | int) -> int:
    """0, 1 or 2 of `verbose`; "auto" is a bar where one can be drawn, else lines.

    Raises:
        ValueError: it is none of those.
    """
    if verbose == "auto":
        return 1 if settings.interactive_logging and can_draw() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f'verbose must be 0, 1, 2 or "auto"; got {verbose!r}.')
    return int(verbose)


def can_draw() -> bool:
    """Whether the output is a notebook, or a terminal that moves its cursor."""
    if in_notebook():
        return True
    terminal = getattr(sys.stdout, "isatty", lambda: False)()
    return bool(terminal) and os.environ.get("TERM") != "dumb"


def in_notebook() -> bool:
    """Whether the program runs in a Jupyter kernel."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


def write(text: str) -> None:
    """Print a line; characters that the output's encoding does not have are replaced."""
    out = sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=out, flush=True)


def is_ascii_only() -> bool:
    """Whether the output's encoding lacks the characters of a bar."""
    try:
        "█▏".encode(getattr(sys.stdout, "encoding", None) or "ascii")
        return False
    except (UnicodeEncodeError, LookupError):
        return True


class ProgbarLogger(Callback):
    """Shows the progress of training, evaluation and prediction. `fit` adds it by itself.

    >>> import hilevel
    >>> bar = hilevel.callbacks.ProgbarLogger()
    """

    every_batch = False

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._training = False
        self._count = 0
        self._started = 0.0
        self._looked = 0.0

    # -- events ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        """Remember that validations belong to a training."""
        self._training = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin a bar."""
        self._begin(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        self._step(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End the bar with the epoch's numbers."""
        self._end(f"Epoch {epoch + 1}/{self.params['epochs']}", logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Training has ended."""
        self._training = False
        self._close()

    def on_test_begin(self, logs: Any = None) -> None:
        """Begin a bar, unless it is a validation."""
        if not self._training:
            self._begin("Evaluate")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        if not self._training:
            self._step(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """End the bar with the numbers."""
        if not self._training:
            self._end("Evaluate", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Begin a bar."""
        self._begin("Predict")

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        self._step(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        """End the bar."""
        self._end("Predict", None)

    # -- drawing -----------------------------------------------------------------------------------

    def _begin(self, title: str) -> None:
        self._count, self._started, self._looked = 0, time.perf_counter(), 0.0
        if (self.params or {}).get("verbose") == 1:
            self._close()
            self._bar = _tqdm()(
                total=(self.params or {}).get("steps"), desc=title, unit="step", leave=False, mininterval=REFRESH,
                ascii=is_ascii_only(), file=sys.stdout, **_screen(),
                bar_format=BAR if (self.params or {}).get("steps") else None,
            )  # fmt: skip

    def _step(self, batch: int, logs: Any) -> None:
        steps, self._count = batch + 1 - self._count, batch + 1
        if self._bar is None:
            return
        now = time.perf_counter()
        if logs and now - self._looked >= REFRESH:
            self._looked = now
            self._bar.set_postfix_str(numbers(logs), refresh=False)
        self._bar.update(steps)

    def _end(self, title: str, logs: Any) -> None:
        seconds = time.perf_counter() - self._started
        self._close()
        if (self.params or {}).get("verbose"):
            parts = [title, f"{self._count} steps", f"{seconds:.1f} s", numbers(logs)]
            write(" - ".join(p for p in parts if p))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def numbers(logs: Any) -> str:
    """The numbers by name, in four digits."""
    return ", ".join(f"{name}={_short(value)}" for name, value in (logs or {}).items())


def _short(value: Any) -> str:
    try:
        return f"{value:.4g}"
    except (TypeError, ValueError):
        return str(value)


def _screen() -> dict[str, int]:
    """The size of the terminal; of one that does not know its own, 80 by 24, where tqdm would draw nothing."""
    from shutil import get_terminal_size

    size = get_terminal_size((80, 24))
    return {"ncols": size.columns, "nrows": size.lines}


def _tqdm() -> Any:
    import importlib

    return importlib.import_module("tqdm.notebook" if in_notebook() else "tqdm").tqdm


class Progbar:
    """A progress bar to be moved by hand.

    Args:
        target: the number of steps; None if it is not known.
        width: without meaning: the bar is as wide as the terminal lets it.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: seconds between two drawings.
        stateful_metrics: names of numbers that are shown as they come; all others are averaged.
        stateless_metrics: names of numbers that are averaged, where not all are.
        unit_name: what a step is called.

    >>> import hilevel
    >>> bar = hilevel.utils.Progbar(3, verbose=2)
    >>> bar.update(3, [("loss", 0.5)])
    3/3 - loss=0.5
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Any = None,
        stateless_metrics: Any = None,
        unit_name: str = "step",
    ) -> None:
        self.target, self.verbose = target, verbose
        self._stateful = set(stateful_metrics or ())
        self._stateless = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._bar: Any = None
        if verbose == 1:
            self._bar = _tqdm()(
                total=target, unit=unit_name, mininterval=interval, ascii=is_ascii_only(), file=sys.stdout
            )

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Move the bar to `current`, with numbers `[(name, value), ...]`."""
        steps = current - self._seen
        for name, value in values or ():
            total, count = self._sums.get(name, (0.0, 0))
            keep = name in self._stateful or (self._stateless is not None and name not in self._stateless)
            self._sums[name] = (float(value), 1) if keep else (total + value * steps, count + steps)
        self._seen = current
        shown = numbers({name: total / max(count, 1) for name, (total, count) in self._sums.items()})
        done = finalize or (finalize is None and self.target is not None and current >= self.target)
        if self._bar is not None:
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update(steps)
            if done:
                self._bar.close()
        elif self.verbose == 2 and done:
            write(f"{current}/{self.target} - {shown}" if shown else f"{current}/{self.target}")

    def add(self, n: int, values: Any = None) -> None:
        """Move the bar on by `n`."""
        self.update(self._seen + n, values)
