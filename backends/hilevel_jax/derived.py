"""The gradient of `ldexp`: JAX's own derivative at 0 is 1 for all exponents."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array
from hilevel.ops.numpy.derived import ldexp_op

ldexp: Any = jax.custom_jvp(jnp.ldexp)


def _ldexp_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    x, exponents = primals
    return ldexp(x, exponents), tangents[0] * jnp.ldexp(jnp.ones_like(x), exponents)


ldexp.defjvp(_ldexp_jvp)

OVERRIDES = {ldexp_op: Override(lambda xp, x, exponents: ldexp(x, exponents))}
