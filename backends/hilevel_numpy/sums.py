"""Sums that keep their precision over many terms.

NumPy adds pairwise along the last axis only. Along other axes it adds rows one by one, in the dtype of the result.
There the sum of ones is at most 2**24 in float32, and 2,048 in float16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hilevel.engine.dtypes import is_float
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.types import Axis, DTypeLike

Array = np.ndarray[Any, Any]

_add: Any = np.add.reduce
_MANY = 1 << 13
"""The minimum number of elements of a sum in blocks."""
_BLOCK = 256
"""The number of rows in a block."""


def total(
    x: Any, axis: Axis = None, dtype: DTypeLike = None, out: Array | None = None, keepdims: bool = False
) -> Any:
    """Sum as `numpy.sum` does, without its Python code, which takes longer than the sum of a batch's losses."""
    if x.__class__ is not np.ndarray:
        return np.sum(x, axis=axis, dtype=dtype, out=out, keepdims=keepdims)
    if x.itemsize == 2 and out is None and is_float(x.dtype):
        return _of_halves(x, axis, dtype, keepdims)
    if x.size >= _MANY and axis is not None and out is None and dtype in (None, x.dtype):
        return _of_many(x, axis, keepdims)
    return _add(x, axis=axis, dtype=dtype, out=out, keepdims=keepdims)


def _of_halves(x: Array, axis: Axis, dtype: DTypeLike, keepdims: bool) -> Any:
    """Sum values of half precision, accumulated in float32."""
    return total(x.astype(np.float32), axis, keepdims=keepdims).astype(x.dtype if dtype is None else dtype)


def _of_many(x: Array, axis: Axis, keepdims: bool) -> Any:
    """Sum many values; in blocks of rows, if the dtype is float and the axes are adjacent and before the last."""
    axes = sorted(axes_tuple(axis, x.ndim)) or [x.ndim - 1]
    first, last = axes[0], axes[-1]
    rows = math.prod(x.shape[first : last + 1])
    together = len(axes) == last - first + 1 and last < x.ndim - 1 and x.flags.c_contiguous
    if rows <= _BLOCK or not together or x.dtype.char not in "fd":
        return _add(x, axis=axis, keepdims=keepdims)
    kept = [1] * len(axes) if keepdims else []
    y = _in_blocks(x.reshape(math.prod(x.shape[:first]), rows, -1))
    return y.reshape(*x.shape[:first], *kept, *x.shape[last + 1 :])


def _in_blocks(x: Array) -> Array:
    """Sum over the second of three axes: in blocks, then over the blocks."""
    while x.shape[1] > _BLOCK:
        whole = x.shape[1] // _BLOCK * _BLOCK
        parts = _add(x[:, :whole].reshape(len(x), -1, _BLOCK, x.shape[2]), axis=2)
        rest = _add(x[:, whole:], axis=1, keepdims=True)
        x = np.concatenate([parts, rest], axis=1)
    return _add(x, axis=1)


def cumsum(x: Array, axis: int | None = None, dtype: DTypeLike = None) -> Any:
    """Sum cumulatively as `numpy.cumsum` does, for floats below 64 bits accumulated in float64."""
    target = x.dtype if dtype is None else np.dtype(dtype)
    wide = np.float64 if is_float(target) and target.itemsize < 8 else target
    return np.cumsum(x, axis=axis, dtype=wide).astype(target, copy=False)
