"""CuPy as a backend of hilevel."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import cupy
import cupyx
import cupyx.scipy.special
import numpy as np
from hilevel_numpy.packing import pack

from hilevel import ops
from hilevel.engine import protocol
from hilevel.engine.backends import get_backend
from hilevel.engine.compile.capture import Call, CapturedTensor, ValueId
from hilevel.engine.compile.replay import ReplayedFunction
from hilevel.engine.memory import MemoryInfo
from hilevel.engine.protocol import Override, Overrides, Update
from hilevel.engine.types import Array, Function, Index
from hilevel_cupy.fusion import fuse
from hilevel_cupy.graphs import GraphStep
from hilevel_cupy.joining import MAX_PARTS
from hilevel_cupy.updates import Packed

_HAS_ATOMICS = {
    "add": ("float16", "float32", "float64", "int32", "uint32", "uint64"),
    "max": ("float32", "float64", "int32", "uint32", "uint64"),
    "min": ("float32", "float64", "int32", "uint32", "uint64"),
}


_UFUNCS = {"add": cupy.add, "max": cupy.maximum, "min": cupy.minimum}


class Backend(protocol.Backend):
    """CuPy: the protocol's defaults for an eager array module, on a GPU.

    Ops copy NumPy arrays to the GPU. Sums of several updates of one element may differ in the last digit from run to
    run, as the GPU adds them in any order.
    """

    name = "cupy"
    xp = cupy
    array_types = (cupy.ndarray, CapturedTensor)
    requires = "cupy"
    takes_host_arrays = False

    def __init__(self) -> None:
        super().__init__()
        try:
            self._count = int(cupy.cuda.runtime.getDeviceCount())
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise ImportError(f"CuPy is installed, but finds no CUDA device: {error}") from error
        self.overrides = Overrides({"hilevel.optimizers.updates": "hilevel_cupy.updates"})
        self.overrides[ops.erf] = Override(lambda xp, x: getattr(xp, "erf", cupyx.scipy.special.erf)(x))

    def to_numpy(self, x: Array) -> np.ndarray[Any, Any]:
        """Copy an array from the device."""
        return cupy.asnumpy(x) if isinstance(x, cupy.ndarray) else np.array(x)

    def copy(self, x: Array) -> Array:
        """Return a copy on the device of the array."""
        return x.copy()

    def synchronize(self) -> None:
        """Wait for the current stream."""
        cupy.cuda.get_current_stream().synchronize()

    def compile(self, function: Function, donate: bool = True) -> Function:
        """Return a function that captures two runs, and then replays them."""
        return ReplayedFunction(function, self)

    def pack(self, updates: Sequence[Update]) -> tuple[dict[int, Array], list[Function]]:
        """Allocate the weights in one flat buffer, and each kind of slot in another."""
        return pack(cupy, updates, Packed, most=MAX_PARTS)

    def fuse(self, calls: Sequence[Call], specs: Sequence[Any], outputs: Iterable[ValueId]) -> list[Call]:
        """Return calls with one kernel for each chain of element-wise calls."""
        return fuse(calls, specs, outputs)

    launcher = GraphStep if os.environ.get("HILEVEL_CUPY_GRAPHS", "1") != "0" else None

    def devices(self) -> list[str]:
        """Return the names of the CUDA devices."""
        return [f"cuda:{i}" for i in range(self._count)]

    def device(self, name: str) -> AbstractContextManager[None]:
        """Return a `cupy.cuda.Device` as a block."""
        device: AbstractContextManager[None] = cupy.cuda.Device(self.device_index(name))
        return device

    def memory_info(self, device: str = "") -> MemoryInfo:
        """Return the memory of CuPy's pool and of the GPU. The peak is the largest size of the pool."""
        with self.device(device or self.devices()[0]):
            pool = cupy.get_default_memory_pool()
            return MemoryInfo(pool.used_bytes(), pool.total_bytes(), cupy.cuda.runtime.memGetInfo()[1])

    def scatter(self, x: Array, index: Index, updates: Array, reduction: str | None = None) -> Array:
        """Return a copy of `x` with updates, by atomic operations of the GPU, or on the host for other dtypes."""
        if reduction is not None and x.dtype.name not in _HAS_ATOMICS.get(reduction, ()):
            return self._scatter_on_host(x, index, updates, reduction)
        out = x.copy()
        if reduction is None:
            out[index] = updates
        else:
            _UFUNCS[reduction].at(out, index, updates)
        return out

    def _scatter_on_host(self, x: Array, index: Index, updates: Array, reduction: str) -> Array:
        parts = index if isinstance(index, tuple) else (index,)
        key = tuple(self.to_numpy(i) if isinstance(i, cupy.ndarray) else i for i in parts)
        host = get_backend("numpy").scatter(self.to_numpy(x), key, self.to_numpy(updates), reduction)
        return cupy.asarray(host)

    def philox(self, seed: int | Array, draw: int | Array, blocks: int) -> Array:
        """Generate words by one kernel, in which each thread computes a block of four words."""
        words = cupy.empty(4 * blocks, dtype=cupy.uint64)
        key, counter = (cupy.asarray(v).astype(cupy.uint64).reshape(1) for v in (seed, draw))
        _philox(key, counter, words, size=blocks)
        return words


_philox = cupy.ElementwiseKernel(
    "raw uint64 seed, raw uint64 draw",
    "raw uint64 words",
    """
    unsigned long long c0 = i, c1 = draw[0], c2 = 0, c3 = 0, k0 = seed[0], k1 = 0;
    for (int step = 0; step < 10; ++step) {
        unsigned long long h0 = __umul64hi(0xD2E7470EE14C6C93ULL, c0), l0 = 0xD2E7470EE14C6C93ULL * c0;
        unsigned long long h1 = __umul64hi(0xCA5A826395121157ULL, c2), l1 = 0xCA5A826395121157ULL * c2;
        c0 = h1 ^ c1 ^ k0; c1 = l1; c2 = h0 ^ c3 ^ k1; c3 = l0;
        k0 += 0x9E3779B97F4A7C15ULL; k1 += 0xBB67AE8584CAA73BULL;
    }
    words[4 * i] = c0; words[4 * i + 1] = c1; words[4 * i + 2] = c2; words[4 * i + 3] = c3;
    """,
    "hilevel_philox",
)
