"""What the stand-in for CuPy has of CUDA: kernels compiled for the host, streams, memory pools and captured graphs.

A graph is as strict as CUDA's. Calls during a capture do not run, read no values, and copy nothing from the host. A
launch repeats them on the memory that they had in the capture, whatever its contents are then.
"""

from __future__ import annotations

import ctypes
import hashlib
import pathlib
import subprocess
import tempfile
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Compute = Callable[[], Any]


class CUDARuntimeError(RuntimeError):
    """What a missing device raises, and an operation that a capture does not permit."""


# -- captured graphs --------------------------------------------------------------------------------


class Graph:
    """The calls of a capture, each with the memory of its results."""

    def __init__(self) -> None:
        self.calls: list[tuple[Compute, list[np.ndarray[Any, Any]]]] = []
        self.launches = 0
        self.is_valid = True

    def launch(self, stream: Any = None) -> None:
        self.launches += 1
        for compute, results in self.calls:
            for memory, new in zip(results, arrays_in(compute()), strict=False):
                if not np.shares_memory(memory, new):
                    memory[...] = new


_capture: Graph | None = None


def arrays_in(x: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays of a result."""
    if isinstance(x, (tuple, list)):
        return [a for item in x for a in arrays_in(item)]
    return [np.asarray(x)] if isinstance(x, (np.ndarray, np.generic)) else []


def computed(compute: Compute) -> Any:
    """A result on the device; in a capture its memory, without the values that it will have."""
    if _capture is None:
        result = compute()
        if _kept is not None:
            _kept.append(result)
        return result
    result = _as_arrays(compute())
    _capture.calls.append((compute, arrays_in(result)))
    return result


def _as_arrays(x: Any) -> Any:
    """A result whose scalars are arrays, which have memory."""
    if isinstance(x, (tuple, list)):
        return type(x)(*map(_as_arrays, x)) if hasattr(x, "_fields") else type(x)(map(_as_arrays, x))
    return np.array(x) if isinstance(x, np.generic) else x


def changed(change: Compute) -> None:
    """A change in place; in a capture it is for later."""
    if _capture is None:
        change()
    else:
        _capture.calls.append((change, []))


def synchronized() -> None:
    """The host waits for values. A capture does not permit it, and cannot be ended after it."""
    if _capture is not None:
        _capture.is_valid = False
        raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: not permitted when stream is capturing")


def calls_cublas() -> None:
    """CuPy does not call cuBLAS in a capture. This leaves the capture as it is."""
    if _capture is not None:
        raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")


# -- streams and memory -----------------------------------------------------------------------------


class Stream:
    """A stream. Only one may capture at a time."""

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.non_blocking = non_blocking

    def __enter__(self) -> Stream:
        _streams.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert _streams.pop() is self

    def synchronize(self) -> None:
        synchronized()

    def record(self) -> object:
        if _capture is not None:
            raise CUDARuntimeError("an event of a captured stream cannot be waited for")
        return object()

    def wait_event(self, event: object) -> None:
        assert event is not None

    def begin_capture(self, mode: int | None = None) -> None:
        global _capture
        assert self.non_blocking and _streams[-1] is self and _capture is None
        _capture = Graph()

    def end_capture(self) -> Graph:
        global _capture
        graph, _capture = _capture, None
        assert graph is not None
        if not graph.is_valid:
            raise CUDARuntimeError("cudaErrorStreamCaptureInvalidated")
        return graph


_streams = [Stream(null=True)]


class MemoryPool:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def free_all_blocks(self) -> None:
        synchronized()

    def malloc(self, size: int) -> Any:
        raise AssertionError("the stand-in has NumPy's memory")


_kept: list[Any] | None = None
"""The arrays that were made with the allocator of a pool. A pool does not give their memory back."""


@contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    global _kept
    _kept = allocator.__self__.kept
    try:
        yield
    finally:
        _kept = None


class UnownedMemory:
    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr = ptr


class MemoryPointer:
    def __init__(self, mem: UnownedMemory, offset: int) -> None:
        self.ptr = mem.ptr + offset


def array_at(memptr: MemoryPointer, shape: Any, dtype: Any, strides: Any) -> np.ndarray[Any, Any]:
    """The array at an address."""
    element = np.ctypeslib.as_array((ctypes.c_char * max(dtype.itemsize, 1)).from_address(memptr.ptr))
    return np.lib.stride_tricks.as_strided(element.view(dtype), shape, strides)


class PinnedMemoryPool:
    def malloc(self, size: int) -> object:
        return object()


_pinned_pool = PinnedMemoryPool()
_pinned_allocator: Callable[[int], object] = _pinned_pool.malloc


def set_pinned_memory_allocator(allocator: Callable[[int], object]) -> None:
    global _pinned_allocator
    _pinned_allocator = allocator


def sent(x: np.ndarray[Any, Any]) -> None:
    """An array is copied to the device through pinned memory; a scalar is an argument of a kernel."""
    if x.ndim:
        _pinned_allocator(x.nbytes)
        assert _capture is None, "the graph would copy from memory that has other contents by then"


# -- kernels ----------------------------------------------------------------------------------------

C_TYPES = {
    "bool": "_Bool", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int",
    "uint64": "unsigned long long", "float16": "float16", "float32": "float", "float64": "double",
}  # fmt: skip
HEADER = """
#include <tgmath.h>
#include <stdbool.h>
typedef _Float16 float16;
#define __umul64hi(a, b) ((unsigned long long)(((unsigned __int128)(a) * (b)) >> 64))
"""


class Parameter:
    """A parameter of a kernel, such as `raw float32 x`."""

    def __init__(self, text: str) -> None:
        *words, kind, self.name = text.split()
        self.raw, self.dtype, self.kind = "raw" in words, np.dtype(kind), C_TYPES[kind]


class ElementwiseKernel:
    """A kernel over elements, compiled for the host."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str, preamble: str = ""
    ) -> None:
        assert name.isidentifier()
        self.inputs, self.outputs = (
            [Parameter(p) for p in text.split(",")] for text in (in_params, out_params)
        )
        assert len(self.inputs) + len(self.outputs) <= 110, "too many parameters for CUDA"
        every = [*self.inputs, *self.outputs]
        scalars = [p for p in every if not p.raw]
        arguments = ", ".join(f"{p.kind} *{p.name if p.raw else f'{p.name}_'}" for p in every)
        loads = "\n".join(f"{p.kind} {p.name} = {p.name}_[i];" for p in scalars)
        stores = "\n".join(f"{p.name}_[i] = {p.name};" for p in self.outputs if not p.raw)
        self.name = name
        self.parameters = in_params, out_params, operation
        kernels[self.parameters] = self
        self.source = (
            f"{HEADER}\nvoid {name}({arguments}, long n)\n"
            f"{{ for (long i = 0; i < n; ++i) {{\n{loads}\n{operation}\n{stores}\n}} }}\n"
        )

    def cuda_source(self) -> str:
        """The kernel as CuPy writes it for a GPU, with one axis."""
        arguments, loads = [], []
        for k, p in enumerate([*self.inputs, *self.outputs]):
            kind = p.kind.replace("_Bool", "bool")
            arguments.append(f"CArray<{kind}, 1, 1, 1> {p.name if p.raw else f'_raw_{p.name}'}")
            const = "const " if k < len(self.inputs) else ""
            loads += [] if p.raw else [f"{const}{kind} &{p.name} = _raw_{p.name}[_ind.get()];"]
        includes = "".join(f"#include <cupy/{h}.cuh>\n" for h in ("complex", "carray", "atomics", "float16"))
        return (
            f'{includes}extern "C" __global__ void {self.name}({", ".join(arguments)}, CIndexer<1, 1> _ind)\n'
            f"{{ CUPY_FOR(i, _ind.size()) {{ _ind.set(i);\n{' '.join(loads)}\n{self.parameters[2]};\n}} }}\n"
        )

    def run(self, arrays: list[Any], size: int | None) -> Any:
        """Computes on arrays of NumPy; returns new arrays for outputs that are not given."""
        every = [*self.inputs, *self.outputs]
        assert len(arrays) in (len(self.inputs), len(every))
        given = []
        for p, a in zip(every, arrays, strict=False):
            if isinstance(a, np.ndarray) and a.dtype != p.dtype:
                raise TypeError(f"Type is mismatched. {p.name} {a.dtype} {p.dtype}")
            given.append(np.asarray(a, p.dtype))
        shape = np.broadcast_shapes(*[a.shape for p, a in zip(every, given, strict=False) if not p.raw])
        out = given[len(self.inputs) :] or [np.empty(shape, p.dtype) for p in self.outputs]
        memory = []
        for p, a in zip(every, [*given[: len(self.inputs)], *out], strict=True):
            memory.append(
                a
                if p.raw and a.flags.c_contiguous
                else np.ascontiguousarray(a if p.raw else np.broadcast_to(a, shape))
            )
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in memory]
        count = int(np.prod(shape, dtype=int)) if size is None else size
        getattr(self._library(), self.name)(*pointers, ctypes.c_long(count))
        for a, new in zip(out, memory[len(self.inputs) :], strict=True):
            a[...] = new.reshape(a.shape)
        return out[0] if len(out) == 1 else tuple(out)

    def _library(self) -> Any:
        key = hashlib.sha1(self.source.encode()).hexdigest()[:16]
        if key not in _libraries:
            path = pathlib.Path(tempfile.gettempdir()) / f"{self.name}-{key}.so"
            if not path.exists():
                part = path.with_suffix(f".{id(self)}")
                command = ["cc", "-x", "c", "-O1", "-shared", "-fPIC", "-o", str(part), "-", "-lm"]
                subprocess.run(command, input=self.source.encode(), check=True)
                part.replace(path)
            _libraries[key] = ctypes.CDLL(str(path))
        return _libraries[key]


_libraries: dict[str, Any] = {}
kernels: dict[tuple[str, str, str], ElementwiseKernel] = {}
"""All kernels that were made, by parameters and operation."""


def module_of(new_module: Callable[..., types.ModuleType], runtime: types.ModuleType) -> types.ModuleType:
    """The module `cupy.cuda`."""
    return new_module(
        "cupy.cuda", runtime=runtime, Stream=Stream, Graph=Graph, MemoryPool=MemoryPool,
        UnownedMemory=UnownedMemory, MemoryPointer=MemoryPointer,
        get_current_stream=lambda: _streams[-1], using_allocator=using_allocator,
        set_pinned_memory_allocator=set_pinned_memory_allocator,
    )  # fmt: skip
