"""Indexing: elements, rows and positions of a tensor."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import TapeTensor, to_host, untraced
from hilevel.engine.context import context
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import PLACEHOLDER_SIZES, TensorSpec, UnknownSize, broadcast, is_unknown
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Array, Index, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.elementwise import data_dependent_shape


@op
def getitem_op(xp: Namespace, x: Tensor, /, key: Index) -> Tensor:
    return x[key]


@getitem_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, key: Index) -> Any:
    return scatter_add(g, key, shape=tuple(x.shape))


@getitem_op.shape
def _(x: TensorSpec, key: Index) -> TensorSpec:
    parts = _expanded(key if isinstance(key, tuple) else (key,), len(x.shape))
    shape = _shape_of_item(x.shape, parts)
    if any(map(is_unknown, x.shape)):
        short = _shape_of_item([1 if is_unknown(n) else n for n in x.shape], [_at_zero(k) for k in parts])
        shape = [
            UnknownSize(n) if n != m and not is_unknown(n) else n for n, m in zip(shape, short, strict=True)
        ]
    return TensorSpec(shape, x.dtype)


def _expanded(key: Sequence[Any], rank: int) -> list[Any]:
    """Return a key with slices in place of `...`."""
    used = builtins.sum(_axes_of(k) for k in key)
    if used > rank or builtins.sum(k is Ellipsis for k in key) > 1:
        raise ShapeError(
            f"A tensor of {rank} axes has no element {key}: it has {used} indices, or `...` twice."
        )
    parts: list[Any] = []
    for k in key:
        parts += [builtins.slice(None)] * (rank - used) if k is Ellipsis else [k]
    return parts


def _axes_of(k: Any) -> int:
    """Return the number of axes that a part of a key consumes."""
    if k is None or k is Ellipsis or isinstance(k, (bool, np.bool_)):
        return 0
    return len(k.shape) if getattr(k, "dtype", None) == np.bool_ else 1


def _shape_of_item(shape: Sequence[int], key: Sequence[Any]) -> list[int]:
    """Return the shape of `x[key]`. An additional last axis of length 0 avoids memory for the result.

    Index arrays without values are replaced by small ones, of two sizes: the axes that differ are theirs.
    """
    stand_in = np.broadcast_to(np.zeros((), np.bool_), (*shape, 0))
    arrays = [k.shape for k in key if _is_indices(k)]
    try:
        if all(_has_values(k) for k in key if _is_indices(k)):
            return list(stand_in[tuple(_as_mask(k) for k in key)].shape[:-1])
        sizes = iter(broadcast(*arrays))
        rank = max(map(len, arrays))
        one, two = (
            stand_in[
                tuple(np.zeros((n,) * rank, np.int64) if _is_indices(k) else _as_mask(k) for k in key)
            ].shape
            for n in (1, 2)
        )
        return [next(sizes) if n != m else n for n, m in zip(one[:-1], two[:-1], strict=True)]
    except (ValueError, IndexError, TypeError) as error:
        raise ShapeError(f"{error} (shape {tuple(shape)})") from None


def _is_indices(k: Any) -> bool:
    return hasattr(k, "shape") and getattr(k, "dtype", None) != np.bool_


def _has_values(k: Any) -> bool:
    return isinstance(k, (np.ndarray, np.generic))


def _as_mask(k: Any) -> Any:
    """Return a mask without values as a mask of False, and other parts of a key unchanged."""
    return np.zeros(k.shape, np.bool_) if hasattr(k, "shape") and not _has_values(k) else k


def _at_zero(k: Any) -> Any:
    """Return a part of a key with the index 0 in place of other indices."""
    if _is_indices(k):
        return TensorSpec(k.shape, np.int64)
    return 0 if isinstance(k, int) and not isinstance(k, bool) else k


def _plain_key(key: Index) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_plain_key, key))
    if isinstance(key, builtins.slice):
        return builtins.slice(*(_plain_key(v) for v in (key.start, key.stop, key.step)))
    if isinstance(key, list):
        return np.asarray(key)
    if isinstance(key, TensorBase):
        return untraced(to_array(key))
    return dtypes.native(key)


def getitem(x: TensorLike, key: Index) -> Tensor:
    """Return `x[key]`.

    Args:
        x: a tensor of any shape.
        key: slices, integers, None, `...` and arrays of indices, as in NumPy.

    >>> ops.getitem([1.0, 2.0, 3.0], np.s_[1:])
    array([2., 3.], dtype=float32)
    """
    key = _plain_key(key)
    if any(isinstance(k, TensorSpec) for k in (key if isinstance(key, tuple) else (key,))):
        return context.interpreter.infer(getitem_op, (to_array(x),), {"key": key})
    return getitem_op(x, key=key)


@op
def scatter_add(xp: Namespace, x: TensorLike, /, key: Index, shape: Sequence[int]) -> Tensor:
    """Return zeros of `shape` to which `x` is added at `key`. Repeated indices accumulate. It is the vjp of
    `getitem`.

    Args:
        x: a tensor of the shape of `zeros(shape)[key]`.
        key: slices, integers, None, `...` and arrays of indices, as in NumPy.
        shape: the shape of the result.

    >>> ops.scatter_add([1.0, 2.0], np.array([1, 1]), shape=(3,))
    array([0., 3., 0.], dtype=float32)
    """
    return backend_of(x).scatter(xp.zeros(tuple(shape), dtype=x.dtype), key, x, "add")


def is_basic(key: Index) -> bool:
    """Whether a key has no arrays of indices, and so selects no element twice."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, builtins.slice)) for p in parts)


scatter_add.gradient(lambda xp, g, y, x, key, shape: g[key])


scatter_add.shape(lambda x, key, shape: TensorSpec(shape, x.dtype))


@composite
def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Return the elements of an axis at the given indices.

    If the indices are in the host's memory, an index outside the axis is an error. In compiled functions and on a
    device it is not checked, and its result is undefined.

    Args:
        x: a tensor of any shape.
        indices: integers of any shape, which takes the place of the axis in the result.
        axis: the axis; by default the elements of all axes, in order.

    >>> ops.take([10.0, 20.0, 30.0], [2, 0])
    array([30., 10.], dtype=float32)
    """
    x = to_array(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    (axis,) = axes_tuple(axis, len(x.shape))
    check_indices(indices, x.shape[axis], "take")
    indices = indices if isinstance(indices, (int, np.integer)) else to_array(indices)
    return getitem(x, (*(builtins.slice(None),) * axis, indices))


def check_indices(indices: TensorLike, size: int, name: str, lowest: int | None = None) -> None:
    """Check that indices in the host's memory are inside an axis.

    Raises:
        IndexError: an index is out of range; the message has the first such index and the range.
    """
    if isinstance(indices, (int, list, tuple)):
        indices = np.asarray(indices) if not _holds_tensors(indices) else None
    if not isinstance(indices, (np.ndarray, np.generic)) or not indices.size:
        return
    low = -size if lowest is None else lowest
    indices = np.asarray(indices)
    if indices.dtype.kind in "iu" and (indices.min() < low or indices.max() >= size):
        wrong = indices[(indices < low) | (indices >= size)].flat[0]
        raise IndexError(
            f"{name}: index {wrong} is out of range. Expected {low} to {size - 1}, for an axis of length {size}."
        )


def _holds_tensors(x: object) -> bool:
    return isinstance(x, (list, tuple)) and any(isinstance(i, TensorBase) or _holds_tensors(i) for i in x)


@composite
def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Return elements of an axis, by indices for each position along the other axes.

    Args:
        x: a tensor of any shape.
        indices: integers, of the shape of `x` except along the axis; other axes broadcast.
        axis: the axis; by default the elements of all axes, in order.

    >>> ops.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1)
    array([[2.],
           [3.]], dtype=float32)
    """
    x, indices = to_array(x), to_array(indices)
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    (axis,) = axes_tuple(axis, len(x.shape))
    key: list[Any] = []
    for i, n in enumerate(x.shape):
        shape = [1] * len(x.shape)
        shape[i] = n
        key.append(indices if i == axis else np.arange(n).reshape(shape))
    return getitem(x, tuple(key))


@take_along_axis.shape
def _(x: TensorLike, indices: TensorLike, axis: int | None = None) -> TensorSpec:
    x, indices = to_array(x), to_array(indices)
    if axis is None:
        return TensorSpec((math.prod(indices.shape),), x.dtype)
    (axis,) = axes_tuple(axis, len(x.shape))
    before = broadcast(x.shape[:axis], indices.shape[:axis])
    after = broadcast(x.shape[axis + 1 :], indices.shape[axis + 1 :])
    return TensorSpec((*before, indices.shape[axis], *after), x.dtype)


def inside(xp: Namespace, indices: Array, size: int) -> Array:
    """Return whether indices are in the range from 0 to `size - 1`, element-wise."""
    return (indices >= 0) & (indices < size)


@op
def embedding_lookup(xp: Namespace, table: Tensor, indices: Tensor) -> Tensor:
    """Return the rows of a table at integer indices, of shape `(..., features)`.

    A negative index, or one beyond the table, gives NaN. It gets no gradient.

    Args:
        table: floats of shape `(rows, features)`.
        indices: integers of shape `(...)`.

    >>> from hilevel.ops.numpy.indexing import embedding_lookup
    >>> embedding_lookup(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 2]))
    array([[ 3.,  4.],
           [nan, nan]])
    """
    found = inside(xp, indices, table.shape[0])
    rows = table[xp.where(found, indices, 0)]
    return xp.where(found[..., None], rows, xp.asarray(np.nan, table.dtype))


@embedding_lookup.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, table: Tensor, indices: Tensor) -> Any:
    found = inside(xp, indices, table.shape[0])
    rows = g * found[..., None].astype(g.dtype)
    return scatter_add(rows, (xp.where(found, indices, 0),), shape=tuple(table.shape)), None


embedding_lookup.shape(lambda table, indices: TensorSpec((*indices.shape, table.shape[1]), table.dtype))


def own_elements(xp: Namespace, x: Array, indices: Array) -> Array:
    """Return the element of the last axis of `x`, `(..., n)`, at each index `(...)`; NaN for an index outside."""
    found = inside(xp, indices, x.shape[-1])
    own = xp.take_along_axis(x, xp.where(found, indices, 0)[..., None], axis=-1)[..., 0]
    return xp.where(found, own, xp.asarray(np.nan, x.dtype))


@op
def pick(xp: Namespace, x: Tensor, indices: Tensor) -> Tensor:
    """Return the element of the last axis of `x` at each index, of shape `(...)`.

    A negative index, or one beyond the axis, gives NaN. It gets no gradient.

    Args:
        x: floats of shape `(..., n)`.
        indices: integers of shape `(...)`.

    >>> from hilevel.ops.numpy.indexing import pick
    >>> pick(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, -1]))
    array([ 2., nan])
    """
    return own_elements(xp, x, indices)


@pick.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, indices: Tensor) -> Any:
    hit = indices[..., None] == xp.arange(x.shape[-1]).astype(indices.dtype)
    return g[..., None] * hit.astype(g.dtype), None


pick.shape(lambda x, indices: TensorSpec(x.shape[:-1], x.dtype))


@composite
def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: complex | None = None,
) -> Any:
    """Return the distinct elements in ascending order. Each NaN is distinct.

    The indices, the inverse and the counts (int32), if requested, follow in a tuple.

    Args:
        x: a tensor of any shape.
        sorted: ignored; the result is always sorted.
        return_index: whether to return the first index of each distinct element.
        return_inverse: whether to return the position in the result for each element of `x`.
        return_counts: whether to return the number of occurrences.
        axis: the axis whose slices are compared; by default the elements of all axes.
        size: the length of the result, which is cut or padded to it; the number of distinct elements by default.
        fill_value: the value of the padding; 0 by default. Indices are padded with the index of the smallest
            element, counts with 0.

    >>> ops.unique([3, 1, 3])
    array([1, 3], dtype=int32)

    Raises:
        TracedValueError: inside a compiled function, where the values are unknown.
    """
    x = x.numpy() if isinstance(x, TapeTensor) else to_array(x)
    backend = backend_of(x)
    if isinstance(x, TensorSpec) or not backend.is_concrete(x):
        raise data_dependent_shape("unique")
    unique_: Any = np.unique  # its overloads need literal booleans
    results = unique_(to_host(x), return_index, return_inverse, return_counts, axis=axis, equal_nan=False)
    parts = list(results) if isinstance(results, tuple) else [results]
    if size is not None:
        parts[0] = _fit_length(
            parts[0], size, 0 if axis is None else axis, 0 if fill_value is None else fill_value
        )
        if return_index:
            parts[1] = _fit_length(parts[1], size, 0, parts[1][0] if parts[1].size else 0)
        if return_counts:
            parts[-1] = _fit_length(parts[-1], size, 0, 0)
    arrays = [backend.asarray(p if i == 0 else p.astype(np.int32)) for i, p in enumerate(parts)]
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


@unique.shape
def _(
    x: TensorLike, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None, fill_value: complex | None = None,
) -> Any:  # fmt: skip
    x = to_array(x)
    number = PLACEHOLDER_SIZES[0] if size is None else size
    shape = [number]
    if axis is not None:
        (axis,) = axes_tuple(axis, len(x.shape))
        shape = [*x.shape[:axis], number, *x.shape[axis + 1 :]]
    inverse = TensorSpec(x.shape if axis is None else (x.shape[axis],), dtypes.INT32)
    counts = TensorSpec((number,), dtypes.INT32)
    extra = [counts] * return_index + [inverse] * return_inverse + [counts] * return_counts
    values = TensorSpec(shape, x.dtype)
    return (values, *extra) if extra else values


def _fit_length(x: np.ndarray[Any, Any], size: int, axis: int, fill: complex) -> np.ndarray[Any, Any]:
    """Cut an axis to a size, or pad it with `fill`."""
    x = np.moveaxis(x, axis, 0)[:size]
    rest = np.full((size - len(x), *x.shape[1:]), fill, x.dtype)
    return np.moveaxis(np.concatenate([x, rest]), 0, axis)
