"""Elements by index, and in another shape."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Index, Namespace
from hilevel.ops.numpy import indexing, shaping


def lookup(xp: Namespace, table: Array, indices: Array) -> Array:
    """Look up rows of a table, NaN for an index outside. JAX itself counts negative indices from the end."""
    places = jnp.where(indices < 0, table.shape[0], indices)
    return table.at[places].get(mode="fill", fill_value=jnp.nan)


def getitem(xp: Namespace, x: Array, key: Index) -> Array:
    """Return the elements at a key, also of a NumPy array as an array of JAX."""
    return jnp.asarray(x)[key]


def reshape(xp: Namespace, x: Array, newshape: Any) -> Array:
    """Return the elements in another shape, also of a NumPy array as an array of JAX."""
    return jnp.reshape(jnp.asarray(x), newshape)


OVERRIDES: dict[Any, Override] = {
    indexing.embedding_lookup: Override(lookup),
    indexing.getitem_op: Override(getitem),
    shaping.reshape: Override(reshape),
}
