"""Workers: the threads and processes that make the batches of a `PyDataset`."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any

from hilevel.engine.types import Function
from hilevel.random.reading import Reading
from hilevel.training.data.pydataset import PyDataset
from hilevel.training.data.read_ahead import ThreadWorker

DEFAULT_TIMEOUT = 600.0


def timeout() -> float:
    """Return the longest time for a batch in a worker, in seconds: `HILEVEL_WORKER_TIMEOUT`, or 600."""
    return float(os.environ.get("HILEVEL_WORKER_TIMEOUT") or DEFAULT_TIMEOUT)


class ProcessWorker:
    """A process that executes calls in their order."""

    def __init__(self) -> None:
        self._executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _prepare_process)
        self._pid = self._executor.submit(os.getpid)
        self._calls: set[Future[Any]] = set()

    def submit(self, function: Function, *args: Any) -> Future[Any]:
        """Execute a call after the earlier ones. Return its future, which has an error if the process has died."""
        try:
            future = self._executor.submit(function, *args)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return future

    def close(self, wait: float = 2.0) -> None:
        """End the process, after some seconds also during a call."""
        for call in self._calls.copy():
            call.cancel()
        _, running = futures.wait(self._calls.copy(), wait)
        if running and self._pid.done():
            with suppress(ProcessLookupError):
                os.kill(self._pid.result(), signal.SIGTERM)
        self._executor.shutdown(wait=True)


def _prepare_process() -> None:
    """Leave Ctrl-C to the main process, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@lru_cache(1)
def _load(path: str) -> Any:
    return pickle.loads(Path(path).read_bytes())


def _make(source: Any, reading: Reading, index: int) -> Any:
    """Return a batch of a data set."""
    with reading.scope():
        return source[index]


def _load_batch(path: str, reading: Reading, index: int) -> tuple[Any, str]:
    """Return a batch of the data set in a file, and the text of an error, in a process of a worker."""
    try:
        return _make(_load(path), reading, index), ""
    except Exception:
        return None, traceback.format_exc()


class WorkerPool:
    """The workers of a data set. Worker `w` of `n` makes the batches `w`, `w + n`, ... of an epoch.

    Args:
        source: a data set with `workers`, `use_multiprocessing` and `max_queue_size`.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self.processes: bool = source.use_multiprocessing
        self._workers: list[Any] = []
        self._waiting: deque[tuple[Future[Any], int, int]] = deque()
        self._folder: Any = None
        self._path = ""

    @classmethod
    def of(cls, source: Any) -> WorkerPool | None:
        """Return the workers of a data set; None if its batches are made in the thread that calls `fit`."""
        workers = getattr(source, "workers", 1)
        several = workers > 1 or (workers > 0 and getattr(source, "use_multiprocessing", False))
        return cls(source) if several else None

    def read(self, items: Iterator[tuple[Reading, int]]) -> Iterator[Any]:
        """Yield the batches of places and indices in their order. At most `max_queue_size` are made ahead.

        Raises:
            RuntimeError: a worker raised an error, or its process died.
            TimeoutError: a batch took longer than `timeout()`.
            TypeError: the data set cannot be pickled for a process.
        """
        self._drop()
        load = self._loader()
        kind = ProcessWorker if self.processes else ThreadWorker
        while len(self._workers) < self.source.workers:
            self._workers.append(kind())
        for (reading, index), (worker, executor) in zip(items, cycle(enumerate(self._workers))):
            self._waiting.append((executor.submit(*load, reading, index), index, worker))
            if len(self._waiting) > self.source.max_queue_size:
                yield self._wait(*self._waiting.popleft())
        while self._waiting:
            yield self._wait(*self._waiting.popleft())

    def _drop(self) -> None:
        """Drop the calls of an epoch that was not read to its end."""
        while self._waiting:
            self._waiting.popleft()[0].cancel()

    def _loader(self) -> tuple[Any, ...]:
        """Return the function that makes a batch, with its first arguments."""
        if not self.processes:
            return _make, self.source
        if not self._path or _has_events(self.source):
            data = self._pickled()
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="hilevel-")
            if self._path:
                os.unlink(self._path)
            handle, self._path = tempfile.mkstemp(dir=self._folder.name)
            with open(handle, "wb") as file:
                file.write(data)
        return _load_batch, self._path

    def _pickled(self) -> bytes:
        try:
            with Reading().scope():
                return pickle.dumps(self.source)
        except Exception as error:
            raise TypeError(
                f"use_multiprocessing=True requires that the {type(self.source).__name__} can be pickled: {error}. "
                "Define its class in a module, and open files in __getitem__; or use threads "
                "(use_multiprocessing=False)."
            ) from error

    def _wait(self, future: Future[Any], index: int, worker: int) -> Any:
        """Return a batch when it is made."""
        label = f"Worker {worker} of {self.source.workers} of the {type(self.source).__name__}"
        limit = timeout()
        try:
            batch = future.result(limit)
        except BrokenProcessPool as error:
            raise RuntimeError(
                f"{label} died while it made batch {index}: its process ended. Its memory may have run out. In a "
                'script, call fit below `if __name__ == "__main__":`, because a worker imports the script.'
            ) from error
        except Exception as error:
            if not future.done():
                raise TimeoutError(
                    f"{label} has not made batch {index} in {limit:g} seconds. The environment variable "
                    "HILEVEL_WORKER_TIMEOUT sets the limit, in seconds."
                ) from None
            raise RuntimeError(f"{label} failed on batch {index}: {type(error).__name__}: {error}") from error
        if self.processes:
            batch, text = batch
            if text:
                raise RuntimeError(f"{label} failed on batch {index}:\n{text}")
        return batch

    def close(self) -> None:
        """End the workers. They start again when they are needed."""
        self._drop()
        while self._workers:
            self._workers.pop().close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder, self._path = None, ""


def _has_events(source: Any) -> bool:
    """Whether the class of a data set defines an event, which may change it between epochs."""
    return any(
        getattr(type(source), name, None) is not getattr(PyDataset, name)
        for name in ("on_epoch_begin", "on_epoch_end")
    )
