"""The contents of a model's picture: boxes for layers and ops, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hilevel import tree
from hilevel.engine.graph import SymbolicTensor
from hilevel.errors import ArgumentError
from hilevel.layers.base.layer import Layer
from hilevel.layers.core.input_layer import InputLayer
from hilevel.models.model import Model
from hilevel.models.sequential import Sequential
from hilevel.models.summary import output_shape


@dataclass(frozen=True)
class Contents:
    """The contents of boxes: lines of shapes, dtypes, activations and `trainable`; names; the layers of models."""

    shapes: bool = False
    dtypes: bool = False
    names: bool = False
    activations: bool = False
    trainable: bool = False
    nested: bool = False


@dataclass
class Box:
    """A box: a title, lines of a label and a value, and the diagram of an expanded model.

    `kind` is `"input"`, `"layer"`, `"op"` or `"model"`.
    """

    title: str
    kind: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    inside: Diagram | None = None


@dataclass
class Diagram:
    """Boxes, and edges between their indices; `arrows` is False if the edges are an order of layers, not of data."""

    boxes: list[Box]
    edges: list[tuple[int, int]]
    arrows: bool = True


@dataclass
class _Calls:
    """An operation with the symbolic tensors of each of its calls."""

    operation: Any
    inputs: list[list[SymbolicTensor]] = field(default_factory=list)
    outputs: list[list[SymbolicTensor]] = field(default_factory=list)


def diagram_of(model: Any, contents: Contents, user: str = "plot_model") -> Diagram:
    """Return the boxes of a model in the order of their first calls, one for each layer and each call of an op.

    Raises:
        ArgumentError: the object is not a model.
        ValueError: the model is not built, or has no layers.
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"{user} expects a model; got {type(model).__name__}.")
    if not model.built:
        raise ValueError(
            f"{user}: {model._label()} is not built, so its shapes are unknown. Call model.build(input_shape), or "
            "the model on a batch."
        )
    found = _chain(model, contents) if model._graph is None else _graph(model, contents)
    if not found.boxes:
        raise ValueError(f"{user}: {model._label()} has no layers.")
    return found


def _chain(model: Model, contents: Contents) -> Diagram:
    """Return the diagram of a model without a graph: its layers in order."""
    boxes = [_box(_calls_of(layer), contents) for layer in model.layers]
    edges = [(i, i + 1) for i in range(len(boxes) - 1)]
    return Diagram(boxes, edges, arrows=isinstance(model, Sequential))


def _calls_of(layer: Layer) -> _Calls:
    """Return the last call of a layer, which may be in another model."""
    if not layer._record.calls:
        return _Calls(layer)
    args, outputs = layer._record.calls[-1]
    return _Calls(layer, [_symbols(args)], [_symbols(outputs)])


def _symbols(structure: object) -> list[SymbolicTensor]:
    return [x for x in tree.flatten(structure) if isinstance(x, SymbolicTensor)]


def _graph(model: Model, contents: Contents) -> Diagram:
    """Return the diagram of a graph. The calls of a shared layer have one box; a Sequential has no box of the input."""
    assert model._graph is not None
    rows: dict[int, _Calls] = {}
    positions: dict[int, int] = {}
    source: dict[int, int] = {}
    edges: dict[tuple[int, int], None] = {}

    def add(key: int, operation: Any, inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> None:
        calls = rows.setdefault(key, _Calls(operation))
        calls.inputs += [inputs] if inputs else []
        calls.outputs.append(outputs)
        position = positions.setdefault(key, len(positions))
        edges.update(dict.fromkeys((source[id(x)], position) for x in inputs if id(x) in source))
        source.update((id(x), position) for x in outputs)

    for x in () if isinstance(model, Sequential) else _symbols(model._graph.inputs):
        add(id(x), _input_layer(x), [], [x])
    for node in model._graph.nodes:
        key = node.operation if isinstance(node.operation, Layer) else node
        add(id(key), node.operation, node.inputs, _symbols(node.outputs))
    return Diagram([_box(calls, contents) for calls in rows.values()], list(edges))


def _input_layer(x: SymbolicTensor) -> Any:
    """Return the `InputLayer` of an input; None for the result of a layer outside of the model."""
    layer = x.node.operation if x.node is not None else None
    return layer if isinstance(layer, InputLayer) else None


def _box(calls: _Calls, contents: Contents) -> Box:
    operation = calls.operation
    kind, name = _kind(operation), _name(calls)
    cls = _class_name(operation)
    box = Box(
        f"{name} ({cls})" if contents.names and name != cls else cls, kind, list(_lines(calls, contents))
    )
    if kind == "model" and contents.nested and operation.built and operation.layers:
        box.inside = diagram_of(operation, contents)
        box.title = f"{name} ({cls})"
    return box


def _kind(operation: Any) -> str:
    if operation is None or isinstance(operation, InputLayer):
        return "input"
    if isinstance(operation, Model):
        return "model"
    return "layer" if isinstance(operation, Layer) else "op"


def _name(calls: _Calls) -> str:
    operation = calls.operation
    return str(calls.outputs[0][0].name if operation is None else getattr(operation, "name", "op"))


def _class_name(operation: Any) -> str:
    """Return the class of a layer, with the class of a wrapped layer; the name of an op."""
    if operation is None:
        return "InputLayer"
    if not isinstance(operation, Layer):
        return str(getattr(operation, "name", type(operation).__name__))
    inner = getattr(operation, "layer", None)
    return type(operation).__name__ + (f"({type(inner).__name__})" if isinstance(inner, Layer) else "")


def _lines(calls: _Calls, contents: Contents) -> Iterable[tuple[str, str]]:
    layer = calls.operation
    if contents.activations and getattr(layer, "activation", None) is not None:
        yield "Activation", _activation_name(layer.activation)
    if contents.shapes:
        if _kind(layer) != "input":
            yield "Input shape", _shapes(calls.inputs) or _built_shapes(layer)
        yield "Output shape", _shapes(calls.outputs) or output_shape(layer)
    if contents.dtypes:
        dtypes = [_listed(str(x.dtype) for x in call) for call in calls.outputs]
        yield "Output dtype", _distinct(dtypes) or _own_dtype(layer)
    if contents.trainable and isinstance(layer, Layer) and layer.weights:
        yield "Trainable", "yes" if layer.trainable_weights else "no"


def _activation_name(activation: Any) -> str:
    return str(getattr(activation, "__name__", None) or getattr(activation, "name", activation))


def _shapes(calls: list[list[SymbolicTensor]]) -> str:
    """Return the shapes of each call. Calls of equal shapes are listed once."""
    return _distinct(_listed(x.shape for x in call) for call in calls)


def _built_shapes(layer: Layer) -> str:
    return _listed((layer._record.build_shapes or {}).values()) or "?"


def _own_dtype(layer: Layer) -> str:
    return "?" if layer._has_host_layers else layer.compute_dtype


def _distinct(texts: Iterable[str]) -> str:
    return _listed(dict.fromkeys(texts))


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
