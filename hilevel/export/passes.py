"""Passes over the nodes of a graph."""

from __future__ import annotations

import numpy as np

from hilevel.export.graph import Graph, Node


def simplify(graph: Graph) -> None:
    """Remove pairs of inverse transposes, and nodes and constants without effect on the outputs."""
    _cancel_transposes(graph)
    _rename_outputs(graph)
    drop_unused(graph)


def _cancel_transposes(graph: Graph) -> None:
    """Let readers of a transposed transpose read the original, or a single transpose."""
    made: dict[str, Node] = {}
    same: dict[str, str] = {}
    for node in graph.nodes:
        for each in node.all():
            each.inputs = [same.get(name, name) for name in each.inputs]
        if node.kind == "Identity" and node.outputs[0] not in {v.name for v in graph.outputs}:
            same[node.outputs[0]] = node.inputs[0]
        before = made.get(node.inputs[0]) if node.kind == "Transpose" else None
        if before is not None:
            order = [before.attributes["perm"][i] for i in node.attributes["perm"]]
            node.inputs, node.attributes = list(before.inputs), {"perm": order}
            if order == sorted(order):
                same[node.outputs[0]] = before.inputs[0]
        if node.kind == "Transpose":
            made[node.outputs[0]] = node


def _rename_outputs(graph: Graph) -> None:
    """Give the node that computes an output the name of the output."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    readers: dict[str, list[Node]] = {}
    for node in [inner for outer in graph.nodes for inner in outer.all()]:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    for output in graph.outputs:
        last = makers[output.name]
        source = last.inputs[0]
        if last.kind != "Identity" or source not in makers or source in {v.name for v in graph.outputs}:
            continue
        maker = makers[source]
        maker.outputs = [output.name if name == source else name for name in maker.outputs]
        for node in readers[source]:
            node.inputs = [output.name if name == source else name for name in node.inputs]
        graph.nodes.remove(last)
        makers[output.name] = maker


def drop_unused(graph: Graph) -> None:
    """Remove nodes and constants on which no output depends."""
    used = {value.name for value in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if used.intersection(node.outputs):
            used.update(name for each in node.all() for name in each.inputs)
            kept.append(node)
    graph.nodes = kept[::-1]
    graph.constants = {name: array for name, array in graph.constants.items() if name in used}


def narrow(graph: Graph) -> None:
    """Store constants that bfloat16 represents exactly in it, if the model computes in bfloat16.

    The ops of such a model compute in float32 and round their results, so a Cast restores each constant.
    """
    types = [node.attributes.get("to") for node in graph.nodes]
    bfloat16 = next((dtype for dtype in types if dtype is not None and dtype.name == "bfloat16"), None)
    if bfloat16 is None:
        return
    for name, array in list(graph.constants.items()):
        if array.dtype == np.float32 and array.size > 1:
            stored = array.astype(bfloat16)
            if np.array_equal(array, stored.astype(np.float32)):
                short = graph.unique(f"{name}/bfloat16")
                graph.constants[short] = stored
                del graph.constants[name]
                graph.nodes.insert(0, Node("Cast", [short], [name], {"to": array.dtype}))
