"""Converters of reductions, products and sorts."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.spec import TensorSpec
from hilevel.export.converters.table import CONVERTERS, cast, converter, positive_axes
from hilevel.export.graph import Graph, Value
from hilevel.ops.image.resizing import multiply_axis
from hilevel.ops.numpy import products, reduction

REDUCTIONS = {
    ops.sum: "ReduceSum", ops.mean: "ReduceMean", reduction._max: "ReduceMax", reduction._min: "ReduceMin",
    reduction._prod: "ReduceProd",
}  # fmt: skip


def _reduction(kind: str) -> Any:
    def convert(graph: Graph, y: TensorSpec, x: Value, axis: Any = None, keepdims: bool = False) -> Any:
        axes = positive_axes(axis, x.rank)
        wide = cast(graph, x, y.dtype)
        return graph.node(kind, wide, axes, keepdims=int(keepdims)) if axes else graph.Identity(wide)

    return convert


CONVERTERS.update({op: _reduction(kind) for op, kind in REDUCTIONS.items()})


def _truth(kind: str) -> Any:
    """Return a converter of `all` or `any`, by the smallest or largest of 0 and 1."""

    def convert(graph: Graph, y: TensorSpec, x: Value, axis: Any = None, keepdims: bool = False) -> Any:
        numbers = graph.Cast(cast(graph, x, np.bool_), to=np.dtype(np.int32))
        axes = positive_axes(axis, x.rank)
        return graph.Cast(graph.node(kind, numbers, axes, keepdims=int(keepdims)), to=np.dtype(np.bool_))

    return convert


CONVERTERS[ops.all] = _truth("ReduceMin")
CONVERTERS[ops.any] = _truth("ReduceMax")


def _arg(kind: str) -> Any:
    def convert(graph: Graph, y: TensorSpec, x: Value, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None:
            flat = graph.node(kind, graph.Reshape(x, [-1]), axis=0, keepdims=0)
            return graph.Cast(graph.Reshape(flat, [1] * x.rank) if keepdims else flat, to=y.dtype)
        return graph.Cast(graph.node(kind, x, axis=axis, keepdims=int(keepdims)), to=y.dtype)

    return convert


CONVERTERS[ops.argmax] = _arg("ArgMax")
CONVERTERS[ops.argmin] = _arg("ArgMin")


@converter(reduction._cumsum)
def _(graph: Graph, y: TensorSpec, x: Value, axis: int) -> Any:
    return graph.CumSum(x, np.int64(axis))


def _sorted(graph: Graph, x: Value, axis: int | None) -> Any:
    """Return the values of an axis in ascending order, and their indices."""
    flat = x if axis is not None and x.shape else graph.Reshape(x, [-1])
    axis = -1 if axis is None else axis
    count = graph.Shape(flat) if flat is not x else [x.shape[axis]]
    return graph.node("TopK", flat, count, outputs=2, axis=axis, largest=0)


@converter(ops.sort)
def _(graph: Graph, y: TensorSpec, x: Value, axis: int | None = -1) -> Any:
    return _sorted(graph, x, axis)[0]


@converter(ops.argsort)
def _(graph: Graph, y: TensorSpec, x: Value, axis: int | None = -1) -> Any:
    return graph.Cast(_sorted(graph, x, axis)[1], to=y.dtype)


@converter(ops.top_k)
def _(graph: Graph, y: Any, x: Value, k: int, sorted: bool = True) -> Any:
    values, indices = graph.node("TopK", x, [k], outputs=2)
    return values, graph.Cast(indices, to=y[1].dtype)


@converter(products.matmul)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    return graph.MatMul(a, b)


@converter(products._einsum)
def _(graph: Graph, y: TensorSpec, *operands: Value, subscripts: str) -> Any:
    return graph.Einsum(*operands, equation=subscripts)


@converter(multiply_axis)
def _(graph: Graph, y: TensorSpec, x: Value, matrix: Any, axis: int) -> Any:
    """Convert a product along an axis as a product with a matrix, with the axis moved to the end."""
    order = [i for i in range(x.rank) if i != axis] + [axis]
    product = graph.MatMul(graph.transposed(x, order), np.asarray(matrix.T, x.dtype))
    return graph.transposed(product, np.argsort(order))
