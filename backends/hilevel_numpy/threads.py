"""Work in parts on several cores, with results that do not depend on the number of threads.

NumPy releases Python's lock while it computes, so that plain threads suffice. A call costs 6 microseconds, and a thread
needs 20 to 70 to wake up. So all parts together should take at least 200 microseconds, and each part 20.
"""

from __future__ import annotations

import contextvars
import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from math import prod
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np

from hilevel.engine.machine import available_cores

Part = TypeVar("Part")
Result = TypeVar("Result")
MOST = 8
"""The maximum default number of threads. More threads would wait for Python's lock."""
MOST_KEPT = 1 << 24
"""The maximum size in bytes of a scratch array that is kept."""


@cache
def count() -> int:
    """Return the number of threads, including the caller's: `HILEVEL_NUM_THREADS`, or the number of usable cores.

    The default is at most eight. It is 1 if the threads of NumPy's linear algebra cannot be limited.

    Raises:
        ValueError: `HILEVEL_NUM_THREADS` is not a positive integer.
    """
    wanted = os.environ.get("HILEVEL_NUM_THREADS", "")
    if wanted:
        if not wanted.isdigit() or int(wanted) < 1:
            raise ValueError(f"HILEVEL_NUM_THREADS must be a positive integer; got {wanted!r}.")
        return int(wanted)
    if not blas_is_known():
        return 1
    return min(MOST, available_cores())


def parallel(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Return `[function(part) for part in parts]`, computed by several threads.

    Parts may run in any order and at the same time, so that each must write to its own memory. Matrix products in a
    part use one thread, and so does a nested call of `parallel`. An exception in a part is raised after all running
    parts have ended.

    Divide the work by its size, not by the number of threads, and add results in their order. Then results are the same
    on every machine.
    """
    with one_blas_thread():
        helpers = min(count(), len(parts)) - 1
        if helpers < 1 or _here.busy:
            return [function(part) for part in parts]
        job = _Job(function, parts)
        _pool().help(job, helpers)
        return job.finish()


class _Job(Generic[Part, Result]):
    """One call of `parallel`. Each thread takes the next part from a queue."""

    def __init__(self, function: Callable[[Part], Result], parts: Sequence[Part]) -> None:
        self.function, self.parts = function, parts
        self.left = deque(range(len(parts)))
        self.done: SimpleQueue[int] = SimpleQueue()
        self.results: list[Any] = [None] * len(parts)
        self.errors: list[tuple[int, BaseException]] = []

    def run(self) -> None:
        """Compute parts until the queue is empty; after an error, only empty it."""
        while self.left:
            try:
                i = self.left.popleft()
            except IndexError:
                return
            try:
                if not self.errors:
                    self.results[i] = self.function(self.parts[i])
            except BaseException as error:
                self.errors.append((i, error))
            self.done.put(i)

    def finish(self) -> list[Result]:
        """Compute parts, wait for the other threads, and return the results or raise the first part's error."""
        _here.busy = True
        try:
            self.run()
            for _ in self.parts:
                self.done.get()
        except BaseException as error:  # Ctrl-C while waiting: no thread begins another part
            self.errors.append((-1, error))
        finally:
            _here.busy = False
        if self.errors:
            raise min(self.errors, key=lambda error: error[0])[1]
        return self.results


class _Pool:
    """Threads that wait for jobs. Their number grows with the demand; they end with the process."""

    def __init__(self) -> None:
        self.tickets: SimpleQueue[tuple[contextvars.Context, _Job[Any, Any]]] = SimpleQueue()
        self.size = 0
        self.lock = threading.Lock()

    def help(self, job: _Job[Any, Any], helpers: int) -> None:
        """Wake `helpers` threads, each with the caller's context variables, such as `numpy.errstate`."""
        if self.size < helpers:
            self._grow(helpers)
        for _ in range(min(helpers, self.size)):
            self.tickets.put((contextvars.copy_context(), job))

    def _grow(self, size: int) -> None:
        with self.lock:
            while self.size < size:
                try:
                    threading.Thread(target=self._work, name=f"hilevel-{self.size}", daemon=True).start()
                except RuntimeError:  # the process is about to end, or the platform has no threads
                    return
                self.size += 1

    def _work(self) -> None:
        _here.busy = True
        while True:
            settings, job = self.tickets.get()
            settings.run(job.run)
            del settings, job


class _Here(threading.local):
    """The state of a thread: whether it is inside a part, and its scratch memory."""

    busy = False

    def __init__(self) -> None:
        self.memory: dict[tuple[str, np.dtype[Any]], np.ndarray[Any, Any]] = {}


_here = _Here()
_pool = cache(_Pool)


def scratch(name: str, shape: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return an uninitialized array of this thread. The next call with this name and dtype reuses its memory."""
    size = prod(shape)
    memory = _here.memory.get((name, dtype))
    if memory is None or memory.size < size:
        memory = np.empty(size, dtype)
        if memory.nbytes <= MOST_KEPT:
            _here.memory[name, dtype] = memory
    return memory[:size].reshape(shape)


# -- the threads of NumPy's linear algebra -------------------------------------------------------------


class _Blas:
    """A block in which OpenBLAS, if NumPy uses it, has one thread. The setting is global to the process."""

    def __init__(self) -> None:
        self.get_threads, self.set_threads = _functions_of_openblas()
        self.lock = threading.Lock()
        self.users = 0
        self.before = 1

    def __enter__(self) -> None:
        with self.lock:
            if self.users == 0 and self.get_threads and self.set_threads:
                self.before = self.get_threads()
                self.set_threads(1)
            self.users += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.set_threads:
                self.set_threads(self.before)


def _functions_of_openblas() -> tuple[Callable[[], int] | None, Callable[[int], object] | None]:
    """Return OpenBLAS's functions to get and set the number of threads. Their names depend on the build."""
    core: Any = getattr(np, "_core", None) or np.core
    try:
        library = ctypes.CDLL(core._multiarray_umath.__file__)  # also finds the symbols of linked libraries
    except OSError:
        return None, None
    for before in ("scipy_openblas", "openblas"):
        for after in ("64_", "", "_64_"):
            try:
                get, set_ = (
                    getattr(library, f"{before}_{verb}_num_threads{after}") for verb in ("get", "set")
                )
            except AttributeError:
                continue
            set_.argtypes, set_.restype = [ctypes.c_int], None
            return get, set_
    return None, None


def blas_is_known() -> bool:
    """Return whether `one_blas_thread` has an effect."""
    return _blas.set_threads is not None


def one_blas_thread() -> AbstractContextManager[None]:
    """Return a block in which matrix products use the calling thread only, in the whole process.

    OpenBLAS's own threads spin for some 50 milliseconds after each product, and so block all other threads.
    """
    return _blas


_blas = _Blas()


def _after_fork() -> None:
    """Reset the state in a child process, which has none of its parent's threads but their locks."""
    global _blas
    if _blas.users and _blas.set_threads:
        _blas.set_threads(_blas.before)
    _blas = _Blas()
    _here.busy = False
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
