"""Matrix products on all cores, by the threads of `hilevel_numpy.threads` instead of OpenBLAS's own.

OpenBLAS's threads wait for each other, and for the next product, in a loop. On idle cores they speed products of 12
million multiplications up by a factor of 1.5. If another program uses one of the cores, a product of 0.3 milliseconds
was measured to take 8 to 60. So large products are divided here, and others use one thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.protocol import module_with
from hilevel_numpy import sums
from hilevel_numpy.threads import blas_is_known, one_blas_thread, parallel

Array = np.ndarray[Any, Any]

_SMALL, _SMALL_BY_VECTOR = 1 << 18, 9216
"""The number of multiplications up to which OpenBLAS uses one thread by itself."""
_LARGE = 1 << 24
"""The minimum number of multiplications of a product that is divided. A part has at least half of that."""
_MOST_PARTS = 16
_LONG = 8
"""The minimum ratio of the summed axis to rows and columns at which the summed axis is divided."""


def matmul(x1: Array, x2: Array, out: Array | None = None) -> Array:
    """Multiply as `numpy.matmul` does. Results do not depend on the number of threads."""
    work = x1.size * x2.shape[-1]
    if work < _SMALL_BY_VECTOR or (work < _SMALL and x1.ndim > 1 and x2.shape[-1] > 1 < x1.shape[-2]):
        return np.matmul(x1, x2, out)
    if work < _LARGE or not _is_divisible(x1, x2):
        with one_blas_thread():
            return np.matmul(x1, x2, out)
    if x1.ndim == x2.ndim == 2:
        return _of_matrices(x1, x2, np.empty((len(x1), x2.shape[1]), x1.dtype) if out is None else out)
    if x2.ndim == 2 and out is None:
        y = np.empty((*x1.shape[:-1], x2.shape[1]), x1.dtype)
        _of_matrices(x1.reshape(-1, x1.shape[-1]), x2, y.reshape(-1, x2.shape[1]))
        return y
    return _of_stacks(x1, x2, out)


def _is_divisible(x1: Array, x2: Array) -> bool:
    """Return whether these are matching matrices, or stacks of them, of a dtype of OpenBLAS, and NumPy uses it."""
    matrices = x1.ndim > 1 and x2.ndim > 1 and x1.shape[-1] == x2.shape[-2]
    return matrices and x1.dtype is x2.dtype and x1.dtype.char in "fd" and blas_is_known()


def _of_matrices(x1: Array, x2: Array, y: Array) -> Array:
    """Write the product to `y`, divided along the rows, the columns, or the summed axis."""
    (m, k), n = x1.shape, x2.shape[1]
    if k > _LONG * max(m, n):
        first, *rest = parallel(lambda s: np.matmul(x1[:, s], x2[s]), _slices(k, m * n))
        np.copyto(y, first)
        for part in rest:
            y += part
    elif m >= n:
        parallel(lambda s: np.matmul(x1[s], x2, y[s]), _slices(m, n * k))
    else:
        parallel(lambda s: np.matmul(x1, x2[:, s], y[:, s]), _slices(n, m * k))
    return y


def _of_stacks(x1: Array, x2: Array, out: Array | None) -> Array:
    """Return the products of stacked matrices, divided along the first axis."""
    lead = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    x1, x2 = (np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (x1, x2))
    y = np.empty((*x1.shape[:-1], x2.shape[-1]), x1.dtype) if out is None else out
    parallel(lambda s: np.matmul(x1[s], x2[s], y[s]), _slices(len(y), y[0].size * x1.shape[-1], 1))
    return y


def _slices(length: int, work_each: int, whole: int = 16) -> list[slice]:
    """Return equal slices of an axis, of a length that is a multiple of `whole`, with enough work each."""
    step = max(_LARGE // 2 // max(work_each, 1), -(-length // _MOST_PARTS), 1)
    step = -(-step // whole) * whole
    return [slice(start, start + step) for start in range(0, length, step)]


numpy = module_with(np, matmul=matmul, sum=sums.total, cumsum=sums.cumsum)
