"""The graph of a functional model, and its run on data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from hilevel import masks, ops, tree
from hilevel.engine.dtypes import is_float
from hilevel.engine.graph import Node, SymbolicTensor
from hilevel.engine.spec import agree
from hilevel.engine.types import DType, Shape, Structure, Tensor, TensorLike
from hilevel.errors import ShapeError, nearest
from hilevel.layers.base.layer import Layer
from hilevel.layers.core.input_layer import InputLayer

Symbols: TypeAlias = Tensor | Sequence["Symbols"] | Mapping[str, "Symbols"]
"""A symbolic tensor, or lists, tuples or dicts of symbolic tensors."""


class Graph:
    """The calls from symbolic inputs to outputs, in order.

    Args:
        inputs, outputs: symbolic tensors, or structures of them.

    Raises:
        ValueError: an input or output is not a symbolic tensor, an output depends on another tensor, or two layers
            have one name.
    """

    def __init__(self, inputs: Symbols, outputs: Symbols) -> None:
        for name, part in (("inputs", inputs), ("outputs", outputs)):
            for x in tree.flatten(part):
                if not isinstance(x, SymbolicTensor):
                    raise ValueError(
                        f"Model({name}=...) expects symbolic tensors, as Input and layers called on them "
                        f"return; got {type(x).__name__}."
                    )
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            outputs = outputs[0]
        self.inputs, self.outputs = inputs, outputs
        self.nodes = _ordered(tree.flatten(inputs), tree.flatten(outputs))
        self.layers = _layers(self.nodes, outputs)
        _check_names(self.nodes, tree.flatten(inputs))
        self.input_names = [_layer_name(x) for x in tree.flatten(inputs)]
        self.output_names = _output_names(outputs)
        self._adapters = [
            _InputAdapter(x, name, self.nodes)
            for x, name in zip(tree.flatten(inputs), self.input_names, strict=True)
        ]
        self._steps: list[_Step] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_steps": None}  # they contain ids

    def run(self, data: Structure) -> Any:
        """Return the outputs for inputs."""
        values = dict(zip(map(id, tree.flatten(self.inputs)), self.standardize(data), strict=True))
        if self._steps is None:
            self._steps = [_Step(node) for node in self.nodes]
        for step in self._steps:
            step(values)
        if isinstance(self.outputs, SymbolicTensor):
            return values[id(self.outputs)]
        return tree.map_structure(lambda s: values[id(s)], self.outputs)

    def standardize(self, data: Structure) -> list[Tensor]:
        """Return the data in the order of the inputs, each in the rank and dtype of its `Input`.

        Raises:
            ValueError: a name is unknown or missing, or the number of tensors is wrong.
            ShapeError: a tensor does not have the shape of its `Input`.
        """
        return [adapter(x) for adapter, x in zip(self._adapters, self.match(data), strict=True)]

    def match(self, data: Structure) -> list[Any]:
        """Return the data in the order of the inputs, by name for a dict, else by position.

        Raises:
            ValueError: a name is unknown or missing, or the number of tensors is wrong.
        """
        if isinstance(self.inputs, SymbolicTensor) and not isinstance(data, (dict, list, tuple)):
            return [data]
        if isinstance(data, dict):
            names = list(self.inputs) if isinstance(self.inputs, dict) else self.input_names
            missing = [n for n in names if n not in data]
            unknown = [n for n in data if n not in names]
            if missing or unknown:
                raise ValueError(_mismatch(names, missing, unknown))
            return tree.flatten([data[n] for n in names])
        flat = tree.flatten(data)
        expected = tree.flatten(self.inputs)
        if len(flat) != len(expected):
            raise ValueError(
                f"The model has {len(expected)} inputs ({', '.join(self.input_names)}); got {len(flat)}."
            )
        return flat


def _mismatch(names: list[str], missing: list[str], unknown: list[str]) -> str:
    parts = [f"The model's inputs are {', '.join(names)}."]
    if missing:
        parts.append(f"Missing: {', '.join(missing)}.")
    parts.extend(f'"{n}" is not an input.{nearest(n, names)}' for n in unknown)
    return " ".join(parts)


class _InputAdapter:
    """The conversion of data to the rank and dtype of an `Input`. It refuses data of another shape."""

    __slots__ = ("casts_floats", "dtype", "name", "optional", "readers", "shape")

    def __init__(self, symbol: SymbolicTensor, name: str, nodes: list[Node]) -> None:
        self.name, self.shape, self.dtype = name, symbol.shape, symbol.dtype
        self.readers = (
            ", ".join(_label(node.operation) for node in nodes if any(x is symbol for x in node.inputs))
            or "none"
        )
        layer = symbol.node.operation if symbol.node is not None else None
        self.casts_floats = getattr(layer, "has_own_dtype", True)
        self.optional = getattr(layer, "optional", False)

    def __call__(self, x: TensorLike | None) -> Any:
        if x is None and self.optional:
            return None
        if x is None:
            raise ValueError(
                f'The input "{self.name}" of the model is None, but not optional. Give data, or make it by '
                "Input(..., optional=True)."
            )
        result: Any = x if hasattr(x, "shape") and hasattr(x, "dtype") else ops.convert_to_tensor(x)
        if result.shape[1:] != self.shape[1:] and not self._fits(result.shape):
            result = self._with_rank(result)
        if result.dtype is not self.dtype and self._casts(result.dtype):
            result = ops.cast(result, self.dtype)
        if masks.table and result is not x:
            masks.propagate([x], [result])
        return result

    def _fits(self, shape: Shape) -> bool:
        return len(shape) == len(self.shape) and agree(shape[1:], self.shape[1:])

    def _casts(self, dtype: DType) -> bool:
        """Return True if data of a dtype are cast. Floats are not if `Input` has no dtype: each layer casts them."""
        return bool(dtype != self.dtype) and (self.casts_floats or not is_float(dtype))

    def _with_rank(self, x: Tensor) -> Any:
        """Return the tensor with a last axis of length 1 added or removed."""
        rank, expected = len(x.shape), len(self.shape)
        if rank == expected + 1 and x.shape[-1] == 1 and self._fits(x.shape[:-1]):
            return ops.squeeze(x, -1)
        if rank == expected - 1 and self.shape[-1] == 1 and self._fits((*x.shape, 1)):
            return ops.expand_dims(x, -1)
        raise ShapeError(
            f'The input "{self.name}" of the model, read by {self.readers}, expects data of shape {self.shape}'
            f"{self._difference(x.shape)}; got data of shape {tuple(x.shape)}. Reshape the data, or give Input the "
            "shape of a sample, without the batch."
        )

    def _difference(self, shape: Shape) -> str:
        """Return a clause on the last axis of a wrong size."""
        sizes = zip(shape, self.shape, strict=False)
        wrong = [i for i, (m, n) in enumerate(sizes) if i > 0 and n not in (None, m)]
        if len(shape) != len(self.shape) or not wrong:
            return ""
        axis = "last axis" if wrong[-1] == len(shape) - 1 else f"axis {wrong[-1]}"
        return f", whose {axis} is {self.shape[wrong[-1]]}"


class _Step:
    """A call of a graph, with prepared lookups of its arguments."""

    __slots__ = ("arguments", "is_op", "kwargs", "operation", "outputs", "single", "where")

    def __init__(self, node: Node) -> None:
        self.operation: Callable[..., Any] = node.operation
        self.is_op = not isinstance(node.operation, Layer)
        self.arguments, self.kwargs = node.args, node.kwargs
        only = len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], SymbolicTensor)
        self.single = id(node.args[0]) if only else None
        self.outputs = node.outputs
        self.where = id(node.outputs) if isinstance(node.outputs, SymbolicTensor) else None

    def __call__(self, values: dict[int, Any]) -> None:
        if self.single is not None:
            args: Any = (values[self.single],)
            result = self.operation(*args)
        else:
            args, kwargs = tree.map_structure(
                lambda x: values[id(x)] if x.__class__ is SymbolicTensor else x, (self.arguments, self.kwargs)
            )
            result = self.operation(*args, **kwargs)
        if masks.table and self.is_op:
            masks.propagate(tree.flatten(args), tree.flatten(result))
        if self.where is not None:
            values[self.where] = result
        else:
            flat = zip(tree.flatten(self.outputs), tree.flatten(result), strict=True)
            values.update((id(s), r) for s, r in flat)


def _ordered(inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> list[Node]:
    """Return the calls between inputs and outputs, in topological order."""
    given, done, order = {id(x) for x in inputs}, set[int](), list[Node]()

    def visit(x: SymbolicTensor) -> None:
        if id(x) in given or id(x.node) in done:
            return
        if x.node is None or not x.node.inputs:
            raise ValueError(
                f'The graph is not connected: an output depends on the tensor "{x.name}" of shape '
                f"{x.shape}, which is none of the model's inputs ({', '.join(i.name for i in inputs)})."
            )
        done.add(id(x.node))
        for parent in x.node.inputs:
            visit(parent)
        order.append(x.node)

    for output in outputs:
        visit(output)
    return order


def _layers(nodes: list[Node], outputs: Symbols) -> list[Layer]:
    """Return the layers in the order of Keras, for the exchange of lists of weights.

    Layers with a larger distance from the outputs come first. At an equal distance, they have the order of a traversal
    from the outputs to the inputs."""
    distance: dict[int, int] = {}
    node_distance: dict[int, int] = {}
    for node in reversed(nodes):
        here = max(node_distance.get(id(node), 0), distance.get(id(node.operation), 0))
        distance[id(node.operation)] = here
        for x in node.inputs:
            node_distance[id(x.node)] = max(here + 1, node_distance.get(id(x.node), 0))
    met: dict[int, Any] = {}
    todo, inside = list(reversed(_by_key(outputs))), {id(node) for node in nodes}
    while todo:
        found = todo.pop().node
        if found is not None and id(found) in inside:
            inside.discard(id(found))
            met.setdefault(id(found.operation), found.operation)
            todo += reversed(found.inputs)
    operations = sorted(met.values(), key=lambda operation: -distance[id(operation)])
    return [operation for operation in operations if isinstance(operation, Layer)]


def _check_names(nodes: list[Node], inputs: list[SymbolicTensor]) -> None:
    """Raise ValueError if two layers of a graph, including its inputs, have one name."""
    entries = [x.node for x in inputs if x.node is not None and isinstance(x.node.operation, InputLayer)]
    named: dict[str, Node] = {}
    for node in (*entries, *nodes):
        if not isinstance(node.operation, Layer):
            continue
        first = named.setdefault(node.operation.name, node)
        if first.operation is not node.operation:
            raise ValueError(
                f'Two layers of the model are named "{node.operation.name}": {_class_and_shape(first)}, and '
                f"{_class_and_shape(node)}. Names in a model are unique: give one of them another name=..."
            )


def _class_and_shape(node: Node) -> str:
    shapes = ", ".join(str(x.shape) for x in tree.flatten(node.outputs))
    return f"{type(node.operation).__name__} with output shape {shapes}"


def _by_key(structure: Any) -> list[SymbolicTensor]:
    """Return the leaves, with the keys of dicts sorted, as Keras does."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in _by_key(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in _by_key(part)]
    return [structure]


def _label(operation: Any) -> str:
    return operation._label() if isinstance(operation, Layer) else f"the op {operation.name}"


def _layer_name(x: SymbolicTensor) -> str:
    return x.node.operation.name if x.node is not None else x.name


def _output_names(outputs: Symbols) -> list[str]:
    """Return the names of the outputs: the names of their layers, or the keys of dicts, after the keys around them."""
    names: list[str] = []
    for path, x in tree.flatten_with_path(outputs):
        name = getattr(x.node.operation, "name", x.name) if x.node else x.name
        if any(isinstance(key, str) for key in path):
            name = "/".join(map(str, path if isinstance(path[-1], str) else (*path[:-1], name)))
        names.append(name if name not in names else f"{name}_{names.count(name)}")
    return names
