"""Lookups, and indices of extremes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array
from hilevel.ops.numpy import indexing


def lookup(xp: Any, table: Array, indices: Array) -> Array:
    """Rows of a table, NaN for an index outside. JAX itself counts negative indices from the end."""
    places = jnp.where(indices < 0, table.shape[0], indices)
    return table.at[places].get(mode="fill", fill_value=jnp.nan)


def getitem(xp: Any, x: Array, key: Any) -> Array:
    """The elements at a key. NumPy's arrays cannot be indexed with arrays of JAX."""
    return (x if indexing.is_basic(key) else jnp.asarray(x))[key]


OVERRIDES: dict[Any, Override] = {
    indexing.embedding_lookup: Override(lookup),
    indexing.getitem_op: Override(getitem),
}
