"""Converters of layers' ops: dense, convolutions, pooling, normalization, attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.spec import TensorSpec, is_unknown
from hilevel.errors import ExportError
from hilevel.export.converters.table import CONVERTERS, cast, converter, number, positive_axes
from hilevel.export.graph import Graph, Value
from hilevel.ops.nn import attention, convolution, normalization, pooling
from hilevel.ops.nn.dense import dense
from hilevel.ops.nn.windows import Windows, to_first, to_last

ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
"""The fused activations, apart from `linear`."""


def activated(graph: Graph, x: Any, activation: str) -> Any:
    """Return a value after a fused activation."""
    return graph.node(ACTIVATIONS[activation], x) if activation in ACTIVATIONS else x


@converter(dense)
def _(
    graph: Graph,
    y: TensorSpec,
    x: Value,
    kernel: Value,
    bias: Value | None = None,
    activation: str = "linear",
) -> Any:
    if x.rank == 2 and bias is not None:
        return activated(graph, graph.Gemm(x, kernel, bias), activation)
    product = graph.MatMul(x, kernel)
    return activated(graph, product if bias is None else graph.Add(product, bias), activation)


def _softmax(kind: str) -> Any:
    """Return a converter of softmax over one axis, or over several as one."""

    def convert(graph: Graph, y: TensorSpec, x: Value, axis: Any = -1) -> Any:
        axes = positive_axes(axis, x.rank)
        if len(axes) == 1:
            return graph.node(kind, x, axis=axes[0])
        order = [i for i in range(x.rank) if i not in axes] + axes
        moved = [x.shape[i] for i in order]
        flat = graph.reshaped(
            graph.transposed(x, order), [*moved[: -len(axes)], math.prod(moved[-len(axes) :])]
        )
        return graph.transposed(graph.reshaped(graph.node(kind, flat, axis=-1), moved), np.argsort(order))

    return convert


CONVERTERS[ops.softmax] = _softmax("Softmax")
CONVERTERS[ops.log_softmax] = _softmax("LogSoftmax")


# -- windows -------------------------------------------------------------------------------------------


def _channels_first(graph: Graph, x: Value) -> Any:
    return graph.transposed(x, to_first(x.rank))


def _geometry(windows: Windows) -> dict[str, Any]:
    """Return the attributes of windows. Padding of unknown size is the padding "same" of an unknown axis."""
    geometry = {
        "kernel_shape": list(windows.size), "strides": list(windows.strides), "dilations": list(windows.dilation),
    }  # fmt: skip
    if any(is_unknown(n) for pair in windows.padding for n in pair):
        return geometry | {"auto_pad": "SAME_UPPER"}
    before, after = zip(*windows.padding, strict=True)
    return geometry | {"pads": [*before, *after]}


@converter(convolution.convolution)
def _(
    graph: Graph, y: TensorSpec, x: Value, kernel: Value, bias: Value | None, windows: Windows, groups: int,
    activation: str,
) -> Any:  # fmt: skip
    rank = x.rank
    weights = graph.transposed(kernel, _filters_first(rank))
    product = graph.Conv(_channels_first(graph, x), weights, bias, group=groups, **_geometry(windows))
    return graph.transposed(activated(graph, product, activation), to_last(rank))


@converter(convolution.convolution_input_gradient)
def _(
    graph: Graph,
    y: TensorSpec,
    g: Value,
    kernel: Value,
    windows: Windows,
    groups: int,
    spatial: tuple[int, ...],
) -> Any:
    """Convert a transposed convolution. It is padded at its end by the elements that no window covers."""
    ends = zip(spatial, windows.padding, windows.padded_size(g.shape[1:-1]), strict=True)
    rests = [n + low + high - covered for n, (low, high), covered in ends]
    before, after = zip(*windows.padding, strict=True)
    if any(map(is_unknown, (*rests, *before, *after))):
        raise ExportError("The padding depends on a size that is unknown in the exported file.")
    product = graph.ConvTranspose(
        _channels_first(graph, g), graph.transposed(kernel, _filters_first(kernel.rank)), group=groups,
        kernel_shape=list(windows.size), strides=list(windows.strides), dilations=list(windows.dilation),
        pads=[max(n, 0) for n in (*before, *after)], output_padding=rests,
    )  # fmt: skip
    if min(*before, *after) < 0:
        product = graph.Pad(
            product, [0, 0, *(max(-n, 0) for n in before), 0, 0, *(max(-n, 0) for n in after)]
        )
    return graph.transposed(product, to_last(g.rank))


def _filters_first(rank: int) -> tuple[int, ...]:
    """Return the order of axes of ONNX's kernels: filters, channels, size."""
    return (rank - 1, rank - 2, *range(rank - 2))


@converter(pooling.max_pool_op)
def _(graph: Graph, y: TensorSpec, x: Value, windows: Windows) -> Any:
    pooled = graph.MaxPool(_channels_first(graph, x), **_geometry(windows))
    return graph.transposed(pooled, to_last(x.rank))


@converter(pooling.sum_pool_op)
def _(graph: Graph, y: TensorSpec, x: Value, windows: Windows) -> Any:
    """Convert a sum as a mean that counts the padding, times the number of elements."""
    geometry = _geometry(windows)
    del geometry["dilations"]
    pooled = graph.AveragePool(_channels_first(graph, x), count_include_pad=1, **geometry)
    return graph.Mul(graph.transposed(pooled, to_last(x.rank)), number(x, math.prod(windows.size)))


# -- normalization and attention -----------------------------------------------------------------------


@converter(normalization.standardize_op)
def _(
    graph: Graph, y: Any, x: Value, gamma: Value | None, beta: Value | None, axes: Any, epsilon: float
) -> Any:
    where = positive_axes(axes, x.rank)
    mean = graph.ReduceMean(x, where, keepdims=1)
    centred = graph.Sub(x, mean)
    variance = graph.ReduceMean(graph.Mul(centred, centred), where, keepdims=1)
    result = graph.Div(centred, graph.Sqrt(graph.Add(variance, number(x, epsilon))))
    result = result if gamma is None else graph.Mul(result, gamma)
    result = result if beta is None else graph.Add(result, beta)
    return result, graph.Squeeze(mean, where), graph.Squeeze(variance, where)


@converter(attention.attention_op)
def _(
    graph: Graph, y: TensorSpec, query: Value, key: Value, value: Value, bias: Value | None, mask: Value | None,
    keep: Value | None, scale: float, rate: float,
) -> Any:  # fmt: skip
    order = [*range(key.rank - 2), key.rank - 1, key.rank - 2]
    scores = graph.MatMul(graph.Mul(query, number(query, scale)), graph.transposed(key, order))
    wide = np.dtype(np.float32) if query.dtype.itemsize == 2 else query.dtype
    scores = scores if wide == query.dtype else graph.Cast(scores, to=wide)
    scores = scores if bias is None else graph.Add(scores, bias)
    if mask is not None:
        limits = wide.type(np.inf), wide.type(attention.masked_score(wide))
        scores = graph.Min(scores, graph.Where(cast(graph, mask, np.bool_), *map(np.asarray, limits)))
    weights = graph.Softmax(scores, axis=-1)
    return graph.MatMul(weights if wide == query.dtype else graph.Cast(weights, to=query.dtype), value)
