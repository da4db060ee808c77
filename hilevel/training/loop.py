"""The loop over batches: logs, interruption, bundles of steps, and a monitor of values that are not finite."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.settings import settings
from hilevel.engine.types import Tensor
from hilevel.errors import warn
from hilevel.training.data.arrays import ArrayBatches
from hilevel.training.data.batches import Batches
from hilevel.training.processes import Votes, is_local
from hilevel.training.state import Step

if TYPE_CHECKING:
    from hilevel.callbacks.callback_list import CallbackList
    from hilevel.training.trainer import Trainer


class Logs(Mapping[str, Any]):
    """The values of a step, which are fetched from the device when they are read."""

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
        """Return the value on the device, or None."""
        return self._values.get(key)

    def copy(self) -> dict[str, Any]:
        """Return all values, fetched."""
        return dict(self)

    def __repr__(self) -> str:
        return repr(self.copy())


def as_number(value: Any) -> Any:
    """Return a value with one element as a float, and other values as an array."""
    if isinstance(value, (int, float)):
        return float(value)
    array = to_host(value) if hasattr(value, "shape") else np.asarray(value)
    return float(array.item()) if array.size == 1 else array


class NonFiniteMonitor:
    """A record of the loss of each step, which is checked at the end of an epoch."""

    def __init__(self) -> None:
        self.losses: list[tuple[Any, int]] = []
        self.warned = False

    def add(self, logs: Mapping[str, Any], count: int = 0) -> None:
        """Store the loss of a step, or with a `count` the losses of several steps, concatenated."""
        loss = None if self.warned else logs.get("loss")
        if loss is not None:
            self.losses.append((loss, count))

    def check(self, epoch: int, batches: Batches, start: int = 0, ends: bool = False) -> None:
        """Warn, once in a call of `fit`, if the mean loss of the epoch, begun here at step `start`, is not finite.

        Unless training `ends`, the warning names the callback that ends it.
        """
        kept, self.losses = self.losses, []
        if not kept or np.isfinite(_losses_of(*kept[-1])[-1]):
            return
        self.warned = True
        losses = np.concatenate([_losses_of(*loss) for loss in kept])
        first = int(np.argmin(np.isfinite(losses)))
        found = batches.not_finite()
        why = (
            f"The data are the cause: {'; '.join(found)}."
            if found
            else "The data are finite: try a smaller learning rate, or clipnorm=1.0 in the optimizer."
        )
        warn(
            f"The loss became {'NaN' if np.isnan(losses[first]) else 'infinite'} at epoch {epoch + 1}, step "
            f"{start + first + 1}. {why}"
            + " callbacks=[hilevel.callbacks.TerminateOnNaN()] stops there."
            * (not ends),
            RuntimeWarning,
        )


def _losses_of(losses: Tensor, count: int) -> np.ndarray[Any, Any]:
    """Return the losses of `NonFiniteMonitor.add` as an array."""
    return to_host(losses)[:count] if count else np.atleast_1d(as_number(losses))


_END = object()


class Interrupts:
    """The handler of Ctrl-C during training. It waits for the end of a step, so that no state is lost, but not for
    data. A second Ctrl-C does not wait.

    Args:
        before: the handler before.
    """

    def __init__(self, before: Any) -> None:
        self.before = before
        self.came = False
        self.reading = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self.before)
        if self.reading and settings.processes == 1:
            self.before(number, frame)
        self.came = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C came."""
        if self.came:
            raise KeyboardInterrupt

    def fetch(self, function: Callable[..., Any]) -> Any:
        """Call a function that reads data. During the call Ctrl-C interrupts at once."""
        self.reading = True
        try:
            return function()
        finally:
            self.reading = False

    def read(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield the items. While an item is read, Ctrl-C interrupts at once."""
        following = partial(next, items, _END)
        while (item := self.fetch(following)) is not _END:
            yield item


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Return a block in which the yielded `Interrupts` handle Ctrl-C. A nested block uses the outer one."""
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if isinstance(before, Interrupts) and main:
        yield before
    elif before is not signal.default_int_handler or not main:
        yield Interrupts(before)
    else:
        interrupts = Interrupts(before)
        signal.signal(signal.SIGINT, interrupts)
        try:
            yield interrupts
            interrupts.check()
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def events(callbacks: CallbackList, kind: str) -> Iterator[dict[str, Any]]:
    """Return a block between the events `on_{kind}_begin` and `on_{kind}_end`, which comes after an error, too.

    The block writes the logs of the second event into the yielded dict."""
    logs: dict[str, Any] = {}
    getattr(callbacks, f"on_{kind}_begin")()
    try:
        yield logs
    finally:
        getattr(callbacks, f"on_{kind}_end")(logs)


class RowBuffer:
    """Arrays joined along their first axis. The memory is allocated once if the number of rows is known.

    Args:
        rows: the number of rows of all arrays, or None.

    >>> from hilevel.training.loop import RowBuffer
    >>> rows = RowBuffer(3)
    >>> rows.add(np.ones(2))
    >>> rows.add(np.zeros(1))
    >>> rows.result()
    array([1., 1., 0.])
    """

    def __init__(self, rows: int | None) -> None:
        self.rows = rows
        self.filled = 0
        self.memory: np.ndarray[Any, Any] | None = None
        self.parts: list[np.ndarray[Any, Any]] = []

    def add(self, array: np.ndarray[Any, Any]) -> None:
        """Add rows at the end."""
        if self.memory is None and self.rows is not None and array.ndim:
            self.memory = np.empty((self.rows, *array.shape[1:]), array.dtype)
        end = self.filled + len(array) if array.ndim else 0
        memory = self.memory
        if memory is None or memory[self.filled : end].shape != array.shape or memory.dtype != array.dtype:
            self.parts.append(array)
        else:
            memory[self.filled : end] = array
            self.filled = end

    def result(self) -> np.ndarray[Any, Any]:
        """Return all rows as one array."""
        first = [] if self.memory is None else [self.memory[: self.filled]]
        return np.concatenate(first + self.parts) if self.parts else first[0]


BUNDLE_BYTES = 32 * 2**20
"""The largest size of a bundle of batches, in bytes."""


class Execution(NamedTuple):
    """Steps that are run in one call: the indices of the first and the last, and their batches.

    The batches are separate, or one bundle of `bundled` batches."""

    first: int
    last: int
    batches: list[Any]
    bundled: int = 0


class Executions:
    """The runs of a step on the batches of epochs, one by one or in bundles.

    Args:
        step: the step.
        batches: the batches.
        size: `steps_per_execution`. With 1 and `"auto"` the size of a bundle is chosen for speed; with 1 only if no
            callback needs each batch.
        watched: whether a callback needs each batch.
    """

    def __init__(self, step: Step, batches: Batches, size: int | str, watched: bool) -> None:
        self.step = step
        self.batches: Any = batches
        self.size = 1 if isinstance(size, str) else size
        self.local = is_local(batches)
        self.bundled = 1 if watched and size == 1 else self._steps_of_a_bundle()

    def _steps_of_a_bundle(self) -> int:
        """Return the number of steps of a bundle.

        It is limited by the number of full batches, by `BUNDLE_BYTES`, by the backend, and by `size`."""
        batches = self.batches
        if not isinstance(batches, ArrayBatches) or self.step.programs is None:
            return 1
        full = batches.samples // batches.batch_size
        most = min(full, BUNDLE_BYTES // max(batches.batch_bytes, 1))
        if most > 1:
            most = min(most, self.step.programs.max_steps_per_call(batches.first()))
        if self.size == 1:
            return max(most, 1)
        return min(self.size, full) if most >= min(self.size, full) else 1

    def epoch(self, number: int, steps: int | None = None, start: int = 0) -> Iterator[Execution]:
        """Yield the executions of an epoch from batch `start` on, with at most `steps` batches."""
        first = start
        if self.bundled > 1 and steps is None:
            for batch, count in self.batches.bundles(number, self.bundled, start):
                if count < self.size > 1:  # the last execution has the rest of the batches, one by one
                    break
                yield Execution(first, first + max(count, 1) - 1, [batch], count)
                first += count
            else:
                return
        batches = self.batches.epoch(number, first, steps)
        while some := list(islice(batches, self.size)):
            yield Execution(first, first + len(some) - 1, some)
            first += len(some)

    def end_of(self, execution: Execution) -> int:
        """Return the index of the last step for callbacks. With `steps_per_execution` it is, as in Keras, the index of
        the last step of a full execution."""
        return execution.last if self.size == 1 else execution.first + self.size - 1

    def run(self, execution: Execution, add: Callable[..., None]) -> Any:
        """Run the steps, and return the result of the last one.

        `add` is called with the result of each step, or with all results of a bundle and the number of its steps."""
        if execution.bundled:
            result, every = self.step.run_many(execution.bundled, execution.batches[0], execution.first)
            add(every, execution.bundled)
            self.batches.mark_used()
            return result
        for number, batch in enumerate(execution.batches, execution.first):
            result = self.step.run(batch, self.local, number)
            add(result)
        self.batches.mark_used()
        return result


def ignore(result: object, count: int = 0) -> None:
    """Do nothing with the result of a step."""


@contextmanager
def _training_step(model: Trainer) -> Iterator[None]:
    """Return a block for a step that changes the model, on the model's present backend."""
    with model._home_scope(), model._training.access.step(model):
        yield


_STOPS = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}
"""The attributes by which callbacks end `fit`, `evaluate` and `predict`."""


def run_steps(
    model: Trainer, kind: str, executions: Executions, callbacks: CallbackList, interrupts: Interrupts, *,
    epoch: int = 0, start: int = 0, steps: int | None = None, add: Callable[..., None] = ignore,
    logs: Callable[[Any], Any] = Logs,
) -> Iterator[tuple[Execution, Any]]:  # fmt: skip
    """Run a step on the batches of an epoch, between the events of batches.

    Yield each execution with the result of its last step.

    Args:
        model: the model; a callback may move it to another backend.
        kind: "train", "test" or "predict".
        executions: the step and the batches.
        callbacks: the callbacks.
        interrupts: the handler of Ctrl-C.
        epoch: the index of the epoch.
        start: the index of its first batch.
        steps: the largest number of batches.
        add: a function that is called with the result of each step.
        logs: a function from the result of a step to the logs of the batch.
    """
    votes = Votes(model, stop=_STOPS[kind], interrupts=interrupts)
    begin, end = f"on_{kind}_batch_begin", f"on_{kind}_batch_end"
    unchanged = nullcontext()
    if kind != "train":
        setattr(model._training, _STOPS[kind], False)
    found = interrupts.read(executions.epoch(epoch, steps, start))
    for execution in votes.while_all_have(found) if executions.local else found:
        if kind == "train":
            model._training.execution = execution
        getattr(callbacks, begin)(execution.first)
        with _training_step(model) if kind == "train" else unchanged:
            result = executions.run(execution, add)
        if kind == "train":
            model._training.batch = execution.last + 1
        getattr(callbacks, end)(executions.end_of(execution), logs(result))
        votes.cast()
        interrupts.check()
        yield execution, result
        if kind != "train" and getattr(model._training, _STOPS[kind]):
            return
