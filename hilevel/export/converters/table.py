"""The table of converters.

A converter is `convert(graph, y, *tensors, **attributes)`. It adds nodes to the graph, and returns the name of the
result, or a tuple of names. `y` is the `TensorSpec` of the result, the tensors are `Value`s or None, and the attributes
belong to the op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from hilevel import tree
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import DTypeLike
from hilevel.export.graph import Graph, Value

Converter: TypeAlias = Callable[..., Any]
CONVERTERS: dict[Any, Converter] = {}


def converter(*ops: Any) -> Callable[[Converter], Converter]:
    """Register a function as the converter of ops, as a decorator."""

    def register(function: Converter) -> Converter:
        CONVERTERS.update(dict.fromkeys(ops, function))
        return function

    return register


def cast(graph: Graph, x: Any, dtype: DTypeLike) -> Any:
    """Return a value in another dtype. A name is always cast."""
    return x if isinstance(x, Value) and x.dtype == dtype else graph.Cast(x, to=np.dtype(dtype))


def in_float32(convert: Converter) -> Converter:
    """Return a converter that computes in float32 and rounds the result, if the tensors are bfloat16.

    Many operators of ONNX lack bfloat16, and the CPU provider of ONNX Runtime lacks nearly all.
    """

    def call(graph: Graph, y: Any, *tensors: Any, **attributes: Any) -> Any:
        if not any(map(_is_bfloat16, (*tree.flatten(y), *tensors, *attributes.values()))):
            return convert(graph, y, *tensors, **attributes)
        wide: Any = partial(_wide, graph)
        named = {key: wide(x) for key, x in attributes.items()}
        names = convert(graph, tree.map_structure(wide, y), *map(wide, tensors), **named)
        return tree.map_structure(partial(_rounded, graph), names, y)

    return call


def _is_bfloat16(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "name", None) == "bfloat16"


def _rounded(graph: Graph, name: Any, spec: TensorSpec) -> Any:
    return graph.Cast(name, to=spec.dtype) if _is_bfloat16(spec) else name


def _wide(graph: Graph, x: Any) -> Any:
    """Return a value or a spec of bfloat16 in float32, and anything else unchanged."""
    if not isinstance(x, (Value, TensorSpec)) or not _is_bfloat16(x):
        return x
    if isinstance(x, TensorSpec):
        return TensorSpec(x.shape, np.float32)
    if x.array is not None:
        return graph.derived(x, "float32", lambda array: array.astype(np.float32))
    return Value(graph.Cast(x, to=np.dtype(np.float32)), x.shape, np.dtype(np.float32))


def positive_axes(axis: Any, rank: int) -> list[int]:
    """Return axes as a sorted list of integers from 0; None for all."""
    if axis is None:
        return list(range(rank))
    axes: Sequence[int] = axis if isinstance(axis, (list, tuple)) else (axis,)
    return sorted(int(a) % rank for a in axes)


def number(x: Value, value: Any) -> Any:
    """Return a scalar in the dtype of a value."""
    return np.asarray(value, x.dtype)
