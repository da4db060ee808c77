"""Attention, some samples at a time: their scores stay in the cache, on all cores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hilevel.ops.attention import attention_op as plain
from hilevel.ops.attention import masked_score
from hilevel.protocol import Override
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 16
"""Scores of a part."""


def _is_other(query: Array, key: Array, value: Array, bias: Any, mask: Any, keep: Any) -> bool:
    """Whether this is left to the shared form: a bias, dropout, first axes that are repeated, nothing, or a dtype
    without fast products."""
    lead = query.shape[:-2]
    same = lead == key.shape[:-2] == value.shape[:-2] and lead and query.size and key.size and value.size
    fit = same and key.shape[-1] == query.shape[-1] and key.shape[-2] == value.shape[-2]
    return not fit or bias is not None or keep is not None or query.dtype.char not in "fd"


def _parts(scores: tuple[int, ...]) -> list[slice]:
    each = int(np.prod(scores[1:]))
    step = max(1, _BLOCK // each)
    return [slice(i, i + step) for i in range(0, scores[0], step)]


def _like(x: Array) -> Array:
    """Memory for an array like this; with heads, contiguous once heads and steps are exchanged."""
    if x.ndim != 4:
        return np.empty(x.shape, x.dtype)
    batch, heads, steps, size = x.shape
    return np.empty((batch, steps, heads, size), x.dtype).swapaxes(1, 2)


def _scaled(name: str, x: Array, scale: float) -> Array:
    return np.multiply(x, x.dtype.type(scale), scratch(name, x.shape, x.dtype))


def value(xp: Any, *tensors: Any, **options: Any) -> Any:
    """What the queries find."""
    return saving(xp, *tensors, **options)[0]


def saving(
    xp: Any,
    query: Array,
    key: Array,
    value: Array,
    bias: Any,
    mask: Any,
    keep: Any,
    scale: float,
    rate: float,
) -> Any:
    """This, and for the way back the exponentials and their sums, as in the shared form."""
    if _is_other(query, key, value, bias, mask, keep):
        form: Any = plain.saving
        return form(xp, query, key, value, bias, mask, keep, scale=scale, rate=rate)
    scores = (*query.shape[:-1], key.shape[-2])
    number = query.dtype.type
    limit: Any = None
    if mask is not None:
        limit = np.where(mask, number(np.inf), number(masked_score(query.dtype)))
        limit = np.broadcast_to(limit, scores)
    e, r = np.empty(scores, query.dtype), np.empty((*scores[:-1], 1), query.dtype)
    y, ones = (
        _like(np.broadcast_to(value[..., :1, :], (*scores[:-1], value.shape[-1]))),
        np.ones((scores[-1], 1), query.dtype),
    )

    def work(part: slice) -> None:
        s = np.matmul(_scaled("query", query[part], scale), key[part].swapaxes(-1, -2), e[part])
        if limit is not None:
            np.minimum(s, limit[part], out=s)
        np.subtract(s, np.max(s, axis=-1, keepdims=True), s)
        np.exp(s, s)
        np.matmul(s, ones, r[part])
        found = np.matmul(s, value[part], y[part])
        np.divide(found, r[part], found)

    parallel(work, _parts(scores))
    return y, (e, r)


def gradient(
    xp: Any, g: Array, y: Array, query: Array, key: Array, value: Array, bias: Any, mask: Any, keep: Any, scale: float,
    rate: float, residuals: Any,
) -> Any:  # fmt: skip
    """As the shared rule, all three of a part together."""
    if _is_other(query, key, value, bias, mask, keep):
        rule: Any = plain.rule
        return rule(
            xp, g, y, query, key, value, bias, mask, keep, scale=scale, rate=rate, residuals=residuals
        )
    e, r = residuals
    sees: Any = None if mask is None else mask.any(axis=-1, keepdims=True)
    if sees is not None:
        sees = None if sees.all() else np.broadcast_to(sees, r.shape)

    def work(part: slice, of_query: Array, of_key: Array, of_value: Array) -> None:
        h = np.divide(g[part], r[part], scratch("gradient", g[part].shape, g.dtype))
        np.matmul(e[part].swapaxes(-1, -2), h, of_value[part])
        if sees is not None:
            np.multiply(h, sees[part], h)
        d = np.matmul(h, value[part].swapaxes(-1, -2), out=scratch("scores", e[part].shape, e.dtype))
        np.multiply(h, y[part], h)
        np.subtract(d, h.sum(axis=-1, keepdims=True), d)
        np.multiply(d, e[part], d)
        np.matmul(d, _scaled("scaled", key[part], scale), of_query[part])
        np.matmul(d.swapaxes(-1, -2), _scaled("scaled", query[part], scale), of_key[part])

    @cache
    def all_three() -> tuple[Array, ...]:
        found = _like(query), _like(key), _like(value)
        parallel(lambda part: work(part, *found), _parts(e.shape))
        return found

    return (lambda: all_three()[0], lambda: all_three()[1], lambda: all_three()[2], None, None, None)


OVERRIDES = {plain: Override(value, gradient, saving)}
