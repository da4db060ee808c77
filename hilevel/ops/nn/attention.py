"""Dot-product attention as one op, with a hand-written backward pass.

The axes are `(..., heads, steps, size)`, so that every product is a matrix product. With `e = exp(scores - max)` and
its row sums `r` the result is `e @ value / r`. So no array of the size of the scores is divided. The backward pass
needs no sum over it, because `sum(weights * gradient of weights)` is `sum(result * its gradient)` (Dao et al.,
"FlashAttention", 2022, appendix B).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, agree, broadcast, one_size
from hilevel.engine.types import Array, DType, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.activations import softmax
from hilevel.ops.numpy.creation import arange
from hilevel.ops.numpy.elementwise import where
from hilevel.ops.numpy.shaping import reshape, swapaxes

# -- masks ----------------------------------------------------------------------------------------------


def masked_score(dtype: DType) -> float:
    """Return the value of masked scores: low enough to vanish in a softmax, but finite.

    A row of masked scores only has equal weights.
    """
    return -4.5e4 if dtype.itemsize == 2 else -2.3e38


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Return the softmax over the last axis, with zeros where the mask is False."""
    if mask is not None:
        scores = where(mask, scores, masked_score(scores.dtype))
    return softmax(scores)


def causal_mask(queries: int, keys: int) -> Tensor:
    """Return which keys each query may attend to: those up to its own position. Of shape `(queries, keys)`."""
    return arange(queries)[:, None] >= arange(keys)[None, :]


def to_mask(mask: TensorLike | None) -> Any:
    """Return a mask as booleans."""
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
    xp: Namespace, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, mask: Tensor | None,
    keep: Tensor | None, scale: float, rate: float,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:  # fmt: skip
    """Return the result, and `e` and `r` as residuals."""
    e, r = _exponentials(xp, query, key, bias, mask, scale, rate)
    y = xp.matmul(e if keep is None else e * keep, value)
    y /= r
    return y, (e, r)


def _exponentials(
    xp: Namespace, query: Array, key: Array, bias: Array | None, mask: Array | None, scale: float, rate: float
) -> tuple[Array, Array]:
    """Return `e`, and `r` times the fraction that dropout keeps, in float32 at least.

    For scores in 16 bits return `e / r`, and that fraction.
    """
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
    xp: Namespace, g: Tensor, y: Tensor, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None,
    mask: Tensor | None, keep: Tensor | None, scale: float, rate: float,
    residuals: tuple[Tensor, Tensor] | None = None,
) -> Any:  # fmt: skip
    """Return the gradients. The scores of a row that is masked altogether are constants."""
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
    query: TensorSpec,
    key: TensorSpec,
    value: TensorSpec,
    bias: TensorSpec | None,
    mask: TensorSpec | None,
    keep: TensorSpec | None,
    scale: float,
    rate: float,
) -> TensorSpec:
    q, k, v = query.shape, key.shape, value.shape
    if min(len(q), len(k), len(v)) < 2 or not agree((q[-1], k[-2]), (k[-1], v[-2])):
        raise ShapeError(
            "attention: query and key must have equal sizes, key and value equal numbers of steps; got query "
            f"{q}, key {k}, value {v}. The axes are (..., steps, size)."
        )
    lead = broadcast(q[:-2], k[:-2], v[:-2])
    scores = (*lead, q[-2], k[-2])
    for name, x in (("bias", bias), ("mask", mask), ("keep", keep)):
        if x is not None and not _is_broadcastable(tuple(x.shape), scores):
            raise ShapeError(
                f"attention: {name} must broadcast to the shape {scores} of the scores; got {tuple(x.shape)}."
            )
    return TensorSpec((*lead, q[-2], v[-1]), query.dtype)


def _is_broadcastable(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether an array of one shape can be broadcast to the other."""
    sizes = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(n == 1 or agree([n], [m]) for n, m in sizes)


# -- heads ----------------------------------------------------------------------------------------------


@rounded
def attention(
    query: TensorLike, key: TensorLike, value: TensorLike, bias: TensorLike | None = None,
    mask: TensorLike | None = None, keep: TensorLike | None = None,
    scale: float = 1.0, rate: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return `softmax(scale * query @ key^T + bias) @ value`, over axes `(..., heads, steps, size)`.

    Key and value may have fewer heads than the query. Each of their heads then serves an equal number of heads of
    the query.

    Args:
        query, key, value: tensors of shapes `(..., heads, steps, size)`.
        bias: a tensor that broadcasts with the scores, `(..., heads, queries, keys)`.
        mask: booleans that broadcast with the scores, False where a key is left out.
        keep: booleans that broadcast with the scores, False where dropout sets a weight to zero.
        scale: the factor of the scores.
        rate: the dropout rate, a fraction.
    """
    query, key, value = dtypes.to_float((to_array(query), to_array(key), to_array(value)))
    if bias is not None:
        bias = to_float_array(bias).astype(query.dtype)
    mask = to_mask(mask)
    rate = 0.0 if keep is None else rate
    heads = one_size([key.shape[-3], value.shape[-3]]) if len(query.shape) > 3 else None
    if heads is None or agree(query.shape[-3:-2], [heads]):
        return attention_op(query, key, value, bias, mask, keep, scale=scale, rate=rate)
    shape = tuple(query.shape)
    query, bias, mask, keep = (_in_groups(x, heads) for x in (query, bias, mask, keep))
    key, value = key[..., None, :, :], value[..., None, :, :]
    y = attention_op(query, key, value, bias, mask, keep, scale=scale, rate=rate)
    return reshape(y, (*shape[:-1], y.shape[-1]))


def _in_groups(x: Tensor | None, heads: int) -> Tensor | None:
    """Split the axis of heads in two: the heads of key and value, and the heads of the query for each of them."""
    if x is None or len(x.shape) < 3:
        return x
    shape, n = tuple(x.shape), x.shape[-3]
    if n != 1 and n % heads:
        raise ShapeError(
            f"attention: the query has {n} heads; expected a multiple of {heads}, the heads of key and value."
        )
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
    """Return `softmax(scale * query @ key^T + bias) @ value` for each head. Vaswani et al., "Attention is all you
    need", 2017.

    Args:
        query: of shape `(batch, queries, heads, size)`.
        key, value: of shape `(batch, keys, heads, size)`. They may have fewer heads, each of which then serves an
            equal number of heads of the query. The value may have another size.
        bias: a tensor added to the scores, which broadcasts to `(batch, heads, queries, keys)`.
        mask: booleans that broadcast to this shape, False where a key is left out. A query without keys gets the
            mean of all values.
        scale: the factor of the scores; `1 / sqrt(size)` by default.
        is_causal: whether a query attends only to the keys up to its own position.
        flash_attention, attn_logits_soft_cap: not supported; only None, or False.

    >>> x = np.ones((1, 3, 2, 4), "float32")
    >>> ops.dot_product_attention(x, x, x, is_causal=True).shape
    (1, 3, 2, 4)

    Raises:
        NotImplementedError: `flash_attention` or `attn_logits_soft_cap` is set.
        ShapeError: the shapes do not match.
    """
    if flash_attention or attn_logits_soft_cap is not None:
        raise NotImplementedError(
            "dot_product_attention: flash_attention=True and attn_logits_soft_cap are not implemented. Use "
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


@dot_product_attention.shape
def _(query: TensorLike, key: TensorLike, value: TensorLike, *args: Any, **kwargs: Any) -> TensorSpec:
    y: TensorSpec = dot_product_attention.function(query, key, value, *args, **kwargs)
    return TensorSpec((*y.shape[:2], to_array(query).shape[2], y.shape[3]), y.dtype)
