"""The cross-entropy of integer labels.

Many rows are divided into parts, on all cores. Few rows of few classes are transposed, so that NumPy's inner loops are
long.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy import add, divide, exp, log, maximum, multiply, subtract

from hilevel.engine.protocol import Override
from hilevel.engine.types import Namespace
from hilevel.ops.nn.crossentropy import sparse_softmax_crossentropy as plain
from hilevel_numpy.indexing import all_inside
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_SMALL = 1 << 16
"""The number of logits up to which the shared form is as fast."""
_BLOCK = 1 << 17
"""The number of logits of a part."""
_FEW = 64
"""The number of classes up to which logits are transposed."""


def value(xp: Namespace, logits: Array, target: Array) -> Any:
    """Compute the losses."""
    if _has_few_classes(logits, target):
        return _of_few_classes(logits, target)[0]
    return plain.value(xp, logits, target) if _is_other(logits, target) else _losses(logits, target, None)


def saving(xp: Namespace, logits: Array, target: Array) -> Any:
    """Compute the losses, and the softmax as residuals."""
    if _has_few_classes(logits, target):
        return _of_few_classes(logits, target)
    if _is_other(logits, target):
        form: Any = plain.saving
        return form(xp, logits, target)
    weights = np.empty(logits.shape, logits.dtype)
    return _losses(logits, target, weights), weights


def _is_other(logits: Array, target: Array) -> bool:
    """Return whether the shared form has to compute this, or is as fast."""
    return (
        logits.size <= _SMALL
        or logits.dtype.char not in "fd"
        or target.shape != logits.shape[:-1]
        or not all_inside(target, logits.shape[-1])
    )


def _has_few_classes(logits: Array, target: Array) -> bool:
    """Return whether these are not too many samples, of few classes."""
    rows_and_classes = logits.ndim == 2 and target.shape == logits.shape[:1]
    return (
        rows_and_classes
        and 0 < logits.size <= _SMALL
        and logits.shape[1] <= _FEW
        and logits.dtype.char in "fd"
        and all_inside(target, logits.shape[1])
    )


def _of_few_classes(logits: Array, target: Array) -> tuple[Array, Array]:
    """Compute the losses and the softmax of few classes."""
    columns = logits.T.copy()
    subtract(columns, maximum.reduce(columns, axis=0), columns)
    own = columns[target, _range(len(target))]
    exp(columns, columns)
    total = add.reduce(columns, axis=0)
    divide(columns, total, columns)
    return log(total, total) - own, columns.T


@lru_cache(maxsize=16)
def _range(count: int) -> Array:
    """Return the integers below a count, as a cached array."""
    integers = np.arange(count)
    integers.flags.writeable = False
    return integers


def gradient(xp: Namespace, g: Array, y: Array, logits: Array, target: Array, residuals: Any = None) -> Any:
    """Compute the gradient of the logits."""
    if residuals is None or g.__class__ is not np.ndarray or not all_inside(target, logits.shape[-1]):
        rule: Any = plain.rule
        return rule(xp, g, y, logits, target, residuals)
    if not _has_few_classes(logits, target):
        out = residuals * g[..., None]
        rows = out.reshape(-1, out.shape[-1])
        rows[np.arange(len(rows)), target.reshape(-1)] -= g.reshape(-1)
        return out, None
    columns = multiply(residuals.T, g)
    columns[target, _range(len(target))] -= g
    return columns.T, None


def _losses(logits: Array, target: Array, weights: Array | None) -> Array:
    """Compute the losses; write the softmax to `weights`."""
    losses, classes = np.empty(target.shape, logits.dtype), logits.shape[-1]
    rows, places, out = logits.reshape(-1, classes), target.reshape(-1), losses.reshape(-1)
    kept, ones = (
        None if weights is None else weights.reshape(-1, classes),
        np.ones((classes, 1), logits.dtype),
    )

    def work(part: slice) -> None:
        block = rows[part]
        e = scratch("exponentials", block.shape, block.dtype) if kept is None else kept[part]
        np.subtract(block, block.max(axis=-1, keepdims=True), e)
        own = e[np.arange(len(e)), places[part]]
        np.exp(e, e)
        total = np.matmul(e, ones)
        np.subtract(np.log(total[:, 0]), own, out[part])
        if kept is not None:
            np.divide(e, total, e)

    step = max(1, _BLOCK // classes)
    parallel(work, [slice(i, i + step) for i in range(0, len(rows), step)])
    return losses


OVERRIDES = {plain: Override(value, gradient, saving)}
