"""Work in parts on several cores, with the same result however many there are.

NumPy gives up Python's lock while it computes, so plain threads are enough. A call costs 6 microseconds, and a thread
needs 20 to 70 to wake up: it pays where all parts together take some 200 microseconds, in parts of 20 or more.
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

Part = TypeVar("Part")
Result = TypeVar("Result")
MOST = 8
"""Threads at most where nobody said how many: beyond that they would wait for Python's lock."""
MOST_KEPT = 1 << 24
"""Bytes of an array for later use."""


@cache
def count() -> int:
    """How many threads work, that of the caller included: `HILEVEL_NUM_THREADS`, or one for each core that the process
    may use, at most eight. One where NumPy's linear algebra has threads of its own that cannot be bounded.

    Raises:
        ValueError: `HILEVEL_NUM_THREADS` is no positive integer.
    """
    wanted = os.environ.get("HILEVEL_NUM_THREADS", "")
    if wanted:
        if not wanted.isdigit() or int(wanted) < 1:
            raise ValueError(f"HILEVEL_NUM_THREADS must be a positive integer; got {wanted!r}.")
        return int(wanted)
    if not blas_is_known():
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MOST, len(affinity(0)) if affinity else os.cpu_count() or 1)


def parallel(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """`[function(part) for part in parts]`, on several threads; products of matrices inside use one thread each.

    Parts may run in any order and at the same time, so each writes to memory of its own. Divide the work by its size
    and not by the number of threads, and add results up in their order: then the result is the same on every machine.
    Inside a part everything runs in its thread. An exception in a part is raised here, once all that runs has ended.
    """
    with one_blas_thread():
        helpers = min(count(), len(parts)) - 1
        if helpers < 1 or _here.busy:
            return [function(part) for part in parts]
        job = _Job(function, parts)
        _pool().help(job, helpers)
        return job.finish()


class _Job(Generic[Part, Result]):
    """The parts of one call, which threads take one by one."""

    def __init__(self, function: Callable[[Part], Result], parts: Sequence[Part]) -> None:
        self.function, self.parts = function, parts
        self.left = deque(range(len(parts)))
        self.done: SimpleQueue[int] = SimpleQueue()
        self.results: list[Any] = [None] * len(parts)
        self.errors: list[tuple[int, BaseException]] = []

    def run(self) -> None:
        """Take parts until none is left; after an error without computing them."""
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
        """Take part, wait for the others, and hand over the results, or raise the error of the earliest part."""
        _here.busy = True
        try:
            self.run()
            for _ in self.parts:
                self.done.get()
        except BaseException as error:  # Ctrl-C while waiting: nobody begins another part
            self.errors.append((-1, error))
        finally:
            _here.busy = False
        if self.errors:
            raise min(self.errors, key=lambda error: error[0])[1]
        return self.results


class _Pool:
    """Threads that wait for jobs, as many as there were ever wanted at once. They end with the process."""

    def __init__(self) -> None:
        self.tickets: SimpleQueue[tuple[contextvars.Context, _Job[Any, Any]]] = SimpleQueue()
        self.size = 0
        self.lock = threading.Lock()

    def help(self, job: _Job[Any, Any], helpers: int) -> None:
        """Wake so many threads, each with the settings of the caller, those of `numpy.errstate` for instance."""
        if self.size < helpers:
            self._grow(helpers)
        for _ in range(min(helpers, self.size)):
            self.tickets.put((contextvars.copy_context(), job))

    def _grow(self, size: int) -> None:
        with self.lock:
            while self.size < size:
                try:
                    threading.Thread(target=self._work, name=f"hilevel-{self.size}", daemon=True).start()
                except RuntimeError:  # no more of them: the process is about to end, or there are none here
                    return
                self.size += 1

    def _work(self) -> None:
        _here.busy = True
        while True:
            settings, job = self.tickets.get()
            settings.run(job.run)
            del settings, job


class _Here(threading.local):
    """What belongs to a thread: whether it is inside a part, and its memory for what is only needed within one."""

    busy = False

    def __init__(self) -> None:
        self.memory: dict[tuple[str, np.dtype[Any]], np.ndarray[Any, Any]] = {}


_here = _Here()
_pool = cache(_Pool)


def scratch(name: str, shape: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array of this thread's own, with any numbers in it; the next call by that name uses its memory again."""
    size = prod(shape)
    memory = _here.memory.get((name, dtype))
    if memory is None or memory.size < size:
        memory = np.empty(size, dtype)
        if memory.nbytes <= MOST_KEPT:
            _here.memory[name, dtype] = memory
    return memory[:size].reshape(shape)


# -- the threads of NumPy's linear algebra -------------------------------------------------------------


class _Blas:
    """The number of threads of OpenBLAS, where that is what NumPy multiplies with; it is one number for the process."""

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
    """Its functions to get and to set the number of threads, under one of the names that builds give them."""
    core: Any = getattr(np, "_core", None) or np.core
    try:
        library = ctypes.CDLL(core._multiarray_umath.__file__)  # finds what it was linked with, too
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
    """Whether `one_blas_thread` does anything."""
    return _blas.set_threads is not None


def one_blas_thread() -> AbstractContextManager[None]:
    """A block in which products of matrices use the thread that asks for them and no other, in the whole process.

    OpenBLAS's threads spin for some 50 milliseconds after each product, in the way of all others.
    """
    return _blas


_blas = _Blas()


def _after_fork() -> None:
    """A child process has none of its parent's threads, and what they held locked stays so: begin anew."""
    global _blas
    if _blas.users and _blas.set_threads:
        _blas.set_threads(_blas.before)
    _blas = _Blas()
    _here.busy = False
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
