"""Ops that join, split and repeat tensors."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hilevel.engine.allowance import claim
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, agree, common_shape, is_unknown, one_size, size_from
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.shaping import broadcast_to, expand_dims, ravel, reshape, shape


@op(dtype="common")
def _concatenate(xp: Namespace, *xs: Tensor, axis: int = 0) -> Tensor:
    return xp.concatenate(xs, axis=axis)


@_concatenate.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, *xs: Tensor, axis: int = 0) -> Any:
    axis %= len(xs[0].shape)
    grads, start = [], 0
    for x in xs:
        stop = start + x.shape[axis]
        grads.append(g[(slice(None),) * axis + (slice(start, stop),)])
        start = stop
    return tuple(grads)


@_concatenate.shape
def _(*xs: Any, axis: int = 0) -> TensorSpec:
    shapes = [list(x.shape) for x in xs]
    (axis,) = axes_tuple(axis, len(shapes[0]))
    rest = [s[:axis] + s[axis + 1 :] for s in shapes]
    if not agree(*rest):
        raise ShapeError(
            f"concatenate along axis {axis}: all other axes must be equal, got shapes "
            f"{', '.join(str(tuple(s)) for s in shapes)}."
        )
    others = common_shape(*rest)
    length = builtins.sum(s[axis] for s in shapes)
    return TensorSpec((*others[:axis], length, *others[axis:]), xs[0].dtype)


def _list(xs: Sequence[TensorLike] | Tensor) -> list[Any]:
    return list(xs) if isinstance(xs, (list, tuple)) else [xs[i] for i in range(len(xs))]


def concatenate(xs: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Join tensors along an axis.

    Args:
        xs: tensors of equal shape except along the axis.
        axis: the axis.

    >>> ops.concatenate([[1.0], [2.0, 3.0]])
    array([1., 2., 3.], dtype=float32)
    """
    return _concatenate(*_list(xs), axis=axis)


def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Tensor:
    """Join `x1` and `x2` along an axis.

    Args:
        x1, x2: tensors of equal shape except along the axis.
        axis: the axis; by default both are flattened.

    >>> ops.append([1.0], [2.0])
    array([1., 2.], dtype=float32)
    """
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)])
    return concatenate([x1, x2], axis)


@composite
def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Join tensors along a new axis.

    Args:
        x: tensors of equal shape.
        axis: the position of the new axis.

    >>> ops.stack([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    return concatenate([expand_dims(item, axis) for item in _list(x)], axis)


@composite
def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Join tensors along the second axis, vectors along the first.

    Args:
        xs: tensors of equal shape except along that axis.

    >>> ops.hstack([[1.0], [2.0]])
    array([1., 2.], dtype=float32)
    """
    arrays = [to_array(x) for x in xs]
    return concatenate(arrays, axis=0 if len(arrays[0].shape) < 2 else 1)


@composite
def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Join tensors along the first axis, vectors as rows.

    Args:
        xs: tensors of equal shape except along the first axis.

    >>> ops.vstack([[1.0], [2.0]])
    array([[1.],
           [2.]], dtype=float32)
    """
    arrays = [to_array(x) for x in xs]
    return concatenate([a.reshape((1, -1)) if len(a.shape) < 2 else a for a in arrays], axis=0)


@composite
def split(x: TensorLike, indices_or_sections: TensorLike, axis: int = 0) -> list[Tensor]:
    """Split a tensor along an axis.

    Args:
        x: a tensor with at least one axis.
        indices_or_sections: a number of equal sections, or the indices at which to split.
        axis: the axis.

    >>> ops.split([1.0, 2.0, 3.0], [1])
    [array([1.], dtype=float32), array([2., 3.], dtype=float32)]

    Raises:
        ShapeError: the axis cannot be divided into that number of equal sections.
    """
    x = to_array(x)
    (axis,) = axes_tuple(axis, len(x.shape))
    lead = (slice(None),) * axis
    return [x[(*lead, slice(start, stop))] for start, stop in _sections(x.shape, indices_or_sections, axis)]


@split.shape
def _(x: TensorLike, indices_or_sections: TensorLike, axis: int = 0) -> list[TensorSpec]:
    x = to_array(x)
    (axis,) = axes_tuple(axis, len(x.shape))
    sizes = [stop - start for start, stop in _sections(x.shape, indices_or_sections, axis)]
    if is_unknown(x.shape[axis]) and isinstance(indices_or_sections, (int, np.integer)):
        sizes = [size_from(sizes[0], x.shape[axis])] * len(sizes)
    return [TensorSpec((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype) for n in sizes]


def _sections(shape: Sequence[int], indices_or_sections: TensorLike, axis: int) -> Iterable[tuple[int, int]]:
    """Return the begin and the end of each section of an axis."""
    n = shape[axis]
    if not isinstance(indices_or_sections, (int, np.integer)):
        return itertools.pairwise([0, *(int(i) for i in indices_or_sections), n])
    if n % indices_or_sections and not is_unknown(n):
        raise ShapeError(
            f"split: axis {axis} of shape {tuple(shape)} cannot be cut into "
            f"{indices_or_sections} equal sections; array_split cuts into nearly equal ones."
        )
    return itertools.pairwise([0, *_bounds(n, int(indices_or_sections)), n])


def _bounds(n: int, sections: int) -> list[int]:
    """Return the indices at which an axis of length `n` is cut. The first `n % sections` sections are longer by one."""
    longer = n % sections
    return [n // sections * i + builtins.min(i, longer) for i in range(1, sections)]


@composite
def array_split(x: TensorLike, indices_or_sections: TensorLike, axis: int = 0) -> list[Tensor]:
    """Split a tensor along an axis into nearly equal sections, the longer first.

    Args:
        x: a tensor with at least one axis.
        indices_or_sections: a number of sections, or the indices at which to split.
        axis: the axis.

    >>> ops.array_split([1.0, 2.0, 3.0], 2)
    [array([1., 2.], dtype=float32), array([3.], dtype=float32)]
    """
    if isinstance(indices_or_sections, (int, np.integer)):
        n = shape(x)[axes_tuple(axis, len(shape(x)))[0]]
        indices_or_sections = _bounds(n, int(indices_or_sections))
    return split(x, indices_or_sections, axis)


@composite
def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Return the slices of an axis, without the axis.

    Args:
        x: a tensor with at least one axis.
        num: the number of slices; the length of the axis by default.
        axis: the axis.

    >>> ops.unstack([[1.0, 2.0], [3.0, 4.0]])
    [array([1., 2.], dtype=float32), array([3., 4.], dtype=float32)]

    Raises:
        ShapeError: the length of the axis of a symbolic tensor is unknown, and `num` is None.
    """
    x = to_array(x)
    (axis,) = axes_tuple(axis, len(x.shape))
    if num is None and is_unknown(x.shape[axis]):
        raise ShapeError(
            f"unstack: the length of axis {axis} of shape {tuple(x.shape)} is unknown. Give num."
        )
    lead = (slice(None),) * axis
    return [x[(*lead, i)] for i in range(num or x.shape[axis])]


@op
def _repeat(xp: Namespace, x: Tensor, /, repeats: int, axis: int) -> Tensor:
    return xp.repeat(x, repeats, axis=axis)


@_repeat.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, repeats: int, axis: int) -> Any:
    axis %= len(x.shape)
    shape = (*x.shape[: axis + 1], repeats, *x.shape[axis + 1 :])
    return xp.sum(xp.reshape(g, shape), axis=axis + 1)


@_repeat.shape
def _(x: TensorSpec, repeats: int, axis: int) -> TensorSpec:
    (axis,) = axes_tuple(axis, len(x.shape))
    return TensorSpec((*x.shape[:axis], x.shape[axis] * repeats, *x.shape[axis + 1 :]), x.dtype)


@composite
def repeat(x: TensorLike, repeats: TensorLike, axis: int | None = None) -> Tensor:
    """Repeat each element along an axis.

    Args:
        x: a tensor of any shape.
        repeats: the number of repetitions, one for all elements or one for each.
        axis: the axis; by default the tensor is flattened.

    >>> ops.repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.], dtype=float32)

    Raises:
        ShapeError: the number of repetitions differs from the length of the axis.
    """
    if axis is None:
        x, axis = ravel(x), 0
    if isinstance(repeats, (int, np.integer)):
        return _repeat(x, repeats=int(repeats), axis=axis)
    x, counts = to_array(x), np.asarray(repeats).astype(np.intp)
    (axis,) = axes_tuple(axis, len(x.shape))
    n = x.shape[axis] if counts.size == 1 else one_size([x.shape[axis], len(counts)])
    if n is None:
        raise ShapeError(
            f"repeat: axis {axis} has the length {x.shape[axis]}; got {len(counts)} repetitions."
        )
    counts = np.broadcast_to(counts, (n,))
    claim(8 * int(counts.sum()), "The argument repeats")
    lead = (slice(None),) * axis
    return x[(*lead, np.repeat(np.arange(n), counts))]


@composite
def tile(x: TensorLike, repeats: TensorLike) -> Tensor:
    """Repeat the whole tensor along each axis.

    Args:
        x: a tensor of any shape.
        repeats: the number of repetitions for each axis; a single number is for the last axis.

    >>> ops.tile([1.0, 2.0], 2)
    array([1., 2., 1., 2.], dtype=float32)
    """
    counts = [repeats] if isinstance(repeats, (int, np.integer)) else list(repeats)
    x = to_array(x) if isinstance(x, (list, tuple)) else x
    rank = builtins.max(len(counts), len(x.shape))
    counts = [1] * (rank - len(counts)) + counts
    if rank > len(x.shape):
        x = expand_dims(x, tuple(range(rank - len(x.shape))))
    for axis, n in enumerate(counts):
        if n != 1:
            claim(8 * n, f"repeats={n}")
            before, (size, *after) = x.shape[:axis], x.shape[axis:]
            copies = broadcast_to(expand_dims(x, axis), (*before, n, size, *after))
            x = reshape(copies, (*before, n * size, *after))
    return x


@composite
def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Return coordinate grids from vectors of coordinates.

    Args:
        x: vectors of shape `(n,)`.
        indexing: `"xy"` if the first vector runs along the second axis of the grids, `"ij"` if along the first.

    >>> [g.shape for g in ops.meshgrid([1, 2, 3], [4, 5])]
    [(2, 3), (2, 3)]

    Raises:
        ValueError: `indexing` is another string.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij'; got {indexing!r}.")
    arrays = [ravel(v) for v in x]
    rank = len(arrays)
    places = list(range(rank))
    if indexing == "xy" and rank > 1:
        places[0], places[1] = 1, 0
    shape = [0] * rank
    for place, v in zip(places, arrays, strict=True):
        shape[place] = v.shape[0]
    grids = []
    for place, v in zip(places, arrays, strict=True):
        view = [1] * rank
        view[place] = -1
        grids.append(broadcast_to(reshape(v, tuple(view)), tuple(shape)))
    return grids
