"""Kernels as 8-bit integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.export.graph import Graph, Node
from hilevel.export.passes import drop_unused

CHANNEL_AXES = {"MatMul": (1, -1), "Gemm": (1, -1), "Conv": (1, 0), "ConvTranspose": (1, 1)}
"""The position of the kernel among the inputs of an operator, and its axis of channels."""


def quantize(graph: Graph) -> None:
    """Replace the kernels of products and convolutions by integers and a scale for each channel.

    The scale is the largest magnitude of a channel divided by 127 (symmetric). A DequantizeLinear restores the floats.
    Recurrent layers, attention by einsum, and embeddings keep theirs.
    """
    nodes: list[Node] = []
    done: dict[str, str] = {}
    for node in graph.nodes:
        place, axis = CHANNEL_AXES.get(node.kind, (None, 0))
        name = "" if place is None else node.inputs[place]
        array = graph.constants.get(name)
        if place is not None and array is not None and array.dtype == np.float32 and array.ndim > 1:
            if name not in done:
                done[name] = graph.unique(f"{name}/float")
                nodes.append(_dequantize(graph, name, array, axis % array.ndim, done[name]))
            node.inputs[place] = done[name]
        nodes.append(node)
    graph.nodes = nodes
    drop_unused(graph)


def _dequantize(graph: Graph, name: str, array: Any, axis: int, output: str) -> Node:
    """Add the integers and scales of a kernel to the constants. Return the node that restores it."""
    others = tuple(i for i in range(array.ndim) if i != axis)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    integers, factors = graph.unique(f"{name}/int8"), graph.unique(f"{name}/scale")
    graph.constants[integers] = np.rint(array / scales).astype(np.int8)
    graph.constants[factors] = scales.reshape(-1)
    return Node("DequantizeLinear", [integers, factors], [output], {"axis": axis})
