"""The graph of a functional model as the protocol buffer that TensorBoard draws."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hilevel import tree
from hilevel.api.optional import import_optional
from hilevel.engine.graph import Node, SymbolicTensor
from hilevel.engine.names import distinct

if TYPE_CHECKING:
    from hilevel.models.model import Model


def graph_def(model: Model) -> Any:
    """Return the graph of a functional or Sequential model: a `GraphDef` with a node for each call of a layer or op.

    The calls of a model in the model form a group, which can be opened.

    Args:
        model: a model with symbolic inputs and outputs.
    """
    graph = _Graph()
    for x in model.inputs:
        graph.add_input(x)
    graph.add_calls(model, "")
    return graph.definition


class _Graph:
    """A `GraphDef` that is filled with the calls of models.

    Attributes:
        definition: the `GraphDef`.
        tensors: the name in the graph of each symbolic tensor, by its id.
    """

    def __init__(self) -> None:
        proto = "tensorboardX.proto."
        graph, attributes, shapes = (
            import_optional(proto + name, "hilevel[tensorboard]", "TensorBoard")
            for name in ("graph_pb2", "attr_value_pb2", "tensor_shape_pb2")
        )
        self.definition = graph.GraphDef()
        self.tensors: dict[int, str] = {}
        self._names: set[str] = set()
        self._value, self._shape = attributes.AttrValue, shapes.TensorShapeProto

    def add_input(self, x: SymbolicTensor) -> None:
        """Add an input of the model."""
        name = x.name if x.node is None else x.node.operation.name
        self.tensors[id(x)] = self._add(name, "Input", [], [x], {})

    def add_calls(self, model: Model, group: str) -> None:
        """Add the calls of a model whose inputs have been added, with names in a group, `""` or `"name/"`."""
        for node in _ordered(model.outputs, set(self.tensors)):
            self._add_call(node, group)

    def _add_call(self, node: Node, group: str) -> None:
        operation, inputs = node.operation, [self.tensors[id(x)] for x in node.inputs]
        name, outputs = group + operation.name, tree.flatten(node.outputs)
        if getattr(operation, "outputs", None):
            names = self._inside(operation, distinct(name, self._names) + "/", inputs)
        else:
            counts = {"parameters": operation.count_params()} if hasattr(operation, "count_params") else {}
            kind = type(operation).__name__ if hasattr(operation, "weights") else operation.name
            own = self._add(name, kind, inputs, outputs, counts)
            names = [own, *(f"{own}:{i}" for i in range(1, len(outputs)))]
        self.tensors.update(zip(map(id, outputs), names, strict=True))

    def _inside(self, model: Model, group: str, inputs: list[str]) -> list[str]:
        """Add the calls of a model in the model, and return the names of its outputs."""
        outer, self.tensors = self.tensors, dict(zip(map(id, model.inputs), inputs, strict=True))
        self._names.add(group.rstrip("/"))
        self.add_calls(model, group)
        names = [self.tensors[id(x)] for x in model.outputs]
        self.tensors = outer
        return names

    def _add(
        self, name: str, kind: str, inputs: list[str], outputs: list[Any], counts: dict[str, int]
    ) -> str:
        """Add a node, and return its name in the graph."""
        name = distinct(re.sub(r"[^\w.\-/]", "_", name, flags=re.ASCII), self._names)
        self._names.add(name)
        node = self.definition.node.add(name=name, op=kind, input=inputs)
        shapes = self._value.ListValue(shape=[self._proto(x.shape) for x in outputs if hasattr(x, "shape")])
        node.attr["_output_shapes"].CopyFrom(self._value(list=shapes))
        for key, count in counts.items():
            node.attr[key].CopyFrom(self._value(i=count))
        return name

    def _proto(self, shape: Iterable[int | None]) -> Any:
        return self._shape(dim=[self._shape.Dim(size=-1 if n is None else n) for n in shape])


def _ordered(outputs: list[Any], known: set[int]) -> list[Node]:
    """Return the calls that outputs depend on, each after the calls of its inputs, as far as tensors are not known."""
    order: dict[int, Node] = {}
    todo: list[Any] = [x.node for x in reversed(outputs) if id(x) not in known]
    while todo:
        node = todo[-1]
        before = [x.node for x in node.inputs if id(x) not in known and id(x.node) not in order]
        if before and id(node) not in order:
            todo += reversed(before)
        else:
            order.setdefault(id(todo.pop()), node)
    return list(order.values())
