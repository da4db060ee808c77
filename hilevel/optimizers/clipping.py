"""Limits on gradients."""

from __future__ import annotations

from collections.abc import Sequence

from hilevel import ops
from hilevel._types import Tensor


def clip_by_value(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Every element within `[-limit, limit]`.

    >>> from hilevel.optimizers.clipping import clip_by_value
    >>> clip_by_value([np.array([-3.0, 0.5])], 1.0)
    [array([-1. ,  0.5])]
    """
    return [ops.clip(g, -limit, limit) for g in gradients]


def clip_by_norm(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Every gradient that is longer than `limit` shortened to it.

    >>> from hilevel.optimizers.clipping import clip_by_norm
    >>> clip_by_norm([np.array([3.0, 4.0])], 1.0)
    [array([0.6, 0.8])]
    """
    norms = [ops.sqrt(ops.sum(ops.square(g))) for g in gradients]
    return [
        ops.multiply(g, limit / ops.maximum(norm, limit)) for g, norm in zip(gradients, norms, strict=True)
    ]


def clip_by_global_norm(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """All gradients shortened alike, so that together they are no longer than `limit`. Pascanu et al., 2013.

    Where one is not finite, all become NaN: a step that went wrong is seen.

    >>> from hilevel.optimizers.clipping import clip_by_global_norm
    >>> clip_by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)
    [array([0.6]), array([0.8])]
    """
    norm = ops.sqrt(ops.sum(ops.stack([ops.sum(ops.square(g)) for g in gradients])))
    scale = limit / ops.maximum(norm, limit) + (norm - norm)
    return [ops.multiply(g, ops.cast(scale, g.dtype)) for g in gradients]
