"""`clone_model`: a copy of a model with new weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hilevel import tree
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.types import Function
from hilevel.layers.base.layer import Layer
from hilevel.layers.core.input_layer import Input
from hilevel.models.graph_run import Symbols
from hilevel.models.model import Model
from hilevel.models.sequential import Sequential


def _copy(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())


def clone_model(
    model: Model,
    input_tensors: Symbols | None = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Function | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """Return a copy of a model, with copies of its layers and new weights. A copy of a compiled model is compiled.

    Args:
        model: a model. A subclassed model is copied by `get_config` and `from_config` of its class.
        input_tensors: symbolic inputs of the copy; by default new ones.
        clone_function: a function that copies a layer; by default from its config.
        call_function: a function `(layer, *args, **kwargs)` that calls a layer; by default the call itself.
        recursive: whether nested models are cloned layer by layer, too.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> hilevel.models.clone_model(model).count_params()
    3

    Raises:
        ValueError: `input_tensors` or `clone_function` is given with a subclassed model.
        TypeError: an unknown argument.
    """
    if kwargs:
        raise TypeError(f"clone_model has no argument {', '.join(kwargs)}.")
    clone = _clone(model, input_tensors, clone_function, call_function, recursive)
    settings = model.get_compile_config()
    if settings:
        clone.compile_from_config(settings)
    return clone


def _clone(
    model: Model,
    input_tensors: Symbols | None,
    clone_function: Callable[[Layer], Layer] | None,
    call_function: Function | None,
    recursive: bool,
) -> Model:
    make = clone_function or _copy

    def clone(layer: Layer) -> Layer:
        if isinstance(layer, Model) and (recursive or clone_function is None):
            return _clone(layer, None, clone_function, call_function, recursive)
        return make(layer)

    if isinstance(model, Sequential):
        start: Any = input_tensors if input_tensors is not None else model._start
        begin = [] if start is None else [Input(batch_shape=start.shape, dtype=start.dtype)]
        return Sequential([*begin, *map(clone, model.layers)], model._trainable, model.name)
    if model._graph is None:
        if input_tensors is not None or clone_function is not None:
            raise ValueError(
                f"clone_model: {type(model).__name__} is subclassed, and cloned by its config alone. Leave out "
                "input_tensors and clone_function."
            )
        try:
            return type(model).from_config(model.get_config())
        except TypeError as error:
            raise ValueError(
                f"clone_model: {type(model).__name__} is subclassed and cannot be made of its config: {error} Write "
                "get_config, or call the class."
            ) from error
    return _clone_graph(model, input_tensors, clone, call_function or (lambda op, *a, **k: op(*a, **k)))


def _clone_graph(
    model: Model, input_tensors: Symbols | None, clone: Callable[[Layer], Layer], call: Function
) -> Model:
    graph = model._graph
    assert graph is not None
    old = tree.flatten(graph.inputs)
    new = (
        tree.flatten(input_tensors)
        if input_tensors is not None
        else [Input(batch_shape=x.shape, dtype=x.dtype, name=x.node.operation.name) for x in old]
    )
    values: dict[int, SymbolicTensor] = dict(zip(map(id, old), new, strict=True))
    copies: dict[int, Any] = {}
    swap = lambda x: values[id(x)] if isinstance(x, SymbolicTensor) else x
    for node in graph.nodes:
        operation = node.operation
        if isinstance(operation, Layer):
            if id(operation) not in copies:
                copies[id(operation)] = clone(operation)
            operation = copies[id(operation)]
        args, kwargs = tree.map_structure(swap, (node.args, node.kwargs))
        results = call(operation, *args, **kwargs)
        flat = zip(tree.flatten(node.outputs), tree.flatten(results), strict=True)
        values.update((id(a), b) for a, b in flat)
    inputs = tree.pack_sequence_as(graph.inputs, new)
    outputs = tree.map_structure(swap, graph.outputs)
    return Model(inputs, outputs, name=model.name, trainable=model._trainable)
