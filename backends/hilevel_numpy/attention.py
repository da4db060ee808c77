"""Attention in blocks of samples, whose scores stay in the cache, on all cores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.engine.types import DType, Namespace
from hilevel.ops.nn.attention import attention_op as plain, masked_score
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 16
"""The number of scores of a part."""


def _is_other(query: Array, key: Array, value: Array) -> bool:
    """Return whether the shared form has to compute this: for single matrices, empty arrays, or other dtypes."""
    return query.ndim < 3 or not (query.size and key.size and value.size) or query.dtype.char not in "fd"


def _with_lead(query: Array, *others: Array) -> list[Array]:
    """Broadcast the axes before the last two."""
    lead = query.shape[:-2]
    if all(x.shape[:-2] == lead for x in others):
        return [query, *others]
    lead = np.broadcast_shapes(lead, *(x.shape[:-2] for x in others))
    return [np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (query, *others)]


def _parts(scores: tuple[int, ...]) -> list[slice]:
    each = int(np.prod(scores[1:]))
    step = max(1, _BLOCK // each)
    return [slice(i, i + step) for i in range(0, scores[0], step)]


def _empty(dtype: DType, *shape: int) -> Array:
    """Return an uninitialized array; with heads, contiguous after heads and steps are swapped."""
    if len(shape) != 4:
        return np.empty(shape, dtype)
    batch, heads, steps, size = shape
    return np.empty((batch, steps, heads, size), dtype).swapaxes(1, 2)


def _scaled(name: str, x: Array, scale: float) -> Array:
    return np.multiply(x, x.dtype.type(scale), scratch(name, x.shape, x.dtype))


def _kept(e: Array, keep: Array | None, part: slice) -> Array:
    """Apply a dropout mask to the exponentials."""
    return e if keep is None else np.multiply(e, keep[part], scratch("kept", e.shape, e.dtype))


def value(xp: Namespace, *tensors: Any, **options: Any) -> Any:
    """Compute the attention."""
    return saving(xp, *tensors, **options)[0]


def saving(
    xp: Namespace,
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None,
    mask: Array | None,
    keep: Array | None,
    scale: float,
    rate: float,
) -> Any:
    """Compute the attention, and as residuals the exponentials and their sums, as in the shared form."""
    if _is_other(query, key, value):
        form: Any = plain.saving
        return form(xp, query, key, value, bias, mask, keep, scale=scale, rate=rate)
    query, key, value = _with_lead(query, key, value)
    scores, number = (*query.shape[:-1], key.shape[-2]), query.dtype.type
    limit = None if mask is None else np.where(mask, number(np.inf), number(masked_score(query.dtype)))
    bias, limit, keep = (None if x is None else np.broadcast_to(x, scores) for x in (bias, limit, keep))
    e, r = np.empty(scores, query.dtype), np.empty((*scores[:-1], 1), query.dtype)
    y, ones = _empty(query.dtype, *scores[:-1], value.shape[-1]), np.ones((scores[-1], 1), query.dtype)

    def work(part: slice) -> None:
        s = np.matmul(_scaled("query", query[part], scale), key[part].swapaxes(-1, -2), e[part])
        if bias is not None:
            np.add(s, bias[part], s)
        if limit is not None:
            np.minimum(s, limit[part], out=s)
        np.subtract(s, np.max(s, axis=-1, keepdims=True), s)
        np.exp(s, s)
        total = np.matmul(s, ones, r[part])
        total *= 1 - rate
        found = np.matmul(_kept(s, keep, part), value[part], y[part])
        np.divide(found, total, found)

    parallel(work, _parts(scores))
    return y, (e, r)


def gradient(
    xp: Namespace, g: Array, y: Array, query: Array, key: Array, value: Array, bias: Array | None, mask: Array | None,
    keep: Array | None, scale: float, rate: float, residuals: Any,
) -> Any:  # fmt: skip
    """Compute the gradients as the shared rule does, but all gradients of a part together."""
    if _is_other(query, key, value):
        rule: Any = plain.rule
        return rule(
            xp, g, y, query, key, value, bias, mask, keep, scale=scale, rate=rate, residuals=residuals
        )
    query, key, value = _with_lead(query, key, value)
    e, r = residuals
    keep = None if keep is None else np.broadcast_to(keep, e.shape)
    sees: Any = None if mask is None else mask.any(axis=-1, keepdims=True)
    if sees is not None:
        sees = None if sees.all() else np.broadcast_to(sees, r.shape)
    of_bias = None if bias is None else np.empty(e.shape, e.dtype)

    def work(part: slice, of_query: Array, of_key: Array, of_value: Array) -> None:
        h = np.divide(g[part], r[part], scratch("gradient", g[part].shape, g.dtype))
        np.matmul(_kept(e[part], keep, part).swapaxes(-1, -2), h, of_value[part])
        if sees is not None:
            np.multiply(h, sees[part], h)
        out = scratch("scores", e[part].shape, e.dtype) if of_bias is None else of_bias[part]
        d = np.matmul(h, value[part].swapaxes(-1, -2), out=out)
        if keep is not None:
            np.multiply(d, keep[part], d)
        rows = np.multiply(h, y[part], h).sum(axis=-1, keepdims=True)
        np.subtract(d, rows * (1 - rate), d)
        np.multiply(d, e[part], d)
        np.matmul(d, _scaled("scaled", key[part], scale), of_query[part])
        np.matmul(d.swapaxes(-1, -2), _scaled("scaled", query[part], scale), of_key[part])

    @cache
    def gradients() -> tuple[Any, ...]:
        found = [_empty(x.dtype, *x.shape) for x in (query, key, value)]
        parallel(lambda part: work(part, *found), _parts(e.shape))
        return *found, of_bias

    return *((lambda i=i: gradients()[i]) for i in range(4)), None, None


OVERRIDES = {plain: Override(value, gradient, saving)}
