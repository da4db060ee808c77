"""Lookups of rows and elements by index, and scatter-add, the gradient of an embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.engine.types import Namespace
from hilevel.ops.numpy.indexing import (
    embedding_lookup,
    getitem_op,
    is_basic,
    pick,
    scatter_add as scatter_add_op,
)

Array = np.ndarray[Any, Any]

_FEW = 1 << 12
"""The number of elements up to which `numpy.add.at` is fast enough."""
_ROUNDS = 4
"""The number of rows per index that are added one by one, for all indices at once."""


def elements(xp: Namespace, x: Array, key: Any) -> Any:
    """Return the elements of a key. `numpy.take` is several times as fast as a key of one array of indices."""
    places = key[0] if key.__class__ is tuple and len(key) == 1 else key
    if places.__class__ is np.ndarray and places.dtype.kind == "i" and x.ndim and x.flags.c_contiguous:
        return x.take(places, axis=0)
    return x[key]


def scatter_add(xp: Namespace, x: Array, key: Any, shape: tuple[int, ...]) -> Array:
    """Add rows at indices to zeros."""
    if is_basic(key):
        out = np.zeros(shape, x.dtype)
        out[key] = x
        return out
    places = key[0] if key.__class__ is tuple and len(key) == 1 else key
    if (
        places.__class__ is not np.ndarray
        or places.dtype.kind not in "iu"
        or x.size < max(_FEW, 1)
        or x.dtype.char not in "fd"
    ):
        return scatter_add_op.value(xp, x, key, shape)
    rows = x.reshape(places.size, -1)
    if rows.shape != (places.size, np.prod(shape[1:], dtype=int)):
        return scatter_add_op.value(xp, x, key, shape)
    out = np.zeros((shape[0], rows.shape[1]), x.dtype)
    _add_rows(out, np.where(places < 0, places + shape[0], places).reshape(-1), rows)
    return out.reshape(shape)


def _add_rows(out: Array, places: Array, rows: Array) -> None:
    """Add the first row of each index, then the second, and so on; last the sums of the remaining rows."""
    order = np.argsort(places, kind="stable")
    places = places[order]
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    counts = np.diff(begins, append=len(places))
    out[places[begins]] = rows[order[begins]]
    for k in range(1, _ROUNDS):
        begins, counts = begins[counts > k], counts[counts > k]
        if not len(begins):
            return
        out[places[begins]] += rows[order[begins + k]]
    begins, counts = begins[counts > _ROUNDS], counts[counts > _ROUNDS] - _ROUNDS
    if len(begins):
        ends = np.cumsum(counts)
        late = np.repeat(begins + _ROUNDS - (ends - counts), counts) + np.arange(ends[-1])
        out[places[begins]] += np.add.reduceat(rows[order[late]], ends - counts, axis=0)


def all_inside(indices: Array, size: int) -> bool:
    """Return whether all integers are from 0 to `size - 1`. Negative integers are large as unsigned integers."""
    if indices.dtype.char not in "ilq" or not indices.flags.c_contiguous:
        return not indices.size or bool(indices.min() >= 0 and indices.max() < size)
    unsigned = indices.view("u4" if indices.dtype.itemsize == 4 else "u8")
    return not indices.size or bool(np.maximum.reduce(unsigned, axis=None) < size)


def lookup(xp: Namespace, table: Array, indices: Array) -> Array:
    """Look up rows of a table."""
    if not all_inside(indices, len(table)):
        return embedding_lookup.value(xp, table, indices)
    return elements(xp, table, indices)


def lookup_gradient(xp: Namespace, g: Array, y: Array, table: Array, indices: Array) -> Any:
    """Compute the gradient of the table."""
    if all_inside(indices, len(table)):
        return scatter_add_op(g, (indices,), shape=table.shape), None
    rule: Any = embedding_lookup.rule
    return rule(xp, g, y, table, indices)


def picked(xp: Namespace, x: Array, indices: Array) -> Array:
    """Pick elements of the last axis by index."""
    if x.ndim != 2 or indices.shape != x.shape[:1] or not all_inside(indices, x.shape[1]):
        return pick.value(xp, x, indices)
    return x[np.arange(len(x)), indices]


def picked_gradient(xp: Namespace, g: Array, y: Array, x: Array, indices: Array) -> Any:
    """Compute the gradient of the tensor from which elements are picked."""
    if x.ndim != 2 or indices.shape != x.shape[:1] or not all_inside(indices, x.shape[1]):
        rule: Any = pick.rule
        return rule(xp, g, y, x, indices)
    out = np.zeros(x.shape, g.dtype)
    out[np.arange(len(x)), indices] = g
    return out, None


OVERRIDES = {
    getitem_op: Override(elements),
    scatter_add_op: Override(scatter_add),
    embedding_lookup: Override(lookup, lookup_gradient),
    pick: Override(picked, picked_gradient),
}
