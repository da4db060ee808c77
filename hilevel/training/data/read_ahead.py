"""Reading ahead: the next batch is read in a thread while the present one is used.

With the environment variable `HILEVEL_READ_AHEAD=0` all batches are read in the thread that uses them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any
from weakref import finalize

from hilevel.engine.context import context, scope
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Function

SLOW = 0.001
"""The least time for an item, in seconds, at which the next one is read ahead. A thread costs 0.05 ms for an item."""
END = object()
"""The item after the last one."""


class ThreadWorker:
    """A thread that executes calls in their order, on the present backend.

    Unlike the threads of `concurrent.futures` it does not keep the process alive if a call never returns.

    >>> from hilevel.training.data.read_ahead import ThreadWorker
    >>> worker = ThreadWorker()
    >>> worker.submit(pow, 2, 3).result()
    8
    >>> worker.close()
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Any] = SimpleQueue()
        self._thread = Thread(
            target=_run, args=(self._calls, context.backend), name="hilevel-data", daemon=True
        )
        self._thread.start()
        finalize(self, self._calls.put, None)

    def submit(self, function: Function, *args: Any) -> Future[Any]:
        """Execute a call after the earlier ones. Return its future."""
        future: Future[Any] = Future()
        self._calls.put((future, function, args))
        return future

    def close(self, wait: float = 2.0) -> None:
        """Drop the waiting calls, and wait for the running one, at most some seconds."""
        while not self._calls.empty():
            self._calls.get()[0].cancel()
        self._calls.put(None)
        self._thread.join(wait)


def _run(calls: SimpleQueue[Any], backend: Backend | None) -> None:
    """Execute calls on a backend, up to None."""
    with scope(backend=backend):
        while (call := calls.get()) is not None:
            _execute(*call)
            del call  # a waiting thread keeps no batch


def _execute(future: Future[Any], function: Function, args: tuple[Any, ...]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(function(*args))
        except BaseException as error:
            future.set_exception(error)


class ReadAhead:
    """The items of an iterator, of which one may be read before it is needed.

    Args:
        items: the iterator.

    >>> from hilevel.training.data.read_ahead import ReadAhead
    >>> items = ReadAhead(iter([1, 2]))
    >>> items.peek(), items.take(), items.take(), items.has_next()
    (1, 1, 2, False)
    """

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self._kept: list[Any] = []
        self._future: Future[Any] | None = None
        self._worker: ThreadWorker | None = None
        self._slow = False

    def has_next(self) -> bool:
        """Return True if there is a next item. It is read, and stays."""
        return self.peek() is not END

    def peek(self) -> Any:
        """Return the next item, which stays; `END` after the last one."""
        if not self._kept:
            self._kept.append(self._read() if self._future is None else _result(self._future))
            self._future = None
        return self._kept[0]

    def take(self) -> Any:
        """Return the next item."""
        item = self.peek()
        self._kept.clear()
        return item

    def start(self) -> None:
        """Begin to read the next item in a thread, if the last one was slow."""
        if self._slow and not self._kept and self._future is None:
            self._worker = self._worker or ThreadWorker()
            self._future = self._worker.submit(self._read)

    def __iter__(self) -> Iterator[Any]:
        while (item := self.take()) is not END:
            self.start()
            yield item

    def _read(self) -> Any:
        began = time.perf_counter()
        item = next(self._items, END)
        self._slow = time.perf_counter() - began > SLOW and os.environ.get("HILEVEL_READ_AHEAD") != "0"
        return item

    def close(self) -> None:
        """End the thread. An item that it has read stays."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
            if self._future is not None and self._future.cancelled():
                self._future = None


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except Exception as error:
        error.add_note(
            "hilevel read this batch in a thread, while the step before it ran. HILEVEL_READ_AHEAD=0 turns this off."
        )
        raise
