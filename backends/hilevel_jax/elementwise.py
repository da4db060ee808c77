"""Ops whose gradient is not JAX's own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array
from hilevel.ops.numpy import derived, elementwise

# JAX's own derivative of ldexp at 0 is 1 for all exponents.
ldexp: Any = jax.custom_jvp(jnp.ldexp)


def _ldexp_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    x, exponents = primals
    return ldexp(x, exponents), tangents[0] * jnp.ldexp(jnp.ones_like(x), exponents)


ldexp.defjvp(_ldexp_jvp)

OVERRIDES = {
    derived.ldexp_op: Override(lambda xp, x, exponents: ldexp(x, exponents)),
    elementwise.stop_gradient: Override(lambda xp, variable: jax.lax.stop_gradient(variable)),
}
