"""Ops that JAX computes better in a form of its own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hilevel._types import Array
from hilevel.protocol import Override
from hilevel_jax.convolution import CONVOLUTION
from hilevel_jax.pooling import POOLING
from hilevel_jax.recurrent import RECURRENT


def sparse_softmax_crossentropy(xp: Any, logits: Array, target: Array) -> Array:
    """Without a gather, whose gradient would be a scatter: on a CPU that is slow."""
    shifted = logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    hot = target[..., None] == jnp.arange(logits.shape[-1], dtype=target.dtype)
    own = jnp.sum(jnp.where(hot, shifted, 0), axis=-1)
    return jnp.log(jnp.sum(jnp.exp(shifted), axis=-1)) - own


def softmax_crossentropy(xp: Any, logits: Array, target: Array) -> Array:
    """With the maximum as a constant, which it is for the result."""
    shifted = logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    total = jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True))
    return jnp.sum(target * (total - shifted), axis=-1)


def index_of(extreme: Any, whole: Any) -> Any:
    """`argmax` or `argmin` with indices of 32 bits from the start: those of 64 cost twice as much."""

    def value(xp: Any, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        if axis is None:
            return whole(x, keepdims=keepdims).astype(jnp.int32)
        index = extreme(x, axis % x.ndim, jnp.int32)
        return jnp.expand_dims(index, axis) if keepdims else index

    return value


OVERRIDES: dict[str, Override] = {
    **CONVOLUTION,
    **POOLING,
    "argmax": Override(index_of(jax.lax.argmax, jnp.argmax)),
    "argmin": Override(index_of(jax.lax.argmin, jnp.argmin)),
    "erf": Override(lambda xp, x: jax.scipy.special.erf(x)),
    "recurrent": RECURRENT,
    "softplus": Override(lambda xp, x: jax.nn.softplus(x)),
    "softmax_crossentropy": Override(softmax_crossentropy),
    "sparse_softmax_crossentropy": Override(sparse_softmax_crossentropy),
    "stop_gradient": Override(lambda xp, variable: jax.lax.stop_gradient(variable)),
}
