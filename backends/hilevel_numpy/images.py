"""Resizing of images by the few elements that each output depends on, in blocks, on all cores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.engine.types import Namespace
from hilevel.ops.image.resizing import multiply_axis
from hilevel_numpy.threads import parallel

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 15
"""The number of elements of the output in a part."""
_GAIN = 40
"""The number of multiplications in a matrix product that take as long as one element that is looked up."""


def multiplied(xp: Namespace, x: Array, matrix: Array, axis: int) -> Array:
    """Multiply vectors along an axis by a matrix, whose rows have few elements in a row unless they are zero."""
    first, weights = _bands(matrix)
    if weights.shape[0] * _GAIN > matrix.shape[1] or x.dtype.char not in "fd":
        return multiply_axis.value(xp, x, matrix=matrix, axis=axis)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    source = np.ascontiguousarray(x).reshape((math.prod(before), x.shape[axis], math.prod(after)))
    out = np.empty((source.shape[0], len(matrix), source.shape[2]), x.dtype)
    weights = weights.astype(x.dtype)[..., None]

    def work(part: slice) -> None:
        block, y = source[part], out[part]
        np.multiply(block.take(first, axis=1), weights[0], y)
        for i in range(1, len(weights)):
            term = block.take(first + i, axis=1)
            term *= weights[i]
            y += term

    step = max(1, _BLOCK // max(1, out[:1].size))
    parallel(work, [slice(i, i + step) for i in range(0, len(out), step)])
    return out.reshape((*before, len(matrix), *after))


def _bands(matrix: Array) -> tuple[Array, Array]:
    """Return the first column of each row that is not zero, and the elements from there, `(width, rows)`."""
    used = matrix != 0
    first, last = used.argmax(axis=1), matrix.shape[1] - 1 - used[:, ::-1].argmax(axis=1)
    width = int((last - first).max()) + 1
    first = np.minimum(first, matrix.shape[1] - width)
    return first, np.stack([matrix[np.arange(len(matrix)), first + i] for i in range(width)])


OVERRIDES = {multiply_axis: Override(multiplied)}
