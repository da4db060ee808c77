"""The config of a functional model: its layers and ops, and the calls of each, in the form that Keras uses."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.api.registry import get_registered_name, get_registered_object
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.interpreter import backend_of
from hilevel.engine.names import distinct
from hilevel.engine.op import Composite, Op
from hilevel.engine.types import Config
from hilevel.layers import deserialize, serialize
from hilevel.layers.base.layer import Layer
from hilevel.layers.core.input_layer import InputLayer
from hilevel.models.graph_run import Graph

_TENSOR = "__keras_tensor__"


class _NotYet(Exception):
    """The signal that a call needs the result of a later call."""


# -- writing -------------------------------------------------------------------------------------------


def graph_config(graph: Graph) -> Config:
    """Return the layers of a graph with their calls, and the positions of its inputs and outputs, as plain data.

    Raises:
        TypeError: an argument of a call has no plain form.
    """
    entries: dict[int, Config] = {}
    places: dict[int, list[Any]] = {}
    for x, name in zip(tree.flatten(graph.inputs), graph.input_names, strict=True):
        layer = x.node.operation if x.node is not None else None
        if not isinstance(layer, InputLayer):
            layer = InputLayer(batch_shape=x.shape, dtype=x.dtype, name=name)
        entries[id(x)] = serialize(layer) | {"name": name, "inbound_nodes": []}
        places[id(x)] = [name, 0, 0]
    for node in graph.nodes:
        key = id(node.operation) if isinstance(node.operation, Layer) else id(node)
        entry = entries.get(key) or _entry(node.operation, {e["name"] for e in entries.values()})
        entries[key] = entry
        entry["inbound_nodes"].append(
            {"args": _written(list(node.args), places), "kwargs": _written(node.kwargs, places)}
        )
        for i, output in enumerate(tree.flatten(node.outputs)):
            places[id(output)] = [entry["name"], len(entry["inbound_nodes"]) - 1, i]
    return {
        "layers": list(entries.values()),
        "input_layers": _positions(graph.inputs, places),
        "output_layers": _positions(graph.outputs, places),
    }


def _entry(operation: Any, taken: set[str]) -> Config:
    """Return the description of a layer or op, under a name that is not taken, without calls."""
    if isinstance(operation, Layer):
        return serialize(operation) | {"name": operation.name, "inbound_nodes": []}
    return {
        "module": operation.__module__,
        "class_name": "Op",
        "config": {"name": get_registered_name(operation)},
        "name": distinct(operation.name, taken),
        "inbound_nodes": [],
    }


def _positions(structure: object, places: dict[int, list[Any]]) -> Any:
    if isinstance(structure, dict):
        return {key: _positions(value, places) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_positions(value, places) for value in structure]
    return places[id(structure)]


def _written(x: object, places: dict[int, list[Any]]) -> Any:
    """Return an argument of a call as plain data."""
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    if isinstance(x, dict):
        return {key: _written(value, places) for key, value in x.items()}
    if isinstance(x, list):
        return [_written(value, places) for value in x]
    if isinstance(x, tuple):
        return {"class_name": "__tuple__", "items": [_written(value, places) for value in x]}
    name, config = _described(x, places)
    return {"class_name": name, "config": config}


def _described(x: Any, places: dict[int, list[Any]]) -> tuple[str, Any]:
    """Return the kind of an argument, and its contents."""
    if isinstance(x, SymbolicTensor):
        return _TENSOR, {"shape": list(x.shape), "dtype": x.dtype.name, "keras_history": places[id(x)]}
    if isinstance(x, slice):
        return "__slice__", {k: _written(getattr(x, k), places) for k in ("start", "stop", "step")}
    if x is Ellipsis:
        return "__ellipsis__", {}
    if isinstance(x, (np.dtype, type)):
        return "__dtype__", {"name": np.dtype(x).name}
    if isinstance(x, (np.ndarray, np.generic)) or backend_of(x).is_array(x):
        array = to_host(x)
        return "__numpy__", {"value": array.tolist(), "dtype": array.dtype.name}
    raise TypeError(
        f"The config of a functional model cannot hold the argument {x!r} of a call, of type {type(x).__name__}. "
        "Expected tensors, arrays, scalars, text, slices, and lists, tuples or dicts of them. Define a layer that "
        "makes it."
    )


# -- reading -------------------------------------------------------------------------------------------


def graph_from_config(config: Config) -> tuple[Any, Any]:
    """Return the symbolic inputs and outputs of the graph that `graph_config` described.

    Raises:
        ValueError: a call needs a tensor that no call returns.
    """
    tensors: dict[tuple[Any, ...], Any] = {}
    calls = []
    for entry in config["layers"]:
        operation = _operation(entry)
        if isinstance(operation, InputLayer):
            tensors[entry["name"], 0, 0] = operation.output
        calls += [(operation, entry["name"], i, call) for i, call in enumerate(entry["inbound_nodes"])]
    while calls:
        left = [call for call in calls if not _called(*call, tensors)]
        if len(left) == len(calls):
            names = ", ".join(sorted({name for _, name, _, _ in left}))
            raise ValueError(
                f"The config of a functional model has calls whose inputs no other call returns: {names}."
            )
        calls = left
    return _at(config["input_layers"], tensors), _at(config["output_layers"], tensors)


def _operation(entry: Config) -> Any:
    """Return the layer or op of an entry. Ops must be of hilevel, or registered."""
    if entry["class_name"] != "Op":
        return deserialize(
            {key: entry[key] for key in ("class_name", "config", "registered_name") if key in entry}
        )
    module, name = str(entry["module"]), entry["config"]["name"]
    found = get_registered_object(name)
    if found is None and module.startswith("hilevel.ops."):
        found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, (Op, Composite)):
        raise ValueError(
            f'There is no op "{name}" in {module}. Register it with register_keras_serializable.'
        )
    return found


def _called(operation: Any, name: str, index: int, call: Config, tensors: dict[tuple[Any, ...], Any]) -> bool:
    """Make a call and store its results, if its inputs exist. Return True if they do."""
    try:
        args, kwargs = _read(call["args"], tensors), _read(call["kwargs"], tensors)
    except _NotYet:
        return False
    for i, output in enumerate(tree.flatten(operation(*args, **kwargs))):
        tensors[name, index, i] = output
    return True


def _read(x: Any, tensors: dict[tuple[Any, ...], Any]) -> Any:
    """Return an argument that `_written` wrote."""
    if isinstance(x, list):
        return [_read(value, tensors) for value in x]
    if not isinstance(x, dict):
        return x
    if "class_name" not in x:
        return {key: _read(value, tensors) for key, value in x.items()}
    name, config = x["class_name"], x.get("config", {})
    if name == _TENSOR:
        return _tensor(config["keras_history"], tensors)
    if name == "__tuple__":
        return tuple(_read(value, tensors) for value in x["items"])
    if name == "__slice__":
        return slice(*(_read(config[k], tensors) for k in ("start", "stop", "step")))
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__dtype__":
        return np.dtype(config["name"])
    if name == "__numpy__":
        return np.array(config["value"], config["dtype"])
    raise ValueError(f'The config of a functional model has an argument of the unknown kind "{name}".')


def _tensor(history: Sequence[Any], tensors: dict[tuple[Any, ...], Any]) -> Any:
    key = tuple(history)
    if key not in tensors:
        raise _NotYet
    return tensors[key]


def _at(positions: Any, tensors: dict[tuple[Any, ...], Any]) -> Any:
    """Return the tensors at positions, in the same structure."""
    if isinstance(positions, dict):
        return {key: _at(value, tensors) for key, value in positions.items()}
    if isinstance(positions[0], str):
        return tensors[tuple(positions)]
    return [_at(value, tensors) for value in positions]
