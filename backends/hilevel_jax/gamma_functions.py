"""The gamma functions, by JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Namespace
from hilevel.ops.math.gamma_functions import by_shape, gammainc, lgamma


def _gammainc(xp: Namespace, x1: Array, x2: Array) -> Array:
    a, x = jnp.broadcast_arrays(x1, x2)
    return jax.scipy.special.gammainc(a, x)


def _by_shape(xp: Namespace, a: Array, x: Array) -> Array:
    return jax.lax.igamma_grad_a(*jnp.broadcast_arrays(a, x))


OVERRIDES = {
    lgamma: Override(lambda xp, x: jax.scipy.special.gammaln(x)),
    gammainc: Override(_gammainc),
    by_shape: Override(_by_shape),
}
