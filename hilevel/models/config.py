"""The config of a functional model in Keras's form: its layers and ops, and the calls of each."""

from __future__ import annotations

import importlib
import inspect
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hilevel import tree
from hilevel.api.custom_objects import get_registered_name, get_registered_object
from hilevel.api.lazy import read_stub
from hilevel.api.serialization import deserialize, public, serialize
from hilevel.engine.graph import Node, SymbolicTensor
from hilevel.engine.names import distinct
from hilevel.engine.op import Composite, Op
from hilevel.engine.types import Config
from hilevel.layers import deserialize as deserialize_layer
from hilevel.layers.core.input_layer import InputLayer
from hilevel.models.graph_run import Graph
from hilevel.models.operation import Operation

_TENSOR = "__keras_tensor__"
_OPS = "keras.src.ops."


@cache
def _keras_ops() -> dict[str, tuple[str, list[str]]]:
    """Return the class in Keras of each op, such as `numpy.Reshape`, and the arguments of its constructor."""
    lines = Path(__file__).with_name("keras_ops.txt").read_text().splitlines()
    return {name: (target, arguments) for name, target, *arguments in map(str.split, lines)}


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
        entries[id(x)] = _layer_entry(layer)
        places[id(x)] = [name, 0, 0]
    taken = {*graph.input_names, *(layer.name for layer in graph.layers)}
    for node in graph.nodes:
        is_layer = isinstance(node.operation, Operation)
        key = id(node.operation) if is_layer else id(node)
        if key not in entries:
            entries[key] = _layer_entry(node.operation) if is_layer else _op_entry(node, taken)
        entry = entries[key]
        taken.add(entry["name"])
        entry["inbound_nodes"].append(_call(node, places) if is_layer else _op_call(node, entry, places))
        for i, output in enumerate(tree.flatten(node.outputs)):
            places[id(output)] = [entry["name"], len(entry["inbound_nodes"]) - 1, i]
    return {
        "layers": list(entries.values()),
        "input_layers": _positions(graph.inputs, places),
        "output_layers": _positions(graph.outputs, places),
    }


def _layer_entry(layer: Any) -> Config:
    return serialize(layer) | {"name": layer.name, "inbound_nodes": []}


def _op_entry(node: Node, taken: set[str]) -> Config:
    """Return the description of an op, by its class in Keras if there is one, under a name that is not taken."""
    operation, in_keras = node.operation, _public_name(node)
    name = distinct(in_keras, taken)
    registered = get_registered_object(get_registered_name(operation)) is operation
    if in_keras not in _keras_ops() or registered:
        entry = {
            "module": operation.__module__,
            "class_name": "Op",
            "config": {"name": get_registered_name(operation)},
        }
        return entry | {"name": name, "inbound_nodes": []}
    target, arguments = _keras_ops()[in_keras]
    module, class_name = target.split(".")
    config = {k: serialize(v) for k, v in _named(node).items() if k in arguments}
    return {
        "module": _OPS + module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": class_name,
        "name": name,
        "inbound_nodes": [],
    }


def _public_name(node: Node) -> str:
    """Return the name of an op in Keras."""
    name = str(node.operation.name)
    if name == "mask_triangle":
        return "tril" if node.kwargs.get("lower", True) else "triu"
    return {"getitem": "get_item", "select": "where"}.get(name, name)


def _named(node: Node) -> dict[str, Any]:
    """Return the arguments of a call of an op by name; several tensors of one parameter as a list."""
    signature = inspect.signature(node.operation)
    return dict(signature.bind_partial(*node.args, **node.kwargs).arguments)


def _op_call(node: Node, entry: Config, places: dict[int, list[Any]]) -> Config:
    """Return a call of an op: the arguments that its constructor in Keras does not take."""
    if entry["class_name"] == "Op":
        return {"args": _written(list(node.args), places), "kwargs": _written(node.kwargs, places)}
    _, arguments = _keras_ops()[_public_name(node)]
    parameters = inspect.signature(node.operation).parameters
    args: list[Any] = list(node.args)
    if node.operation.name != "einsum" and any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        args = [args]  # Keras has one list of the tensors
    else:
        of_constructor = [name in arguments for name in parameters] + [False] * len(args)
        args = [a for a, is_setting in zip(args, of_constructor, strict=False) if not is_setting] or args
    kwargs = {k: v for k, v in node.kwargs.items() if k not in arguments and k != "lower"}
    return {"args": _written(args, places), "kwargs": _written(kwargs, places)}


def _call(node: Node, places: dict[int, list[Any]]) -> Config:
    """Return a call of a layer. Keras writes `training` in each call; `explicit` marks the user's own."""
    call = {"args": _written(list(node.args), places), "kwargs": _written(node.kwargs, places)}
    return call | {"explicit": True} if "training" in node.kwargs else call


def _positions(structure: object, places: dict[int, list[Any]]) -> Any:
    if isinstance(structure, dict):
        return {key: _positions(value, places) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_positions(value, places) for value in structure]
    return places[id(structure)]


def _written(x: Any, places: dict[int, list[Any]]) -> Any:
    """Return an argument of a call as plain data."""
    if isinstance(x, dict):
        return {key: _written(value, places) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_written(value, places) for value in x]
    if isinstance(x, SymbolicTensor):
        position = {"shape": list(x.shape), "dtype": x.dtype.name, "keras_history": places[id(x)]}
        return {"class_name": _TENSOR, "config": position}
    try:
        return serialize(x)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The config of a functional model cannot hold an argument of a call: {error}"
        ) from None


# -- reading -------------------------------------------------------------------------------------------


def graph_from_config(config: Config) -> tuple[Any, Any]:
    """Return the symbolic inputs and outputs of the graph that `graph_config` described.

    Raises:
        ValueError: a call needs a tensor that no call returns, or an op has no tensor of the graph.
    """
    tensors: dict[tuple[Any, ...], Any] = {}
    calls = []
    for entry in config["layers"]:
        operation = _operation(entry)
        if isinstance(operation, InputLayer):
            tensors[entry["name"], 0, 0] = operation.output
        calls += [
            (operation, entry["name"], i, _new_form(call)) for i, call in enumerate(entry["inbound_nodes"])
        ]
    _make_calls(calls, tensors)
    return _at(config["input_layers"], tensors), _at(config["output_layers"], tensors)


def _new_form(call: Any) -> Any:
    """Return a call in the form of Keras 3. Keras 2 lists `[layer, call, output, keyword arguments]` of each input."""
    if isinstance(call, dict):
        return call
    places = [{"class_name": "__keras_tensor__", "config": {"keras_history": list(x[:3])}} for x in call]
    return {
        "args": places if len(places) == 1 else [places],
        "kwargs": dict(call[0][3]) if len(call[0]) > 3 else {},
    }


def _operation(entry: Config) -> Any:
    """Return the layer of an entry, or a function that calls its op."""
    module, name = str(entry.get("module")), entry["class_name"]
    if module.startswith(_OPS):
        return _keras_op(name, entry["config"])
    if name == "Op":
        return _own_op(module, entry["config"]["name"])
    return deserialize_layer({k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")})


def _keras_op(class_name: str, config: Config) -> Callable[..., Any]:
    """Return a function that calls the op of a class of Keras with the arguments of the class's constructor."""
    found = [n for n, (target, _) in _keras_ops().items() if target.partition(".")[2] == class_name]
    function = public(found[0], ("ops", "ops.image")) if found else None
    if function is None:
        raise ValueError(f"The model uses the op {class_name} of Keras, which hilevel lacks.")
    settings = _as_tuples(deserialize(config))
    settings.pop("name", None)

    def call(*args: Any, **kwargs: Any) -> Any:
        if found[0] == "get_item":
            args = (args[0], *map(_as_tuples, args[1:]))
            kwargs = _as_tuples(kwargs)
        first = [settings["subscripts"]] if found[0] == "einsum" else []
        rest = {k: v for k, v in settings.items() if k != "subscripts"}
        return function(*first, *args, **rest, **kwargs)

    return call


def _as_tuples(x: Any) -> Any:
    """Return a structure with tuples in place of lists, as NumPy expects axes and keys."""
    if isinstance(x, dict):
        return {key: _as_tuples(value) for key, value in x.items()}
    return tuple(map(_as_tuples, x)) if isinstance(x, (list, tuple)) else x


def _own_op(module: str, name: str) -> Any:
    """Return an op that Keras lacks: a registered one, or one of the modules with the public ops."""
    found = get_registered_object(name)
    if found is None and module in _op_modules():
        found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, (Op, Composite)):
        raise ValueError(
            f'There is no op "{name}" in {module}. Register it with register_keras_serializable.'
        )
    return found


@cache
def _op_modules() -> set[str]:
    """Return the modules that the stub of `hilevel.ops` lists."""
    modules: set[str] = set()
    for package in ("", ".numpy", ".nn", ".linalg", ".image"):
        source = importlib.import_module(f"hilevel.ops{package}").__file__
        modules.update(read_stub(Path(f"{source}i").read_text(encoding="utf-8"))[0].values())
    return modules


def _make_calls(calls: Sequence[Any], tensors: dict[tuple[Any, ...], Any]) -> None:
    """Make calls and store their results, each when its inputs exist."""
    missing = [_histories([call["args"], call["kwargs"]]) - set(tensors) for *_, call in calls]
    users: dict[tuple[Any, ...], list[int]] = {}
    for i, keys in enumerate(missing):
        for key in keys:
            users.setdefault(key, []).append(i)
    ready = deque(i for i, keys in enumerate(missing) if not keys)
    made = 0
    while ready:
        operation, name, index, call = calls[ready.popleft()]
        for key in _called(operation, name, index, call, tensors):
            for i in users.pop(key, ()):
                missing[i].discard(key)
                if not missing[i]:
                    ready.append(i)
        made += 1
    if made < len(calls):
        names = ", ".join(sorted({call[1] for call, keys in zip(calls, missing, strict=True) if keys}))
        raise ValueError(
            f"The config of a functional model has calls whose inputs no other call returns: {names}."
        )


def _histories(x: Any) -> set[tuple[Any, ...]]:
    """Return the positions of all tensors in an argument."""
    if isinstance(x, dict) and x.get("class_name") == _TENSOR:
        return {tuple(x["config"]["keras_history"])}
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return set().union(*map(_histories, parts))


def _called(
    operation: Any, name: str, index: int, call: Config, tensors: dict[tuple[Any, ...], Any]
) -> list[tuple[Any, ...]]:
    """Make a call and store its results. Return their positions."""
    args, kwargs = _read(call["args"], tensors), _read(call["kwargs"], tensors)
    if not any(isinstance(x, SymbolicTensor) for x in tree.flatten((args, kwargs))):
        raise ValueError(f'The call of "{name}" has no tensor of the graph as an argument.')
    if not call.get("explicit"):
        kwargs = {k: v for k, v in kwargs.items() if k != "training" and (k != "mask" or v is not None)}
    outputs = tree.flatten(operation(*args, **kwargs))
    made = {(name, index, i): output for i, output in enumerate(outputs)}
    tensors.update(made)
    return list(made)


def _read(x: Any, tensors: dict[tuple[Any, ...], Any]) -> Any:
    """Return an argument that `_written` wrote."""
    if isinstance(x, (list, tuple)):
        return [_read(value, tensors) for value in x]
    if not isinstance(x, dict):
        return x
    if "class_name" not in x:
        return {key: _read(value, tensors) for key, value in x.items()}
    if x["class_name"] == _TENSOR:
        return tensors[tuple(x["config"]["keras_history"])]
    return deserialize(x)


def _at(positions: Any, tensors: dict[tuple[Any, ...], Any]) -> Any:
    """Return the tensors at positions, in the same structure."""
    if isinstance(positions, dict):
        return {key: _at(value, tensors) for key, value in positions.items()}
    if isinstance(positions[0], str):
        return _tensor_at(positions, tensors)
    return [_at(value, tensors) for value in positions]


def _tensor_at(position: Sequence[Any], tensors: dict[tuple[Any, ...], Any]) -> Any:
    if tuple(position) not in tensors:
        raise ValueError(f"The config of a functional model has no tensor {list(position)} for an output.")
    return tensors[tuple(position)]
