"""The contents of a model's picture: boxes for layers and ops, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """An operation with the symbolic tensors of all its calls."""

    operation: Any
    inputs: list[list[SymbolicTensor]] = field(default_factory=list)
    outputs: list[SymbolicTensor] = field(default_factory=list)


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
    found = _chain(model, contents) if _is_chain(model) else _graph(model, contents)
    if not found.boxes:
        raise ValueError(f"{user}: {model._label()} has no layers.")
    return found


def _is_chain(model: Model) -> bool:
    return isinstance(model, Sequential) or model._graph is None


def _chain(model: Model, contents: Contents) -> Diagram:
    boxes = [_box(_calls_of(layer), contents) for layer in model.layers]
    edges = [(i, i + 1) for i in range(len(boxes) - 1)]
    return Diagram(boxes, edges, arrows=isinstance(model, Sequential))


def _calls_of(layer: Layer) -> _Calls:
    """Return the last call of a layer, which may be in another model."""
    if not layer._record.calls:
        return _Calls(layer)
    args, outputs = layer._record.calls[-1]
    return _Calls(layer, [_symbols(args)], _symbols(outputs))


def _symbols(structure: object) -> list[SymbolicTensor]:
    return [x for x in tree.flatten(structure) if isinstance(x, SymbolicTensor)]


def _graph(model: Model, contents: Contents) -> Diagram:
    """Return the diagram of a functional model. The calls of a shared layer have one box."""
    assert model._graph is not None
    rows: dict[int, _Calls] = {}
    positions: dict[int, int] = {}
    source: dict[int, int] = {}
    edges: dict[tuple[int, int], None] = {}

    def add(key: int, operation: Any, inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> None:
        calls = rows.setdefault(key, _Calls(operation))
        calls.inputs += [inputs] if inputs else []
        calls.outputs += outputs
        position = positions.setdefault(key, len(positions))
        edges.update(dict.fromkeys((source[id(x)], position) for x in inputs))
        source.update((id(x), position) for x in outputs)

    for x in _symbols(model._graph.inputs):
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
    kind, name = _kind(operation), _name(operation, calls.outputs)
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


def _name(operation: Any, outputs: Sequence[SymbolicTensor]) -> str:
    return str(outputs[0].name if operation is None else getattr(operation, "name", "op"))


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
    activation = getattr(layer, "activation", None)
    if contents.activations and isinstance(layer, Layer) and activation is not None:
        yield (
            "Activation",
            str(getattr(activation, "__name__", None) or getattr(activation, "name", activation)),
        )
    if contents.shapes:
        if _kind(layer) != "input":
            given = [_one_or_list(x.shape for x in inputs) for inputs in calls.inputs]
            yield (
                "Input shape",
                _one_or_list(dict.fromkeys(given or map(str, (layer._record.build_shapes or {}).values()))),
            )
        shapes = dict.fromkeys(x.shape for x in calls.outputs)
        yield "Output shape", _one_or_list(shapes) if shapes else output_shape(layer)
    if contents.dtypes:
        dtypes = dict.fromkeys(str(x.dtype) for x in calls.outputs)
        yield "Output dtype", _one_or_list(dtypes) if dtypes else str(layer.compute_dtype)
    if contents.trainable and isinstance(layer, Layer) and layer.weights:
        yield "Trainable", "yes" if layer.trainable_weights else "no"


def _one_or_list(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values)) or "?"
