"""Attention by dot products as one op, with a hand-written way back.

The axes are `(..., heads, steps, size)`, so that every product is one of matrices. With `e = exp(scores - max)`
and its row sums `r` the result is `e @ value / r`: what has the size of the scores is never divided, and the way
back needs no sum over it, because `sum(weights * gradient of weights)` is `sum(result * its gradient)` (Dao et
al., "FlashAttention", 2022, appendix B).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, broadcast
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.activations import softmax
from hilevel.ops.numpy.creation import arange
from hilevel.ops.numpy.elementwise import where
from hilevel.ops.numpy.shaping import reshape, swapaxes

# -- masks ----------------------------------------------------------------------------------------------


def masked_score(dtype: Any) -> float:
    """What takes the place of scores that a mask leaves out: so low that nothing is left of them after a softmax,
    and finite, so that a row of nothing else has equal weights."""
    return -4.5e4 if dtype.itemsize == 2 else -2.3e38


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """The softmax over the last axis with no share for scores where the mask is False."""
    if mask is not None:
        scores = where(mask, scores, masked_score(scores.dtype))
    return softmax(scores)


def causal_mask(queries: int, keys: int) -> Tensor:
    """Which keys each query may see: those up to its own place. Of shape `(queries, keys)`."""
    return arange(queries)[:, None] >= arange(keys)[None, :]


def to_mask(mask: Any) -> Any:
    """A mask as booleans."""
    mask = None if mask is None else to_array(mask)
    return mask if mask is None or mask.dtype == bool else mask != 0


# -- the op ---------------------------------------------------------------------------------------------


@op
def attention_op(
    xp: Namespace, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, mask: Tensor | None,
    keep: Tensor | None, /, scale: float, rate: float,
) -> Tensor:  # fmt: skip
    return attention_forward(xp, query, key, value, bias, mask, keep, scale, rate)[0]


@attention_op.residuals
def attention_forward(
    xp: Namespace, query: Tensor, key: Tensor, value: Tensor, bias: Any, mask: Any, keep: Any, scale: float,
    rate: float,
) -> Any:  # fmt: skip
    """The result, and for the way back `e` and `r`."""
    e, r = _exponentials(xp, query, key, bias, mask, scale, rate)
    y = xp.matmul(e if keep is None else e * keep, value)
    y /= r
    return y, (e, r)


def _exponentials(
    xp: Namespace, query: Array, key: Array, bias: Any, mask: Any, scale: float, rate: float
) -> Any:
    """`e`, and `r` times the share that dropout keeps, in float32 at least; of scores in 16 bits `e / r`, and that
    share."""
    s = xp.matmul(query * scale, xp.swapaxes(key, -1, -2))
    if query.dtype.itemsize == 2:
        s = s.astype(np.float32)
    if bias is not None:
        s = s + bias
    if mask is not None:
        number = s.dtype.type
        limit = xp.where(mask, number(np.inf), number(masked_score(s.dtype)))
        s = xp.minimum(s, limit)
    s -= xp.max(s, axis=-1, keepdims=True)
    e = xp.exp(s)
    r = xp.sum(e, axis=-1, keepdims=True)
    if query.dtype.itemsize == 2:
        return (e / r).astype(query.dtype), 1 - rate
    return e, r * (1 - rate)


@attention_op.gradient
def attention_backward(
    xp: Namespace, g: Tensor, y: Tensor, query: Tensor, key: Tensor, value: Tensor, bias: Any, mask: Any, keep: Any,
    scale: float, rate: float, residuals: Any = None,
) -> Any:  # fmt: skip
    """The gradients. Rows that are masked altogether have a result, and its gradient goes to the values, but their
    scores are constants."""
    if residuals is None:
        residuals = _exponentials(xp, query, key, bias, mask, scale, rate)
    e, r = residuals
    h = g / r
    scored = h if mask is None else h * xp.any(mask, axis=-1, keepdims=True)
    rows = xp.sum(scored * y, axis=-1, keepdims=True) * (1 - rate)
    d = xp.matmul(scored, xp.swapaxes(value, -1, -2))
    if keep is not None:
        d *= keep
    d -= rows
    d *= e
    dropped = e if keep is None else e * keep
    return (
        lambda: xp.matmul(d, key * scale),
        lambda: xp.matmul(xp.swapaxes(d, -1, -2), query * scale),
        lambda: xp.matmul(xp.swapaxes(dropped, -1, -2), h),
        lambda: d,
        None,
        None,
    )


@attention_op.shape
def _(
    query: Any, key: Any, value: Any, bias: Any, mask: Any, keep: Any, scale: float, rate: float
) -> TensorSpec:
    q, k, v = query.shape, key.shape, value.shape
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            "attention: query and key must have a last axis of one size, key and value as many steps; got "
            f"query {q}, key {k}, value {v}, the axes being (..., steps, size)."
        )
    lead = broadcast(q[:-2], k[:-2], v[:-2])
    scores = (*lead, q[-2], k[-2])
    for name, x in (("bias", bias), ("mask", mask), ("keep", keep)):
        if x is not None and not _fits(tuple(x.shape), scores):
            raise ShapeError(f"attention: {name} must fit scores of shape {scores}; got {tuple(x.shape)}.")
    return TensorSpec((*lead, q[-2], v[-1]), query.dtype)


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of that shape can be broadcast to the other."""
    sizes = zip(reversed(shape), reversed(whole), strict=False)
    return len(shape) <= len(whole) and all(n in (1, m) for n, m in sizes)


# -- heads ----------------------------------------------------------------------------------------------


@rounded
def attention(
    query: TensorLike, key: TensorLike, value: TensorLike, bias: TensorLike | None = None,
    mask: TensorLike | None = None, keep: TensorLike | None = None,
    scale: float = 1.0, rate: float = 0.0,
) -> Tensor:  # fmt: skip
    """`softmax(scale * query @ key^T + bias) @ value`, over axes `(..., heads, steps, size)`.

    Several heads of the query may share one of key and value: each takes as many as there are for it. `mask` says
    where scores count, `keep` which weights dropout keeps, at the rate `rate`.
    """
    query, key, value = dtypes.to_float((to_array(query), to_array(key), to_array(value)))
    if bias is not None:
        bias = to_float_array(bias).astype(query.dtype)
    mask = to_mask(mask)
    rate = 0.0 if keep is None else rate
    if len(query.shape) < 4 or query.shape[-3] == key.shape[-3]:
        return attention_op(query, key, value, bias, mask, keep, scale=scale, rate=rate)
    heads, shape = key.shape[-3], tuple(query.shape)
    query, bias, mask, keep = (_in_groups(x, heads) for x in (query, bias, mask, keep))
    key, value = key[..., None, :, :], value[..., None, :, :]
    y = attention_op(query, key, value, bias, mask, keep, scale=scale, rate=rate)
    return reshape(y, (*shape[:-1], y.shape[-1]))


def _in_groups(x: Tensor | None, heads: int) -> Tensor | None:
    """The axis of the heads as two: those of key and value, and those that share one."""
    if x is None or len(x.shape) < 3:
        return x
    shape, n = tuple(x.shape), x.shape[-3]
    if n != 1 and n % heads:
        raise ShapeError(f"attention: {n} heads of the query cannot share {heads} of key and value evenly.")
    return reshape(x, (*shape[:-3], *((1, 1) if n == 1 else (heads, n // heads)), *shape[-2:]))


@composite
def dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """`softmax(scale * query @ key^T + bias) @ value` for each head. Vaswani et al., "Attention is all you need",
    2017.

    Args:
        query: of shape `(batch, queries, heads, size)`.
        key, value: of shape `(batch, keys, heads, size)`; they may have fewer heads, of which each then serves as
            many of the query's. The value may have another size.
        bias: added to the scores; it fits `(batch, heads, queries, keys)`.
        mask: booleans that fit that shape: False where a key does not count. A query for which none counts gets
            the mean of all values.
        scale: by default `1 / sqrt(size)`.
        is_causal: whether a query sees the keys up to its own place alone.
        flash_attention, attn_logits_soft_cap: not implemented; only None, or False, is accepted.

    >>> x = np.ones((1, 3, 2, 4), "float32")
    >>> ops.dot_product_attention(x, x, x, is_causal=True).shape
    (1, 3, 2, 4)

    Raises:
        ShapeError: the shapes do not fit together.
    """
    if flash_attention or attn_logits_soft_cap is not None:
        raise NotImplementedError(
            "dot_product_attention: flash_attention=True and attn_logits_soft_cap are not implemented; leave them at "
            "None."
        )
    query, key, value = to_array(query), to_array(key), to_array(value)
    for name, x in (("query", query), ("key", key), ("value", value)):
        if len(x.shape) != 4:
            raise ShapeError(
                f"dot_product_attention: {name} must have the shape (batch, steps, heads, size); got {tuple(x.shape)}."
            )
    mask = to_mask(mask)
    if is_causal:
        causal = causal_mask(query.shape[1], key.shape[1])
        mask = causal if mask is None else mask & causal
    y = attention(
        swapaxes(query, 1, 2), swapaxes(key, 1, 2), swapaxes(value, 1, 2), bias, mask,
        scale=key.shape[-1] ** -0.5 if scale is None else scale,
    )  # fmt: skip
    return swapaxes(y, 1, 2)
