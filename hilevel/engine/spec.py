"""TensorSpec, a shape and a dtype without values; the shape rules that many ops share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.allowance import allowance
from hilevel.engine.dtypes import of_scalar
from hilevel.engine.interpreter import ARRAYS, SPEC_TYPES
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.settings import settings
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Axis, DType, DTypeLike, Function, TensorLike
from hilevel.errors import ShapeError, TracedValueError


class UnknownSize(int):
    """A placeholder for an unknown dimension. Messages show it as `None`."""

    def __repr__(self) -> str:
        return "None"

    __str__ = __repr__


PLACEHOLDER_SIZES = (UnknownSize(240), UnknownSize(360))


class TensorSpec(TensorBase):
    """A tensor without values: a shape and a dtype.

    Args:
        shape: the sizes of the axes.
        dtype: the dtype.
        source: the position of an array among the leaves of the batch, if the tensor has the elements of that array.
    """

    __slots__ = ("__weakref__", "dtype", "shape", "source")

    def __init__(self, shape: Sequence[int], dtype: DTypeLike, source: int | None = None) -> None:
        self.shape = tuple(shape)
        if (limit := allowance.get()) is not None:
            limit.check_shape(self.shape)
        self.dtype: DType = np.dtype(dtype)
        self.source = source

    def _no_data(self, *_: object, **__: object) -> Any:
        raise TracedValueError(
            "The layer or model runs on shapes alone, to infer the shape of its output, and reads the values of a "
            "tensor. Use ops (hilevel.ops.where, cond, while_loop) instead of Python's if, while, float() or numpy "
            "functions on tensors."
        )

    __bool__ = __float__ = __int__ = __index__ = __array__ = numpy = item = tolist = _no_data

    def __repr__(self) -> str:
        return f"<TensorSpec shape={self.shape}, dtype={self.dtype}>"


ARRAYS.add(TensorSpec)
SPEC_TYPES.add(TensorSpec)


def as_spec(x: TensorLike) -> Any:
    """Return an array as a TensorSpec; None and Python scalars unchanged."""
    if x is None or isinstance(x, (TensorSpec, int, float, bool)):
        return x
    return TensorSpec(x.shape, x.dtype)


# -- rules that many ops share ----------------------------------------------------------------------


def shape_of(x: TensorLike) -> tuple[int, ...]:
    """Return the shape; () for a Python scalar."""
    return getattr(x, "shape", ())


def dtype_of(x: TensorLike) -> DType:
    """Return the dtype; for a Python scalar by the dtype rules."""
    return x.dtype if hasattr(x, "dtype") else of_scalar(x)


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which arrays of these shapes broadcast.

    Raises:
        ShapeError: the shapes do not broadcast.
    """
    rank = max(map(len, shapes), default=0)
    out = []
    for i in range(-rank, 0):
        sizes = {s[i] for s in shapes if len(s) >= -i and s[i] != 1}
        if len(sizes) > 1:
            raise ShapeError(
                f"Shapes {' and '.join(map(str, shapes))} do not broadcast: axis {i} has the sizes "
                f"{' and '.join(map(str, sorted(sizes)))}. Expected equal sizes, or 1."
            )
        out.append(next(iter(sizes), 1))
    return tuple(out)


def elementwise(*xs: TensorLike, dtype: DTypeLike = None) -> TensorSpec:
    """Infer the result of ops that broadcast their operands."""
    tensors = [x for x in xs if x is not None]
    arrays = [x for x in tensors if hasattr(x, "dtype")] or tensors
    shape = broadcast(*(shape_of(x) for x in tensors))
    return TensorSpec(shape, dtype or dtype_of(arrays[0]))


def like(x: TensorSpec, **_: object) -> TensorSpec:
    """Infer a result of the shape and dtype of the operand."""
    return TensorSpec(x.shape, x.dtype)


def boolean(*xs: TensorLike, **_: object) -> TensorSpec:
    """Infer the result of comparisons."""
    return elementwise(*xs, dtype=np.bool_)


def signed(*xs: TensorLike) -> TensorSpec:
    """Infer the result of ops that broadcast operands; refuse booleans."""
    y = elementwise(*xs)
    if y.dtype.kind == "b":
        raise TypeError(
            "Expected integers or floats; got booleans. Use ops.logical_not or logical_xor, or cast to int32 first."
        )
    return y


def integral(*xs: TensorLike) -> TensorSpec:
    """Infer the result of ops that broadcast operands; refuse all but integers and booleans."""
    y = elementwise(*xs)
    if y.dtype.kind not in "biu":
        raise TypeError(f"Expected integers or booleans; got {y.dtype}. Cast to an integer dtype first.")
    return y


def reduced(x: TensorSpec, axis: Axis, keepdims: bool, dtype: DTypeLike = None) -> TensorSpec:
    """Infer the result of reductions."""
    try:
        axes = axes_tuple(axis, len(x.shape))
    except ValueError as error:
        raise ShapeError(f"{error} Its shape is {x.shape}.") from None
    kept = [(1 if i in axes else n) for i, n in enumerate(x.shape) if keepdims or i not in axes]
    return TensorSpec(kept, dtype or x.dtype)


def viewed(x: TensorSpec, view: Function, dtype: DTypeLike = None) -> TensorSpec:
    """Infer the result of ops that rearrange, by applying `view` to an array of the shape that needs no memory."""
    stand_in = np.broadcast_to(np.zeros((), np.bool_), x.shape)
    try:
        return TensorSpec(view(stand_in).shape, dtype or x.dtype)
    except (ValueError, IndexError, TypeError) as error:
        raise ShapeError(f"{error} (shape {x.shape})") from None


def floatx() -> DType:
    """Return the default float dtype."""
    return settings.floatx_dtype
