"""The run of a model on shapes that builds a graph: each op becomes nodes by its converter."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from hilevel import ops, tree
from hilevel.engine.context import scope
from hilevel.engine.interpreter import EVALUATE, NO_OPTIONS, SPEC_TYPES, Interpreter
from hilevel.engine.op import Composite
from hilevel.engine.overlay import Overlay, Usage
from hilevel.engine.protocol import Backend
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.errors import ExportError
from hilevel.export import loops
from hilevel.export.converters import CONVERTERS
from hilevel.export.converters.table import in_float32
from hilevel.export.graph import Graph, Node, Value
from hilevel.export.sizes import Size, new_size
from hilevel.layers.base.layer import Layer


def _both(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return the results of both branches of a condition, selected."""
    return tree.map_structure(lambda a, b: ops.where(pred, a, b), true_fn(), false_fn())


EXPANDED: dict[Any, Callable[..., Any]] = {ops.cond: _both}
"""Composites that are exported as other ops."""


class Tracer(Interpreter):
    """An interpreter that adds a node for each op on a tensor without values, and computes the others at once.

    Args:
        graph: the graph that gets the nodes.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layers: list[Any] = []
        self.failed: Any = None

    def use(self, layer: Any) -> None:
        self.layers.append(layer)

    def leave(self, layer: Any) -> None:
        self.layers.pop()
        if self.failed is None and sys.exception() is not None:
            self.failed = layer

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(a.__class__ in SPEC_TYPES or isinstance(a, Size) for a in args) or _has_size(kwargs):
            return self.infer(op, args, kwargs)
        y = EVALUATE.run(op, args, kwargs)
        self._keep_name(args, y)
        return y

    def _keep_name(self, args: tuple[Any, ...], y: Any) -> None:
        """Name an array that is computed from a Variable after the Variable."""
        name = next((n for n in map(self.graph.name_of_array, args) if n), None)
        if name is not None and hasattr(y, "shape"):
            self.graph.keep(y, name)

    def infer(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if op in EXPANDED:
            return EXPANDED[op](*args, **kwargs)
        converter = CONVERTERS.get(op)
        if converter is None and isinstance(op, Composite):
            return op.function(*args, **kwargs)
        if converter is None:
            raise ExportError(f"The op {op.name} has no form in ONNX{self._place()}.")
        y = op.abstract(args, kwargs)
        if isinstance(op, Composite):
            bound = inspect.signature(op.function).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = (), dict(bound.arguments)
        try:
            names = self._converted(op, converter, y, args, kwargs)
        except ExportError as error:
            raise ExportError(f"The op {op.name} cannot be exported{self._place()}. {error}") from None
        if isinstance(y, tuple):
            return tuple(map(self.graph.bind, y, names))
        return self.graph.bind(y, names)

    def _converted(
        self, op: Any, converter: Callable[..., Any], y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        dtype = _dtype_of_scalars(y, args)
        values = [None if a is None else self.graph.value(a, dtype) for a in args]
        is_tensor = _is_array if isinstance(op, Composite) else _is_tensor
        named = {k: self.graph.value(v) if is_tensor(v) else v for k, v in kwargs.items()}
        if op is not ops.cast:
            converter = in_float32(converter)
        names = converter(self.graph, y, *values, **named)
        return tuple(map(self.graph.name_of, names)) if isinstance(y, tuple) else self.graph.name_of(names)

    def scan(self, f: Callable[..., Any], init: Any, xs: Any, n: int, reverse: bool) -> Any:
        return loops.scan(self.graph, f, init, xs, n, reverse)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any = NO_OPTIONS) -> Any:
        if args and isinstance(args[0], Backend):
            raise ExportError(f"Random numbers have no form in an exported file{self._place()}.")
        return function(*args, **kwargs)

    def _place(self) -> str:
        return place_of(self.layers[-1] if self.layers else None)


def place_of(layer: Any) -> str:
    """Return a phrase with the class and the path of a layer; nothing for None."""
    return "" if layer is None else f', in the layer {type(layer).__name__} "{layer.path or layer.name}"'


def _dtype_of_scalars(y: Any, args: tuple[Any, ...]) -> Any:
    """Return the dtype of Python scalars among operands: of the result, unless it is boolean or several tensors."""
    if isinstance(y, TensorSpec) and y.dtype.kind != "b":
        return y.dtype
    dtypes = [a.dtype for a in args if hasattr(a, "dtype")]
    return next((d for d in dtypes if d.kind != "b"), dtypes[0] if dtypes else None)


def _is_tensor(x: Any) -> bool:
    return x.__class__ in SPEC_TYPES


def _is_array(x: Any) -> bool:
    return hasattr(x, "dtype") and hasattr(x, "shape")


def _has_size(x: Any) -> bool:
    if isinstance(x, dict):
        return any(map(_has_size, x.values()))
    if isinstance(x, (list, tuple)):
        return any(map(_has_size, x))
    if isinstance(x, slice):
        return any(map(_has_size, (x.start, x.stop, x.step)))
    return isinstance(x, Size)


def trace(model: Layer, signature: Any, names: list[str], output_names: list[str] | None) -> Graph:
    """Return the graph of a model for inference.

    Args:
        model: a layer or model.
        signature: the structure of the model's argument, with a `TensorSpec` or symbolic tensor for each tensor. The
            sizes None are unknown.
        names: the names of the inputs.
        output_names: the names of the outputs; `output`, `output_1`, ... by default.

    Raises:
        ExportError: the model has an op without a form in ONNX, or reads values of tensors.
    """
    if not model.built:  # the first run makes the weights
        _trace_once(model, signature, names, output_names, False)
    first, second = (_trace_once(model, signature, names, output_names, swapped) for swapped in (False, True))
    different = _difference(first, second)
    if different is not None:
        raise ExportError(
            f"The computation depends on the size of an axis that is unknown in the exported file ({different}). Give "
            "input_signature with sizes as integers."
        )
    return first


def _trace_once(
    model: Layer, signature: Any, names: list[str], output_names: list[str] | None, swapped: bool
) -> Graph:
    graph = Graph()
    tracer = Tracer(graph)
    sizes: dict[Any, Size] = {}
    inputs = [
        _input(graph, graph.unique(name), spec, sizes, swapped)
        for name, spec in zip(names, tree.flatten(signature), strict=True)
    ]
    for variable in model.variables:
        graph.keep(variable.array, variable.path)
    outputs = _run(model, tree.pack_sequence_as(signature, inputs), tracer)
    for i, y in enumerate(outputs):
        wanted = output_names[i] if output_names else "output" if i == 0 else f"output_{i}"
        value = graph.value(y)
        name = graph.unique(wanted)
        graph.nodes.append(Node("Identity", [graph.name_of(value)], [name]))
        graph.outputs.append(Value(name, value.shape, value.dtype))
    return graph


def _run(model: Layer, argument: Any, tracer: Tracer) -> list[Any]:
    """Return the outputs of a model on tensors without values."""
    usage = Usage()
    around: dict[str, Any] = {"interpreter": tracer, "usage": usage, "ranges": None, "in_remat_layer": True}
    try:
        with Overlay(), scope(**around, added_losses=WeakKeyDictionary()):
            outputs = tree.flatten(model(argument, training=False))
    except ExportError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise ExportError(f"{error} This happened in the export{place_of(tracer.failed)}.") from error
    if usage.written:
        names = ", ".join(v.path for v in usage.written.values())
        raise ExportError(
            f"A prediction of the model changes its Variables, which an exported file cannot do: {names}."
        )
    return outputs


def _input(graph: Graph, name: str, spec: Any, sizes: dict[Any, Size], swapped: bool) -> TensorSpec:
    shape: list[int] = []
    for axis, n in enumerate(spec.shape):
        if n is None or isinstance(n, UnknownSize):
            key = "batch" if axis == 0 else (name, axis)
            n = sizes.setdefault(key, new_size(len(sizes), name, axis, swapped))
        shape.append(n)
    bound = graph.bind(TensorSpec(shape, spec.dtype), name)
    graph.inputs.append(graph.value(bound))
    return bound


def _difference(a: Graph, b: Graph) -> str | None:
    """Return the name of the first node or constant in which two graphs differ; None if they are equal."""
    for one, other in zip(a.nodes, b.nodes, strict=False):
        if one != other:
            return f"in the node {one.outputs[0]}"
    for name, array in a.constants.items():
        second = b.constants.get(name)
        if second is None or (array is not second and not np.array_equal(_bits(array), _bits(second))):
            return f"in the constant {name}"
    return None if len(a.nodes) == len(b.nodes) else "in the number of nodes"


def _bits(array: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
