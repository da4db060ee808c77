"""Concatenation of many arrays by few kernels.

`cupy.concatenate` copies the addresses of many arrays from the host's memory, which a CUDA graph cannot contain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import cupy

from hilevel.engine.types import Array, Function
from hilevel_cupy.expressions import kernel

MAX_PARTS = 48
"""The maximum number of arrays that a kernel reads. CUDA passes 4 kB of parameters to a kernel."""


def element_of(count: int) -> str:
    """Return the source of element `i` of flat arrays `g0, g1, ...`, one after another. `end0` is the end of `g0`."""
    source = f"g{count - 1}[i{f' - end{count - 2}' if count > 1 else ''}]"
    for k in reversed(range(count - 1)):
        source = f"i < end{k} ? g{k}[i{f' - end{k - 1}' if k else ''}] : ({source})"
    return source


def parameters_of(count: int, dtype: str) -> list[str]:
    """Return the parameters that `element_of` needs."""
    return [*(f"raw {dtype} g{i}" for i in range(count)), *(f"int64 end{i}" for i in range(count))]


def concatenate(parts: Sequence[Array], axis: int = 0) -> Array:
    """Concatenate arrays of one dtype."""
    if axis % parts[0].ndim or len(parts) == 1:
        return cupy.concatenate(list(parts), axis=axis) if len(parts) <= 8 else _by_slices(parts, axis)
    out = cupy.empty((sum(len(part) for part in parts), *parts[0].shape[1:]), parts[0].dtype)
    flat, start = out.reshape(-1), 0
    for first in range(0, len(parts), MAX_PARTS):
        chunk = [part.reshape(-1) for part in parts[first : first + MAX_PARTS]]
        ends = list(accumulate(part.size for part in chunk))
        _copy(len(chunk), out.dtype.name)(*chunk, *ends, flat[start : start + ends[-1]])
        start += ends[-1]
    return out


def stack(parts: Sequence[Array], axis: int = 0) -> Array:
    """Stack arrays of one shape and dtype along a new axis."""
    return concatenate([cupy.expand_dims(part, axis) for part in parts], axis)


def _by_slices(parts: Sequence[Array], axis: int) -> Array:
    axis %= parts[0].ndim
    sizes = [part.shape[axis] for part in parts]
    shape = [*parts[0].shape]
    shape[axis] = sum(sizes)
    out = cupy.empty(tuple(shape), parts[0].dtype)
    before = (slice(None),) * axis
    for part, end, size in zip(parts, accumulate(sizes), sizes, strict=True):
        out[(*before, slice(end - size, end))] = part
    return out


@lru_cache
def _copy(count: int, dtype: str) -> Function:
    """Return a kernel that copies arrays into one."""
    return kernel(
        ", ".join(parameters_of(count, dtype)), f"{dtype} y", [f"y = {element_of(count)};"], "hilevel_joined"
    )
