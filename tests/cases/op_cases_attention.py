"""Cases of attention, for the table in op_cases.py; a loop over samples and heads is the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None, is_causal: bool = False,
) -> Any:  # fmt: skip
    (batch, queries, heads, size), keys = query.shape, key.shape[1]
    shape = (batch, heads, queries, keys)
    bias = np.broadcast_to(0.0 if bias is None else bias, shape)
    mask = np.broadcast_to(True if mask is None else mask, shape)
    if is_causal:
        mask = mask & np.tri(queries, keys, dtype=bool)
    y = np.empty((batch, queries, heads, value.shape[-1]))
    for b, n in np.ndindex(batch, heads):
        own = n * key.shape[2] // heads
        scores = query[b, :, n] @ key[b, :, own].T * (size**-0.5 if scale is None else scale) + bias[b, n]
        weights = np.exp(scores - scores.max()) * mask[b, n]
        weights[~mask[b, n].any(-1)] = 1
        y[b, :, n] = weights / weights.sum(-1, keepdims=True) @ value[b, :, own]
    return y


def add_cases(case: Callable[..., None], normal: Callable[..., Any], booleans: Callable[..., Any]) -> None:
    """Put them into the table."""
    name, judge = "dot_product_attention", {"expected": attention}
    query, key, value = normal(2, 3, 2, 4), normal(2, 4, 2, 4), normal(2, 4, 2, 3)
    mask = booleans(2, 2, 3, 4)
    mask[..., 0], mask[0, 0, 1] = True, False
    case(name, query, key, value, **judge)
    case(name, query, key, value, bias=normal(2, 3, 4), mask=mask, **judge)
    case(name, query, key, value, mask=mask[:, :1, :1], is_causal=True, scale=0.3, **judge)
    case(name, query, key[:, :, :1], value[:, :, :1], bias=normal(2, 2, 3, 4), mask=mask, **judge)
    case(name, normal(1, 2, 4, 3), normal(1, 3, 2, 3), normal(1, 3, 2, 3), is_causal=True, **judge)
