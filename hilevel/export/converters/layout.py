"""Converters of ops that move elements: reshape, transpose, pad, joins."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.spec import TensorSpec, is_unknown
from hilevel.errors import ExportError
from hilevel.export.converters.indexing import LARGEST
from hilevel.export.converters.table import cast, converter, number, positive_axes
from hilevel.export.graph import Graph, Value
from hilevel.ops.numpy import joining, shaping


@converter(ops.reshape)
def _(graph: Graph, y: TensorSpec, x: Value, newshape: Any) -> Any:
    return graph.reshaped(
        x, [newshape] if isinstance(newshape, int) else [-1 if n == -1 else n for n in y.shape]
    )


@converter(ops.transpose)
def _(graph: Graph, y: TensorSpec, x: Value, axes: Any = None) -> Any:
    order = list(reversed(range(x.rank))) if axes is None else [int(a) % x.rank for a in axes]
    return graph.transposed(x, order)


@converter(ops.expand_dims)
def _(graph: Graph, y: TensorSpec, x: Value, axis: Any) -> Any:
    return graph.Unsqueeze(x, positive_axes(axis, len(y.shape)))


@converter(ops.squeeze)
def _(graph: Graph, y: TensorSpec, x: Value, axis: Any = None) -> Any:
    if axis is None and any(map(is_unknown, x.shape)):
        raise ExportError(f"An axis of unknown size in {x.shape} may have length 1. Give squeeze the axis.")
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else positive_axes(axis, x.rank)
    return graph.Squeeze(x, axes) if axes else graph.Identity(x)


@converter(ops.broadcast_to)
def _(graph: Graph, y: TensorSpec, x: Value, shape: Any) -> Any:
    return graph.Expand(x, list(y.shape))


@converter(ops.flip)
def _(graph: Graph, y: TensorSpec, x: Value, axis: Any = None) -> Any:
    axes = positive_axes(axis, x.rank)
    n = len(axes)
    return graph.Slice(x, [-1] * n, [-LARGEST] * n, axes, [-1] * n)


@converter(ops.roll)
def _(graph: Graph, y: TensorSpec, x: Value, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return graph.reshaped(_rolled(graph, graph.Reshape(x, [-1]), shift, 0), x.shape)
    pairs = zip(np.atleast_1d(shift), np.atleast_1d(axis), strict=True)
    result: Any = x
    for s, a in pairs:
        result = _rolled(graph, result, int(s) % max(int(x.shape[a]), 1) if int(s) < 0 else int(s), int(a))
    return result


def _rolled(graph: Graph, x: Any, shift: int, axis: int) -> Any:
    if not shift:
        return x
    parts = graph.Slice(x, [-shift], [LARGEST], [axis]), graph.Slice(x, [0], [-shift], [axis])
    return graph.Concat(*parts, axis=axis)


@converter(ops.pad)
def _(
    graph: Graph, y: TensorSpec, x: Value, pad_width: Any, mode: str = "constant", constant_values: Any = None
) -> Any:
    pairs = shaping._pairs(pad_width, x.rank)
    if mode == "symmetric":
        return _symmetric(graph, x, pairs)
    before, after = zip(*pairs, strict=True)
    value = number(x, constant_values or 0) if mode == "constant" else None
    return graph.Pad(x, [*before, *after], value, mode=mode)


def _symmetric(graph: Graph, x: Value, pairs: Any) -> Any:
    """Return a value with its elements mirrored at its ends, by their indices."""
    result: Any = x
    for axis, (pair, n) in enumerate(zip(pairs, x.shape, strict=True)):
        if any(pair):
            result = graph.Gather(result, np.pad(np.arange(n), pair, mode="symmetric"), axis=axis)
    return result


@converter(joining._concatenate)
def _(graph: Graph, y: TensorSpec, *xs: Value, axis: int = 0) -> Any:
    return graph.Concat(*[cast(graph, x, y.dtype) for x in xs], axis=axis)


@converter(joining._repeat)
def _(graph: Graph, y: TensorSpec, x: Value, repeats: int, axis: int) -> Any:
    axis %= x.rank
    shape = [*x.shape[: axis + 1], repeats, *x.shape[axis + 1 :]]
    return graph.reshaped(graph.Expand(graph.Unsqueeze(x, [axis + 1]), shape), y.shape)


@converter(shaping._mask_triangle)
def _(graph: Graph, y: TensorSpec, x: Value, k: int, upper: bool) -> Any:
    numbers = graph.Cast(x, to=np.dtype(np.int32)) if x.dtype.kind == "b" else x
    part = graph.Trilu(numbers, np.int64(k), upper=int(upper))
    return graph.Cast(part, to=x.dtype) if x.dtype.kind == "b" else part
