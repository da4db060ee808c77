"""Gradients before the update: they are checked against their Variables, and clipped."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable
from hilevel.errors import warn as _warn


def check_pairs(
    name: str, grads: Sequence[Tensor | None], variables: Sequence[Variable], known: Container[int]
) -> None:
    """Raise ValueError if gradients do not match the Variables of the optimizer called `name`, given by id.

    Raises:
        ValueError: the lengths differ, or a Variable is unknown.
    """
    if len(grads) != len(variables):
        raise ValueError(
            f'"{name}" got {len(grads)} gradients for {len(variables)} Variables; expected one '
            "for each, or None."
        )
    for v in variables:
        if id(v) not in known:
            raise ValueError(
                f'The optimizer "{name}" was built on other Variables than "{v.path}". Create a '
                "new optimizer for them, or build it on all Variables first."
            )


def drop_none(
    name: str, grads: Sequence[Tensor | None], variables: Sequence[Variable], warn: bool
) -> tuple[list[Any], list[Variable]]:
    """Return the gradients that are not None, with their Variables.

    Raises:
        ValueError: all gradients are None.
    """
    pairs = list(zip(grads, variables, strict=True))
    missing = [v.path for g, v in pairs if g is None]
    if len(missing) == len(pairs):
        raise ValueError(
            f'"{name}" got no gradient for any Variable. Was the loss computed from them, inside of the tape?'
        )
    if warn:
        _warn(
            f"No gradient for {', '.join(missing)}: the loss does not depend on them, and they are "
            "not changed.",
        )
    return [g for g in grads if g is not None], [v for g, v in pairs if g is not None]


def clip_by_value(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Return the gradients with each element clipped to `[-limit, limit]`.

    >>> from hilevel.optimizers.gradients import clip_by_value
    >>> clip_by_value([np.array([-3.0, 0.5])], 1.0)
    [array([-1. ,  0.5])]
    """
    return [ops.clip(g, -limit, limit) for g in gradients]


def clip_by_norm(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Return the gradients, each scaled down to the norm `limit` if its norm is larger.

    >>> from hilevel.optimizers.gradients import clip_by_norm
    >>> clip_by_norm([np.array([3.0, 4.0])], 1.0)
    [array([0.6, 0.8])]
    """
    norms = [ops.sqrt(ops.sum(ops.square(g))) for g in gradients]
    return [
        ops.multiply(g, limit / ops.maximum(norm, limit)) for g, norm in zip(gradients, norms, strict=True)
    ]


def clip_by_global_norm(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Return the gradients, scaled by one factor so that their global norm is at most `limit`.

    If a gradient is not finite, all become NaN, so that the error is visible. Source: Pascanu et al., 2013.

    >>> from hilevel.optimizers.gradients import clip_by_global_norm
    >>> clip_by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)
    [array([0.6]), array([0.8])]
    """
    norm = ops.sqrt(ops.sum(ops.stack([ops.sum(ops.square(g)) for g in gradients])))
    scale = limit / ops.maximum(norm, limit) + (norm - norm)
    return [ops.multiply(g, ops.cast(scale, g.dtype)) for g in gradients]
