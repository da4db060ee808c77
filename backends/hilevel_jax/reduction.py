"""Indices of minima and maxima."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Function, Namespace
from hilevel.ops.numpy import reduction


def index_of(along_axis: Function, over_all: Function) -> Function:
    """Return `argmax` or `argmin` that computes indices of 32 bits, at half the cost of 64 bits."""

    def value(xp: Namespace, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        if axis is None:
            return over_all(x, keepdims=keepdims).astype(jnp.int32)
        index = along_axis(x, axis % x.ndim, jnp.int32)
        return jnp.expand_dims(index, axis) if keepdims else index

    return value


OVERRIDES: dict[Any, Override] = {
    reduction.argmax: Override(index_of(jax.lax.argmax, jnp.argmax)),
    reduction.argmin: Override(index_of(jax.lax.argmin, jnp.argmin)),
}
