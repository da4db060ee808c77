"""Triangular systems, by JAX."""

from __future__ import annotations

import jax

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Namespace
from hilevel.ops.linalg.solving import solve_triangular_op


def _solve_triangular(xp: Namespace, a: Array, b: Array, lower: bool) -> Array:
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


OVERRIDES = {solve_triangular_op: Override(_solve_triangular)}
