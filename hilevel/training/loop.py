"""The parts of the training loop that are not training: logs, interruption, numbers that are not finite."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count, islice
from typing import Any

import numpy as np

from hilevel.autodiff.tape import to_host


class Logs(Mapping[str, Any]):
    """The numbers of a step, fetched from the device when they are looked at."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return as_number(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def raw(self, key: str) -> Any:
        """The value as it is on the device, or None."""
        return self._values.get(key)

    def copy(self) -> dict[str, Any]:
        """All numbers, fetched."""
        return dict(self)

    def __repr__(self) -> str:
        return repr(self.copy())


def as_number(value: Any) -> Any:
    """A Python float of a value with one element; an array of more."""
    if isinstance(value, (int, float)):
        return float(value)
    array = to_host(value) if hasattr(value, "shape") else np.asarray(value)
    return float(array) if array.size == 1 else array


class Watch:
    """Keeps each step's loss, without looking at it, and says at an epoch's end where it stopped being finite."""

    def __init__(self) -> None:
        self.losses: list[Any] = []
        self.told = False

    def add(self, logs: Any) -> None:
        """Keep the loss of a step."""
        if not self.told:
            self.losses.append(logs.get("loss"))

    def check(self, epoch: int, batches: Any) -> None:
        """Warn, once in a fit, if the mean loss of the epoch is not finite."""
        losses, self.losses = [x for x in self.losses if x is not None], []
        if self.told or not losses or np.isfinite(as_number(losses[-1])):
            return
        self.told = True
        low, high = 0, len(losses) - 1
        while low < high:  # a running mean that is not finite stays so: search by halves
            middle = (low + high) // 2
            low, high = (middle + 1, high) if np.isfinite(as_number(losses[middle])) else (low, middle)
        value = as_number(losses[low])
        found = batches.not_finite()
        why = (
            f"The data are the cause: {'; '.join(found)}."
            if found
            else "The data are finite: try a smaller learning rate, or clipnorm=1.0 in the optimizer."
        )
        warnings.warn(
            f"The loss became {'NaN' if np.isnan(value) else 'infinite'} at epoch {epoch + 1}, step "
            f"{low + 1}. {why} callbacks=[hilevel.callbacks.TerminateOnNaN()] stops there.",
            RuntimeWarning,
            stacklevel=4,
        )


class _Note:
    """A handler of Ctrl-C that takes note; the second time the one before it is in force."""

    def __init__(self, before: Any) -> None:
        self.before = before
        self.came = False

    def __call__(self, number: int, frame: Any) -> None:
        self.came = True
        signal.signal(signal.SIGINT, self.before)

    def check(self) -> None:
        """Raise KeyboardInterrupt if it came."""
        if self.came:
            raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """A block in which Ctrl-C waits for the step to end, so that no state is lost; the function that is yielded
    raises KeyboardInterrupt if it came. A second Ctrl-C does not wait."""
    before = signal.getsignal(signal.SIGINT)
    if isinstance(before, _Note):
        yield before.check
    elif (
        before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread()
    ):
        yield lambda: None
    else:
        note = _Note(before)
        signal.signal(signal.SIGINT, note)
        try:
            yield note.check
            note.check()
        finally:
            signal.signal(signal.SIGINT, before)


def bundles(
    batches: Iterator[Any], size: int | str, steps: int | None = None
) -> Iterator[tuple[int, int, list[Any]]]:
    """Batches in lists of a size, each with the numbers of its first and its last; up to a number of steps."""
    batches = islice(batches, steps)
    size = 1 if isinstance(size, str) else size
    first = 0
    while bundle := list(islice(batches, size)):
        yield first, first + len(bundle) - 1, bundle
        first += len(bundle)


class Cut:
    """Batches of which each epoch takes as many as it is told, going on where the last one stopped."""

    def __init__(self, batches: Any, steps: int) -> None:
        self.batches, self.steps = batches, steps
        self._endless = (batch for number in count() for batch in _some(batches, number))

    def epoch(self, number: int) -> Iterator[Any]:
        """The next batches."""
        return islice(self._endless, self.steps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)


def _some(batches: Any, number: int) -> Iterator[Any]:
    empty = True
    for batch in batches.epoch(number):
        empty = False
        yield batch
    if empty:
        raise ValueError(
            "The data ran out before the number of steps was reached. Give fewer steps, or a generator that goes on."
        )
