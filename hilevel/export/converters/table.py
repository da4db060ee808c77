"""The table of converters.

A converter is `convert(graph, y, *tensors, **attributes)`. It adds nodes to the graph, and returns the name of the
result, or a tuple of names. `y` is the `TensorSpec` of the result, the tensors are `Value`s or None, and the attributes
belong to the op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

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


def positive_axes(axis: Any, rank: int) -> list[int]:
    """Return axes as a sorted list of integers from 0; None for all."""
    if axis is None:
        return list(range(rank))
    axes: Sequence[int] = axis if isinstance(axis, (list, tuple)) else (axis,)
    return sorted(int(a) % rank for a in axes)


def number(x: Value, value: Any) -> Any:
    """Return a scalar in the dtype of a value."""
    return np.asarray(value, x.dtype)
