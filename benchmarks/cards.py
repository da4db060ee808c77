"""The GPU: whether it is there, when it is done, and how fast it multiplies and copies.

`python benchmarks/cards.py LIBRARY DEVICE [--rates]` prints, as JSON, the library's name of the card, or its rates.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from worker import Timer, seconds

LIBRARIES = ("torch", "cupy", "jax")
SIDE = {"cuda": 8192, "cpu": 256}  # of the square matrices: on a GPU much larger than its cache
CALLS, ROUNDS = 10, 5


def cuda_devices() -> int:
    """Return the number of cards of the driver; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    known = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if known else 0


def card(library: str) -> str:
    """Return the name of the first GPU; an error where the library sees none."""
    if library == "torch":
        import torch

        return str(torch.cuda.get_device_name())
    if library == "cupy":
        import cupy

        return str(cupy.cuda.runtime.getDeviceProperties(0)["name"].decode())
    import jax

    return str(jax.devices("cuda")[0].device_kind)


# -- time ------------------------------------------------------------------------------------------------


def torch_events(call: Callable[[], Any]) -> float:
    """Return the seconds between two events of PyTorch's stream."""
    import torch

    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    call()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3


def cupy_events(call: Callable[[], Any]) -> float:
    """Return the seconds between two events of CuPy's stream."""
    import cupy

    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    begin.record()
    call()
    end.record()
    end.synchronize()
    return float(cupy.cuda.get_elapsed_time(begin, end)) / 1e3


def jax_ready(call: Callable[[], Any]) -> float:
    """Return the seconds by the clock until all arrays of JAX are there: it has no events."""
    import jax

    begin = time.perf_counter()
    result = call()
    jax.block_until_ready((result, jax.live_arrays()))
    return time.perf_counter() - begin


def timer(library: str, device: str) -> Timer:
    """Return the timer of a library's calls; on the CPU PyTorch waits by itself."""
    if library == "jax":
        return jax_ready
    events = {"torch": torch_events, "cupy": cupy_events}
    return seconds if device == "cpu" else events[library]


# -- rates -----------------------------------------------------------------------------------------------


def on_device(library: str, device: str, numbers: Any) -> tuple[Any, Callable[[], Any]]:
    """Return the values as an array of the library, and the function that copies it."""
    if library == "torch":
        import torch

        x = torch.from_numpy(numbers).to(device)
        return x, x.clone
    if library == "cupy":
        import cupy

        x = cupy.asarray(numbers)
    else:
        import jax.numpy as jnp

        x = jnp.asarray(numbers)
    return x, x.copy


def rates(library: str, device: str) -> dict[str, Any]:
    """Return the operations a second of a float32 product of square matrices, and the bytes a second of a copy."""
    side = SIDE[device]
    x, copy = on_device(library, device, np.random.default_rng(0).standard_normal((side, side), np.float32))
    timed = timer(library, device)

    def best(call: Callable[[], Any]) -> float:
        repeated = lambda: [call() for _ in range(CALLS)]
        repeated()
        return min(timed(repeated) for _ in range(ROUNDS)) / CALLS

    product, copied = best(lambda: x @ x), best(copy)
    return {"by": library, "operations": 2 * side**3 / product, "bytes": 8 * side**2 / copied}


if __name__ == "__main__":
    sys.tracebacklimit = 0  # a library that sees no device says so in a line
    name, where = sys.argv[1:3]
    print(json.dumps(rates(name, where) if "--rates" in sys.argv else card(name)))
