"""CUDA graphs: a replayed step as few commands for the GPU, instead of a command for each kernel.

A graph contains addresses. So a program keeps the arrays of its Variables, and data are copied to buffers.
Intermediate results have a memory pool of their own. CuPy does not call cuBLAS during a capture. So a product of
matrices runs between two graphs, and writes its result to the same memory each time.
"""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import cupy

from hilevel import tree
from hilevel.engine.types import Array, Function

TOLERANCE = 1e-3
"""The largest difference between the graphs and the step, relative to the largest element of an array."""


class GraphStep:
    """A step of a program that runs as CUDA graphs.

    The first call runs the step and then the graphs, and compares all arrays. Later calls launch the graphs. If the
    arrays differ, or if the step cannot be captured, a warning says why, and the step runs as usual.

    Args:
        source: the source of a function `step(variables, data)` without branches. The arrays of Variables are the same
            in all calls, and the step writes to them.
        names: the constants in the source, and the function.
    """

    def __init__(self, source: str, names: Mapping[str, Any]) -> None:
        self.step: Function = names["step"]
        self.parts: list[Callable[[], object]] = []
        self.refused = ""
        self.result: Any = None
        self._lines = [line.strip() for line in source.splitlines()[1:]]
        self._names = dict(names)
        self._inputs: list[Array] = []
        self._pool: Any = None

    def __call__(self, variables: Sequence[Array], data: Sequence[Array]) -> Any:
        if self.refused:
            return self.step(variables, data)
        if not self.parts:
            return self._try(variables, data)
        _write(self._inputs, data)
        return self._replay()

    def _replay(self) -> Any:
        for part in self.parts:
            part()
        return _copies(self.result)

    def _try(self, variables: Sequence[Array], data: Sequence[Array]) -> Any:
        """Run the step, and then the graphs. Keep the graphs if the arrays of results and Variables are the same."""
        cupy.get_default_memory_pool().free_all_blocks()  # the memory of earlier runs without a graph
        self._inputs, before = _copies(list(data)), _copies(list(variables))
        self._pool = cupy.cuda.MemoryPool()
        stream = cupy.cuda.Stream(non_blocking=True)
        with _apart(stream, self._pool):  # CuPy compiles kernels and opens libraries in this run
            wanted = _copies(self.step(variables, self._inputs))
        after = _copies(list(variables))
        _write(variables, before)
        try:
            with _apart(stream, self._pool):
                self._capture(stream, variables)
            _write(variables, before)
            found = self._replay()
            if not _agree([found, list(variables)], [wanted, after]):
                self.refused = "its results differ from the results of the step"
        except Exception as error:
            self.refused = str(error)
        except BaseException:
            _write(variables, before)
            raise
        if not self.refused:
            return found
        self.parts, self._pool, self.result = [], None, None
        _write(variables, after)
        warnings.warn(
            f"A compiled step runs without CUDA graphs, and more slowly: {self.refused}.",
            RuntimeWarning,
            stacklevel=2,
        )
        return wanted

    def _capture(self, stream: Any, variables: Sequence[Array]) -> None:
        """Make graphs of the lines of the step, and launch them. Lines that cannot be captured run between them."""
        values = {"variables": list(variables), "data": self._inputs}
        stream.begin_capture()
        captured = 0
        for line in self._lines[:-1]:
            try:
                with _without_host_memory():
                    exec(line, self._names, values)
                captured += 1
            except Exception as error:
                self._launch(stream, captured, f"the call {line} raised {type(error).__name__}: {error}")
                exec(line, self._names, values)
                self.parts.append(_repeated(line, self._names, values))
                stream.begin_capture()
                captured = 0
        self.result = eval(self._lines[-1].removeprefix("return "), self._names, values)
        self._launch(stream, captured, "the capture did not end")

    def _launch(self, stream: Any, captured: int, failure: str) -> None:
        """End a capture, and launch its graph if there are lines in it."""
        try:
            graph = stream.end_capture()
        except Exception:
            raise RuntimeError(failure) from None
        if captured:
            self.parts.append(graph.launch)
            graph.launch()


def _repeated(line: str, names: Mapping[str, Any], values: Mapping[str, Any]) -> Callable[[], object]:
    """Return a function that makes the call of a line again, and writes the results to their memory."""
    statement: Any = ast.parse(line).body[0]
    call = statement.value
    same = {name: _alias(x) for name, x in values.items() if name in line}

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<replayed step>", "eval"), dict(names), same)

    function = value(call.func)
    args, options = [value(a) for a in call.args], {k.arg: value(k.value) for k in call.keywords}
    if not isinstance(statement, ast.Assign):
        return partial(function, *args, **options)
    (target,) = statement.targets
    kept = value(ast.parse(ast.unparse(target), mode="eval").body) if ast.unparse(target) != "_" else None
    if function is cupy.matmul and kept is not None:
        product = cupy.dot if args[0].ndim == args[1].ndim == 2 else cupy.matmul  # no generalized ufunc
        return partial(product, *args, out=kept)
    return lambda: _write(tree.flatten(kept), tree.flatten(function(*args, **options)))


def _alias(x: Any) -> Any:
    """Return an array in the same memory, which does not keep the memory from other uses in the step."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(_alias, x))
    if not isinstance(x, cupy.ndarray):
        return x
    memory = cupy.cuda.UnownedMemory(x.data.ptr, max(x.nbytes, 1), None, x.data.device_id)
    return cupy.ndarray(x.shape, x.dtype, cupy.cuda.MemoryPointer(memory, 0), x.strides)


def _write(targets: Sequence[Any], arrays: Sequence[Any]) -> None:
    for target, array in zip(targets, arrays, strict=True):
        if isinstance(target, cupy.ndarray):
            target[...] = array


def _copies(result: Any) -> Any:
    """Return arrays in memory that the next run does not overwrite."""
    return tree.map_structure(lambda x: x.copy() if isinstance(x, cupy.ndarray) else x, result)


def _agree(found: Any, wanted: Any) -> bool:
    """Return whether all arrays of two structures are close."""
    return all(_are_close(a, b) for a, b in zip(tree.flatten(found), tree.flatten(wanted), strict=True))


def _are_close(a: Any, b: Any) -> bool:
    """Return whether arrays are equal, apart from the rounding of sums in another order."""
    if not isinstance(a, cupy.ndarray) or not a.size:
        return True
    if a.dtype.kind != "f":
        return bool((a == b).all())
    a, b = a.astype("float64"), b.astype("float64")
    limit = TOLERANCE * cupy.abs(cupy.where(cupy.isfinite(b), b, 0)).max() + 1e-12
    return bool(((cupy.abs(a - b) <= limit) | (a == b) | (cupy.isnan(a) & cupy.isnan(b))).all())


@contextmanager
def _apart(stream: Any, pool: Any) -> Iterator[None]:
    """Return a block in a stream and with a memory pool, between the work before and after it."""
    around = cupy.cuda.get_current_stream()
    stream.wait_event(around.record())
    with stream, cupy.cuda.using_allocator(pool.malloc):
        try:
            yield
        finally:
            # An interrupted capture has no work to wait for.
            with suppress(cupy.cuda.runtime.CUDARuntimeError):
                around.wait_event(stream.record())


_capturing = threading.local()


@contextmanager
def _without_host_memory() -> Iterator[None]:
    """Return a block in which this thread copies nothing from the host's memory to the GPU.

    CuPy copies through a buffer of pinned memory, which it uses again afterwards. A graph would read it then.
    """
    usual = cupy.get_default_pinned_memory_pool().malloc

    def allocate(size: int) -> Any:
        if getattr(_capturing, "now", False):
            raise RuntimeError("A CUDA graph cannot copy from the host's memory.")
        return usual(size)

    _capturing.now = True
    cupy.cuda.set_pinned_memory_allocator(allocate)
    try:
        yield
    finally:
        cupy.cuda.set_pinned_memory_allocator(usual)
        _capturing.now = False
