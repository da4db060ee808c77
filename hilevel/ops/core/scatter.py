"""Scatter and slice: blocks and single elements by index."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.autodiff.tape import constant, to_host, untraced
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import TensorSpec, UnknownSize, as_spec
from hilevel.engine.types import Index, Namespace, Tensor, TensorLike
from hilevel.ops.numpy.indexing import getitem, scatter_add


@op
def _scatter(xp: Namespace, x: Tensor, updates: Tensor, /, key: Index, reduction: str | None) -> Tensor:
    return backend_of(x).scatter(x, key, updates, reduction)


@_scatter.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, updates: Tensor, key: Index, reduction: str | None
) -> Any:
    if reduction == "add":
        return g, (lambda: g[key])
    if reduction is None:
        positions = np.arange(int(np.prod(updates.shape, dtype=np.int64))).reshape(updates.shape)
        order = constant(updates, positions)
        unwritten = constant(updates, np.full(tuple(x.shape), -1))
        writer = backend_of(unwritten).scatter(unwritten, key, order, None)
        last = (writer[key] == order).astype(g.dtype)
        return g * (writer < 0).astype(g.dtype), (lambda: g[key] * last)
    raise NotImplementedError(f"scatter_update with reduction={reduction!r} has no gradient.")


_scatter.shape(lambda x, updates, key, reduction: TensorSpec(x.shape, x.dtype))


def _split_columns(indices: Tensor) -> tuple[Any, ...]:
    """Return an index array of shape (..., rank) as an index array for each axis."""
    indices = untraced(to_array(indices))
    if isinstance(indices, TensorSpec):
        return tuple(as_spec(indices[..., i]) for i in range(indices.shape[-1]))
    return tuple(indices[..., i] for i in range(indices.shape[-1]))


@composite
def scatter_update(
    inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None
) -> Tensor:
    """Return a copy of `inputs` with `updates` written at `indices`.

    Args:
        inputs: a tensor of any shape.
        indices: integers of shape `(n, rank)`, an index for each of the first `rank` axes.
        updates: the new elements or slices, of shape `(n, ...)`.
        reduction: `"add"`, `"max"`, `"min"` or `"mul"` to combine with the old elements; None to replace them.

    >>> ops.scatter_update([1.0, 2.0, 3.0], [[1]], [9.0])
    array([1., 9., 3.], dtype=float32)
    """
    inputs = to_array(inputs)
    updates = to_array(updates).astype(inputs.dtype)
    return _scatter(inputs, updates, key=_split_columns(indices), reduction=reduction)


@composite
def scatter(indices: TensorLike, values: TensorLike, shape: Sequence[int]) -> Tensor:
    """Return zeros of the given shape with `values` added at `indices`.

    Args:
        indices: integers of shape `(n, rank)`, an index for each of the first `rank` axes.
        values: elements or slices, of shape `(n, ...)`.
        shape: the shape of the result.

    >>> ops.scatter([[1]], [9.0], (3,))
    array([0., 9., 0.], dtype=float32)
    """
    return scatter_add(values, _split_columns(indices), shape=tuple(shape))


@composite
def slice(inputs: TensorLike, start_indices: TensorLike, shape: Sequence[int]) -> Tensor:
    """Return a block of a tensor.

    Args:
        inputs: a tensor of any shape.
        start_indices: integers, an index for each axis, at which the block begins.
        shape: the shape of the block; -1 for all elements up to the end of the axis.

    >>> ops.slice([1.0, 2.0, 3.0], [1], [2])
    array([2., 3.], dtype=float32)
    """
    inputs = to_array(inputs)
    size = [_rest(start_indices, i, inputs.shape[i]) if n == -1 else int(n) for i, n in enumerate(shape)]
    item = getitem(inputs, _block(start_indices, size, inputs.shape))
    return TensorSpec(size, item.dtype) if isinstance(item, TensorSpec) else item


@composite
def slice_update(inputs: TensorLike, start_indices: TensorLike, updates: TensorLike) -> Tensor:
    """Return a copy of `inputs` with a block replaced.

    Args:
        inputs: a tensor of any shape.
        start_indices: integers, an index for each axis, at which the block begins.
        updates: the block, with as many axes as `inputs`.

    >>> ops.slice_update([1.0, 2.0, 3.0], [1], [9.0])
    array([1., 9., 3.], dtype=float32)
    """
    inputs = to_array(inputs)
    updates = to_array(updates).astype(inputs.dtype)
    key = _block(start_indices, updates.shape, inputs.shape)
    return _scatter(inputs, updates, key=key, reduction=None)


def _rest(start: TensorLike, axis: int, size: int) -> int:
    """Return the number of elements of an axis from a start on. A start without a value makes it unknown.

    Raises:
        ValueError: the start is a value of a compiled function.
    """
    first = start[axis] if isinstance(start, (list, tuple)) else _start_indices(start)[axis]
    if isinstance(first, TensorSpec):
        return UnknownSize(size)
    if not isinstance(first, (int, np.integer)):
        first = to_host(untraced(to_array(first)))
    return max(size - int(first), 0)


def _block(start: TensorLike, size: Sequence[int], whole: Sequence[int]) -> tuple[Any, ...]:
    """Return the key of a block. A start that is a tensor becomes index arrays, so that it may be traced."""
    starts = start if isinstance(start, (list, tuple)) else _start_indices(start)
    if all(isinstance(s, (int, np.integer)) for s in starts):
        return tuple(builtins.slice(int(s), int(s) + n) for s, n in zip(starts, size, strict=True))
    key = []
    for axis, (s, n) in enumerate(zip(starts, size, strict=True)):
        view = [1] * len(size)
        view[axis] = n
        first = untraced(to_array(s))
        key.append(first + constant(first, np.arange(n).reshape(view)))
    return tuple(key)


def _start_indices(start: TensorLike) -> list[Any]:
    if isinstance(start, np.ndarray):
        return [int(s) for s in start]
    start = to_array(start)
    return [start[i] for i in range(start.shape[0])]
