"""TensorSpec, a shape and a dtype without values; the shape rules that many ops share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.allowance import allowance
from hilevel.engine.dtypes import of_scalar
from hilevel.engine.interpreter import ARRAYS, HOST_TYPES, NUMBERS, SPEC_TYPES
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.settings import settings
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Axis, DType, DTypeLike, Function, TensorLike
from hilevel.errors import ShapeError, TracedValueError


class UnknownSize(int):
    """A placeholder for an unknown dimension. Messages show it as `None`.

    Sums, differences, products and quotients with known sizes are unknown, too. Between two placeholders a difference
    or a quotient is a plain integer, because it may be known: `n // n` is 1. `hilevel.engine.graph.abstract_call`
    compares two runs with different placeholders for this reason.

    >>> from hilevel.engine.spec import UnknownSize
    >>> n = UnknownSize(240)
    >>> 2 * n + 1, n // n
    (None, 1)
    """

    def __repr__(self) -> str:
        return "None"

    __str__ = __repr__

    def __neg__(self) -> UnknownSize:
        return UnknownSize(-int(self))


def _arithmetic(name: str, may_cancel: bool) -> Function:
    plain = getattr(int, name)

    def method(self: UnknownSize, other: object) -> Any:
        result = plain(self, other)
        known = result is NotImplemented or (may_cancel and isinstance(other, UnknownSize))
        return result if known else UnknownSize(result)

    return method


for _name, _may_cancel in (("add", False), ("mul", False), ("sub", True), ("floordiv", True), ("mod", True)):
    for _prefix in ("__", "__r"):
        setattr(UnknownSize, f"{_prefix}{_name}__", _arithmetic(f"{_prefix}{_name}__", _may_cancel))


NUMBERS.add(UnknownSize)
HOST_TYPES.add(UnknownSize)

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


def shapes_text(arrays: object) -> str:
    """Return the shapes of the arrays in a structure, as text for messages."""
    return ", ".join(str(tuple(x.shape)) for x in tree.flatten(arrays) if hasattr(x, "shape"))


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
        sizes = [s[i] for s in shapes if len(s) >= -i and s[i] != 1] or [1]
        size = one_size(sizes)
        if size is None:
            raise ShapeError(
                f"Shapes {' and '.join(map(str, shapes))} do not broadcast: axis {i} has the sizes "
                f"{' and '.join(map(str, sorted(set(sizes))))}. Expected equal sizes, or 1."
            )
        out.append(size)
    return tuple(out)


def one_size(sizes: Sequence[int]) -> int | None:
    """Return the size of an axis on which tensors of these sizes agree; None if they differ.

    An unknown size agrees with each size. The result is a known size if there is one.

    >>> from hilevel.engine.spec import UnknownSize, one_size
    >>> one_size([UnknownSize(240), 3, 3])
    3
    """
    known = _known(sizes)
    if len(known) > 1:
        return None
    return next(iter(known or sizes))


def _known(sizes: Sequence[int | None]) -> set[int]:
    return {n for n in sizes if n is not None and not isinstance(n, UnknownSize)}


def agree(*shapes: Sequence[int | None]) -> bool:
    """Return whether shapes are equal. An unknown size, which may be None, agrees with each size."""
    return len({len(s) for s in shapes}) <= 1 and all(
        len(_known(sizes)) <= 1 for sizes in zip(*shapes, strict=True)
    )


def common_shape(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of tensors whose shapes agree, with the sizes that are known in one of them."""
    return tuple(next(iter(_known(sizes) or sizes)) for sizes in zip(*shapes, strict=True))


def size_from(n: int, *sizes: int) -> int:
    """Return a size that is computed from others: if one of these is unknown, a placeholder above 1.

    A placeholder of 1 would be lost in a broadcast.
    """
    if not any(map(is_unknown, sizes)) or (is_unknown(n) and n > 1):
        return n
    return UnknownSize(max(n, 2))


def is_unknown(n: object) -> bool:
    """Return whether a size is unknown."""
    return isinstance(n, UnknownSize)


def elementwise(*xs: TensorLike, dtype: DTypeLike = None) -> TensorSpec:
    """Infer the result of ops that broadcast their operands."""
    tensors = [x for x in xs if x is not None]
    arrays = [x for x in tensors if hasattr(x, "dtype")] or tensors
    shape = broadcast(*(shape_of(x) for x in tensors))
    return TensorSpec(shape, dtype or dtype_of(arrays[0]))


def like(x: TensorSpec, **_: object) -> TensorSpec:
    """Infer a result of the shape and dtype of the operand."""
    return TensorSpec(x.shape, x.dtype)


def like_along(x: TensorSpec, axis: Axis = -1, dtype: DTypeLike = None) -> TensorSpec:
    """Infer a result of the operand's shape, and of its dtype by default, for ops along axes."""
    reduced(x, axis, keepdims=True)
    return TensorSpec(x.shape, dtype or x.dtype)


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
    shape = _shape_of_view(x.shape, view)
    if any(map(is_unknown, x.shape)):
        other = _shape_of_view([int(n) + 60 if is_unknown(n) else n for n in x.shape], view)
        shape = [UnknownSize(n) if n != m else n for n, m in zip(shape, other, strict=True)]
    return TensorSpec(shape, dtype or x.dtype)


def _shape_of_view(shape: Sequence[int], view: Function) -> Sequence[int]:
    stand_in = np.broadcast_to(np.zeros((), np.bool_), shape)
    try:
        return view(stand_in).shape
    except (ValueError, IndexError, TypeError) as error:
        raise ShapeError(f"{error} (shape {tuple(shape)})") from None


def floatx() -> DType:
    """Return the default float dtype."""
    return settings.floatx_dtype
