"""Indices of extremes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array
from hilevel.ops.numpy import reduction


def index_of(extreme: Any, whole: Any) -> Any:
    """`argmax` or `argmin` with indices of 32 bits from the start: those of 64 cost twice as much."""

    def value(xp: Any, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        if axis is None:
            return whole(x, keepdims=keepdims).astype(jnp.int32)
        index = extreme(x, axis % x.ndim, jnp.int32)
        return jnp.expand_dims(index, axis) if keepdims else index

    return value


OVERRIDES: dict[Any, Override] = {
    reduction.argmax: Override(index_of(jax.lax.argmax, jnp.argmax)),
    reduction.argmin: Override(index_of(jax.lax.argmin, jnp.argmin)),
}
