"""Resizing of images."""

from __future__ import annotations

from typing import Any

import jax

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Namespace
from hilevel.ops.image.resizing import multiply_axis


def multiplied(xp: Namespace, x: Array, matrix: Any, axis: int) -> Array:
    """Multiply vectors along an axis by a matrix, in full precision. On GPUs JAX would round to 10 bits."""
    with jax.default_matmul_precision("highest"):
        return multiply_axis.value(xp, x, matrix=matrix, axis=axis)


OVERRIDES = {multiply_axis: Override(multiplied)}
