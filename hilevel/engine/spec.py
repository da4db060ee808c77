"""TensorSpec tensors: a shape and a dtype, and the rules that most ops' shapes follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.dtypes import of_scalar
from hilevel.engine.interpreter import ARRAYS, SPEC_TYPES
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.settings import settings
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import DType
from hilevel.errors import ShapeError, TracedValueError


class UnknownSize(int):
    """A stand-in for a dimension that is not known. In messages it reads `None`."""

    def __repr__(self) -> str:
        return "None"

    __str__ = __repr__


PLACEHOLDER_SIZES = (UnknownSize(240), UnknownSize(360))


class TensorSpec(TensorBase):
    """A tensor of which only shape and dtype are known.

    `source` is the position, among the leaves of the batch, of the array whose elements it has; None if it has others.
    """

    __slots__ = ("__weakref__", "dtype", "shape", "source")

    def __init__(self, shape: Sequence[int], dtype: Any, source: int | None = None) -> None:
        self.shape = tuple(shape)
        self.dtype: DType = np.dtype(dtype)
        self.source = source

    def _no_data(self, *_: Any, **__: Any) -> Any:
        raise TracedValueError(
            "The layer or model is being run on shapes alone, to find the shape of its output, and "
            "asks for the numbers of a tensor. Use ops (hilevel.ops.where, cond, while_loop) instead "
            "of Python's if, while, float() or numpy functions on tensors."
        )

    __bool__ = __float__ = __int__ = __index__ = __array__ = numpy = item = tolist = _no_data

    def __repr__(self) -> str:
        return f"<TensorSpec shape={self.shape}, dtype={self.dtype}>"


ARRAYS.add(TensorSpec)
SPEC_TYPES.add(TensorSpec)


def as_spec(x: Any) -> Any:
    """The shape and dtype of an array; Python numbers stay as they are."""
    if x is None or isinstance(x, (TensorSpec, int, float, bool)):
        return x
    return TensorSpec(x.shape, x.dtype)


# -- rules that many ops share ----------------------------------------------------------------------


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape, that of a Python number being ()."""
    return getattr(x, "shape", ())


def dtype_of(x: Any) -> DType:
    """The dtype, that of a Python number by the dtype rules."""
    return x.dtype if hasattr(x, "dtype") else of_scalar(x)


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these shapes give together."""
    rank = max(map(len, shapes), default=0)
    out = []
    for i in range(-rank, 0):
        sizes = {s[i] for s in shapes if len(s) >= -i and s[i] != 1}
        if len(sizes) > 1:
            raise ShapeError(
                f"Shapes {' and '.join(map(str, shapes))} do not fit together: axis {i} has the sizes "
                f"{' and '.join(map(str, sorted(sizes)))}. Expected equal sizes, or 1."
            )
        out.append(next(iter(sizes), 1))
    return tuple(out)


def elementwise(*xs: Any, dtype: Any = None) -> TensorSpec:
    """Shape rule of ops that broadcast their operands."""
    tensors = [x for x in xs if x is not None]
    arrays = [x for x in tensors if hasattr(x, "dtype")] or tensors
    shape = broadcast(*(shape_of(x) for x in tensors))
    return TensorSpec(shape, dtype or dtype_of(arrays[0]))


def like(x: Any, **_: Any) -> TensorSpec:
    """Shape rule of ops with one operand whose shape they keep."""
    return TensorSpec(x.shape, x.dtype)


def boolean(*xs: Any, **_: Any) -> TensorSpec:
    """Shape rule of comparisons."""
    return elementwise(*xs, dtype=np.bool_)


def signed(*xs: Any) -> TensorSpec:
    """Shape rule of ops that broadcast operands and refuse booleans."""
    y = elementwise(*xs)
    if y.dtype.kind == "b":
        raise TypeError(
            "Expected numbers; got booleans. Use ops.logical_not or logical_xor, or cast to int32 first."
        )
    return y


def integral(*xs: Any) -> TensorSpec:
    """Shape rule of ops that broadcast operands and take integers and booleans only."""
    y = elementwise(*xs)
    if y.dtype.kind not in "biu":
        raise TypeError(f"Expected integers or booleans; got {y.dtype}. Cast to an integer dtype first.")
    return y


def reduced(x: Any, axis: Any, keepdims: bool, dtype: Any = None) -> TensorSpec:
    """Shape rule of reductions."""
    try:
        axes = axes_tuple(axis, len(x.shape))
    except ValueError as error:
        raise ShapeError(f"{error} Its shape is {x.shape}.") from None
    kept = [(1 if i in axes else n) for i, n in enumerate(x.shape) if keepdims or i not in axes]
    return TensorSpec(kept, dtype or x.dtype)


def viewed(x: Any, view: Any, dtype: Any = None) -> TensorSpec:
    """Shape rule of ops that rearrange: `view` is applied to an array without memory of its own."""
    stand_in = np.broadcast_to(np.zeros((), np.bool_), x.shape)
    try:
        return TensorSpec(view(stand_in).shape, dtype or x.dtype)
    except (ValueError, IndexError, TypeError) as error:
        raise ShapeError(f"{error} (shape {x.shape})") from None


def floatx() -> DType:
    """The default float type."""
    return settings.floatx_dtype
