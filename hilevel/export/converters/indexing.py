"""Converters of indexing and scattering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.spec import TensorSpec
from hilevel.errors import ExportError
from hilevel.export.converters.table import cast, converter
from hilevel.export.graph import Graph, Value
from hilevel.ops.core import scatter
from hilevel.ops.numpy import indexing

LARGEST = np.iinfo(np.int64).max
"""The end of a slice that reaches the end of an axis."""


@converter(indexing.getitem_op)
def _(graph: Graph, y: TensorSpec, x: Value, key: Any) -> Any:
    """Convert slices and integers to one Slice, and arrays of indices to one Gather."""
    parts = _parts(key, x.rank)
    used = [p for p in parts if p is not None]
    with_arrays = any(map(_is_array, used))
    result = _sliced(graph, x, used, with_arrays)
    if with_arrays:
        return _gathered(graph, result, parts)
    dropped = [axis for axis, part in enumerate(used) if not isinstance(part, slice)]
    return _with_axes(graph, graph.Squeeze(result, dropped) if dropped else result, parts)


def _parts(key: Any, rank: int) -> list[Any]:
    """Return a slice, an integer or an array for each axis of a tensor, and None for each new axis."""
    parts = indexing._expanded(key if isinstance(key, tuple) else (key,), rank)
    if any(getattr(p, "dtype", None) == np.bool_ for p in parts):
        raise ExportError("An index of booleans has no form in ONNX.")
    return parts + [slice(None)] * (rank - sum(p is not None for p in parts))


def _is_array(part: Any) -> bool:
    return bool(getattr(part, "shape", ()))


def _sliced(graph: Graph, x: Value, parts: Sequence[Any], keeps_integers: bool) -> Any:
    """Return the part of a tensor that slices select, and integers, too, unless these are kept for a Gather."""
    cuts = []
    for axis, part in enumerate(parts):
        if isinstance(part, slice):
            if part != slice(None):
                cuts.append((axis, *_limits(part)))
        elif not _is_array(part) and not keeps_integers:
            cuts.append((axis, int(part), int(part) + 1 if int(part) != -1 else LARGEST, 1))
    if not cuts:
        return x
    axes, starts, stops, steps = map(list, zip(*cuts, strict=True))
    return graph.Slice(x, starts, stops, axes, steps)


def _limits(part: slice) -> tuple[int, int, int]:
    step = 1 if part.step is None else part.step
    start = (0 if step > 0 else LARGEST) if part.start is None else part.start
    stop = (LARGEST if step > 0 else -LARGEST) if part.stop is None else part.stop
    return start, stop, step


def _gathered(graph: Graph, x: Any, parts: Sequence[Any]) -> Any:
    """Return the elements at index arrays. The axes of the arrays are in the place of the first, as in NumPy."""
    places = [i for i, p in enumerate(parts) if p is not None and not isinstance(p, slice)]
    used = [p for p in parts if p is not None]
    axes = [axis for axis, p in enumerate(used) if not isinstance(p, slice)]
    first, rank = axes[0], max(len(getattr(used[a], "shape", ())) for a in axes)
    adjacent = places == list(range(places[0], places[-1] + 1))
    if len(axes) == 1:
        result = graph.Gather(x, graph.value(used[first]), axis=first)
    else:
        rest = [i for i in range(len(used)) if i not in axes]
        indices = _stacked(graph, [used[a] for a in axes])
        result = graph.GatherND(graph.transposed(x, [*axes, *rest]), indices)
        if adjacent and first:
            order = [*range(rank, rank + first), *range(rank), *range(rank + first, rank + len(rest))]
            result = graph.transposed(result, order)
    position = places[0] if adjacent else 0
    new = [slice(None)] * rank
    kept = [p for i, p in enumerate(parts) if i not in places]
    before = sum(i not in places for i in range(position))
    return _with_axes(graph, result, [*kept[:before], *new, *kept[before:]])


def _stacked(graph: Graph, arrays: Sequence[Any]) -> Any:
    """Return index arrays, broadcast and stacked along a new last axis."""
    wide = [cast(graph, graph.value(a, np.int64), np.int64) for a in arrays]
    total = wide[0]
    for other in wide[1:]:
        total = graph.Add(total, other)
    shape = graph.Shape(total)
    return graph.Concat(*[graph.Unsqueeze(graph.Expand(a, shape), [-1]) for a in wide], axis=-1)


def _with_axes(graph: Graph, x: Any, parts: Sequence[Any]) -> Any:
    """Add an axis for each None among parts, of which the others are slices or, without an axis, integers."""
    kept = [p for p in parts if p is None or isinstance(p, slice)]
    added = [i for i, p in enumerate(kept) if p is None]
    return graph.Unsqueeze(x, added) if added else x


@converter(indexing.embedding_lookup)
def _(graph: Graph, y: TensorSpec, table: Value, indices: Value) -> Any:
    """Convert the rows of indices. An index outside the table is an error of the runtime."""
    return graph.Gather(table, indices, axis=0)


@converter(indexing.pick)
def _(graph: Graph, y: TensorSpec, x: Value, indices: Value) -> Any:
    wide = graph.Unsqueeze(cast(graph, indices, np.int64), [x.rank - 1])
    return graph.Squeeze(graph.GatherElements(x, wide, axis=-1), [x.rank - 1])


@converter(indexing.take_along_axis)
def _(graph: Graph, y: TensorSpec, x: Any, indices: Any, axis: int | None = None) -> Any:
    x, indices = graph.value(x), graph.value(indices)
    places = cast(graph, indices, np.int64)
    if axis is None:
        return graph.GatherElements(graph.Reshape(x, [-1]), graph.Reshape(places, [-1]), axis=0)
    axis %= x.rank
    if x.shape[:axis] + x.shape[axis + 1 :] != indices.shape[:axis] + indices.shape[axis + 1 :]:
        wide = [*y.shape[:axis], x.shape[axis], *y.shape[axis + 1 :]]
        return graph.GatherElements(graph.Expand(x, wide), graph.Expand(places, list(y.shape)), axis=axis)
    return graph.GatherElements(x, places, axis=axis)


@converter(indexing.scatter_add)
def _(graph: Graph, y: TensorSpec, x: Value, key: Any, shape: Any) -> Any:
    return _scattered(graph, graph.Expand(np.zeros((), y.dtype), list(y.shape)), y, x, key, "add")


@converter(scatter._scatter)
def _(graph: Graph, y: TensorSpec, x: Value, updates: Value, key: Any, reduction: str | None) -> Any:
    return _scattered(graph, x, y, updates, key, reduction or "none")


def _scattered(graph: Graph, x: Any, y: TensorSpec, updates: Value, key: Any, reduction: str) -> Any:
    """Return a tensor with updates at index arrays for its first axes."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if not all(hasattr(p, "dtype") and p.dtype.kind in "iu" for p in parts):
        raise ExportError("Only updates at index arrays for the first axes have a form in ONNX.")
    indices = _stacked(graph, parts)
    rest = list(y.shape[len(parts) :])
    places = graph.Shape(indices, end=-1)
    wide = graph.Expand(updates, graph.Concat(places, rest, axis=0) if rest else places)
    return graph.ScatterND(x, indices, wide, reduction=reduction)
