"""Shapes of the arguments of a layer, and placeholders for them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.dtypes import as_dtype
from hilevel.engine.graph import SymbolicTensor, known_shape
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import DTypeLike, Function, ShapeLike


def has_shape(x: object) -> bool:
    """Whether all leaves of an argument have shapes, so that it counts as a tensor argument."""
    leaves = tree.flatten(x)
    return bool(leaves) and all(hasattr(leaf, "shape") for leaf in leaves)


def shapes_of(named: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes of tensor arguments by name, with None for unknown dimensions."""

    def shape(x: Any) -> Any:
        return known_shape(x.shape) if hasattr(x, "shape") else None

    return {name: tree.map_structure(shape, value) for name, value in named.items()}


def with_shapes(function: Function, names: list[str], shapes: dict[str, Any]) -> Any:
    """Call a function of shapes.

    A single parameter gets the first shape. Several get the shapes of the inputs in their names, as in
    `build(self, query_shape, value_shape)`.

    Raises:
        ValueError: one of several parameters without a default has no input of its name.
    """
    if len(names) == 1:
        return function(next(iter(shapes.values())))
    by_name = {f"{name}_shape": shape for name, shape in shapes.items()}
    parameters = inspect.signature(function).parameters
    for name in names:
        parameter = parameters.get(name)
        if name not in by_name and parameter is not None and parameter.default is parameter.empty:
            raise ValueError(
                f"{function.__qualname__} has the parameter {name!r}, but no input of the call gives its shape. "
                f"Several parameters get the shapes of the inputs in their names: {', '.join(by_name)}."
            )
    return function(**{name: by_name[name] for name in names if name in by_name})


def as_symbolic(x: Any) -> Any:
    """Return a symbolic tensor for a `TensorSpec`, and anything else as it is."""
    return SymbolicTensor(known_shape(x.shape), x.dtype, name="input") if x.__class__ is TensorSpec else x


def as_spec(shape: ShapeLike, dtype: DTypeLike, size: int) -> TensorSpec:
    """Return a `TensorSpec` for a shape, with `size` for unknown dimensions."""
    return TensorSpec([size if n is None else n for n in shape], as_dtype(dtype))


def abstract_tensors(shape: Any, dtype: DTypeLike, size: int) -> Any:
    """Return a `TensorSpec` for each shape of a structure, with `size` for unknown dimensions."""
    if isinstance(shape, dict):
        return {key: abstract_tensors(value, dtype, size) for key, value in shape.items()}
    if all(n is None or isinstance(n, (int, np.integer)) for n in shape):
        return as_spec(shape, dtype, size)
    return type(shape)(abstract_tensors(value, dtype, size) for value in shape)


def symbolic_inputs(shape: Any, dtype: DTypeLike) -> Any:
    """Return a symbolic tensor for each shape of a structure; None for None."""
    if shape is None:
        return None
    if isinstance(shape, dict):
        return {key: symbolic_inputs(value, dtype) for key, value in shape.items()}
    if shape and isinstance(shape[0], (list, tuple)):
        return [symbolic_inputs(value, dtype) for value in shape]
    return SymbolicTensor(shape, dtype, name="input")
