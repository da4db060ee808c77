"""Elements by index."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Index, Namespace
from hilevel.ops.numpy import indexing


def lookup(xp: Namespace, table: Array, indices: Array) -> Array:
    """Look up rows of a table, NaN for an index outside. JAX itself counts negative indices from the end."""
    places = jnp.where(indices < 0, table.shape[0], indices)
    return table.at[places].get(mode="fill", fill_value=jnp.nan)


def getitem(xp: Namespace, x: Array, key: Index) -> Array:
    """Return the elements at a key, also of a NumPy array as an array of JAX."""
    return jnp.asarray(x)[key]


OVERRIDES: dict[Any, Override] = {
    indexing.embedding_lookup: Override(lookup),
    indexing.getitem_op: Override(getitem),
}
