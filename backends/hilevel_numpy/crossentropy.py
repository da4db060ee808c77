"""The cross-entropy of integer labels: some rows at a time, on all cores."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.ops.crossentropy import _sparse_softmax_crossentropy as plain
from hilevel.protocol import Override
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_SMALL = 1 << 16
"""Up to so many logits the shared form is as fast."""
_BLOCK = 1 << 17
"""Logits of a part."""


def value(xp: Any, logits: Array, target: Array) -> Any:
    """The losses."""
    return plain.value(xp, logits, target) if _is_other(logits, target) else _losses(logits, target, None)


def saving(xp: Any, logits: Array, target: Array) -> Any:
    """The losses, and the softmax for the way back."""
    if _is_other(logits, target):
        form: Any = plain.saving
        return form(xp, logits, target)
    weights = np.empty(logits.shape, logits.dtype)
    return _losses(logits, target, weights), weights


def _is_other(logits: Array, target: Array) -> bool:
    """Whether this is left to the shared form."""
    return logits.size <= _SMALL or logits.dtype.char not in "fd" or target.shape != logits.shape[:-1]


def _losses(logits: Array, target: Array, weights: Array | None) -> Array:
    """The losses; the softmax is written into `weights`."""
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


OVERRIDES = {"sparse_softmax_crossentropy": Override(value, plain.rule, saving)}
