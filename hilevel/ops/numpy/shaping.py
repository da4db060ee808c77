"""Ops that make tensors, and that rearrange, join, repeat and cut them."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.op import op, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, broadcast, shape_of, viewed
from hilevel.engine.types import Axis, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.indexing import scatter_add
from hilevel.ops.numpy.reduction import sum

# -- rearranging ------------------------------------------------------------------------------------


@op
def reshape(xp: Namespace, x: TensorLike, /, newshape: Any) -> Tensor:
    """The elements in another shape; one size may be -1, for what is left.

    >>> ops.reshape([1.0, 2.0, 3.0, 4.0], (2, -1))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    return xp.reshape(x, newshape)


reshape.gradient(lambda xp, g, y, x, newshape: xp.reshape(g, x.shape))


@reshape.shape
def _(x: Any, newshape: Any) -> TensorSpec:
    shape = [newshape] if isinstance(newshape, int) else [int(n) for n in newshape]
    size = int(np.prod(x.shape, dtype=np.int64))
    known = int(np.prod([n for n in shape if n != -1], dtype=np.int64))
    if shape.count(-1) > 1 or (size % known if -1 in shape and known else known != size):
        raise ShapeError(f"Cannot reshape a tensor of shape {x.shape} ({size} elements) to {tuple(shape)}.")
    return TensorSpec([size // known if n == -1 else n for n in shape], x.dtype)


def ravel(x: TensorLike) -> Tensor:
    """The elements in one axis.

    >>> ops.ravel([[1.0], [2.0]])
    array([1., 2.], dtype=float32)
    """
    return reshape(x, (-1,))


@op
def transpose(xp: Namespace, x: TensorLike, /, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order; reversed where none is given.

    >>> ops.transpose([[1.0, 2.0]])
    array([[1.],
           [2.]], dtype=float32)
    """
    return xp.transpose(x, axes)


@transpose.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, axes: Sequence[int] | None = None) -> Any:
    if axes is None:
        return xp.transpose(g)
    return xp.transpose(g, tuple(int(i) for i in np.argsort(axes_tuple(axes, len(x.shape)))))


transpose.shape(lambda x, axes=None: viewed(x, lambda a: np.transpose(a, axes)))


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    >>> ops.swapaxes(np.zeros((2, 3)), 0, 1).shape
    (3, 2)
    """
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


def moveaxis(x: TensorLike, source: Axis, destination: Axis) -> Tensor:
    """Axes moved to other places, the others in their order.

    >>> ops.moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    rank = len(x.shape)
    sources, places = axes_tuple(source, rank), axes_tuple(destination, rank)
    order = [i for i in range(rank) if i not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


@op
def expand_dims(xp: Namespace, x: TensorLike, /, axis: Any) -> Tensor:
    """New axes of length 1.

    >>> ops.expand_dims([1.0, 2.0], 0).shape
    (1, 2)
    """
    return xp.expand_dims(x, axis)


expand_dims.gradient(lambda xp, g, y, x, axis: xp.reshape(g, x.shape))
expand_dims.shape(lambda x, axis: viewed(x, lambda a: np.expand_dims(a, axis)))


@op
def squeeze(xp: Namespace, x: TensorLike, /, axis: Any = None) -> Tensor:
    """Axes of length 1 removed: all of them, or the given ones.

    >>> ops.squeeze([[1.0, 2.0]]).shape
    (2,)
    """
    return xp.squeeze(x, axis=tuple(axis) if isinstance(axis, list) else axis)


squeeze.gradient(lambda xp, g, y, x, axis=None: xp.reshape(g, x.shape))
squeeze.shape(lambda x, axis=None: viewed(x, lambda a: np.squeeze(a, axis)))


for _op in (reshape, transpose, expand_dims, squeeze):
    _op.keeps_elements = True


@op
def broadcast_to(xp: Namespace, x: TensorLike, /, shape: Sequence[int]) -> Tensor:
    """The tensor repeated along axes of length 1, and new ones in front, to the given shape.

    >>> ops.broadcast_to([1.0, 2.0], (2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """
    return xp.broadcast_to(x, tuple(shape))


broadcast_to.gradient(lambda xp, g, y, x, shape: g)


@broadcast_to.shape
def _(x: Any, shape: Sequence[int]) -> TensorSpec:
    if broadcast(x.shape, tuple(shape)) != tuple(shape):
        raise ShapeError(f"Shape {x.shape} cannot be broadcast to {tuple(shape)}.")
    return TensorSpec(shape, x.dtype)


@op
def flip(xp: Namespace, x: TensorLike, /, axis: Axis = None) -> Tensor:
    """The order along the given axes reversed, or along all.

    >>> ops.flip([1.0, 2.0])
    array([2., 1.], dtype=float32)
    """
    return xp.flip(x, axis=tuple(axis) if isinstance(axis, list) else axis)


flip.gradient(lambda xp, g, y, x, axis=None: xp.flip(g, axis=axis))
flip.shape(lambda x, axis=None: TensorSpec(x.shape, x.dtype))


@op
def roll(xp: Namespace, x: TensorLike, /, shift: Any, axis: Any = None) -> Tensor:
    """The elements shifted along axes; what leaves at one end comes in at the other.

    >>> ops.roll([1.0, 2.0, 3.0], 1)
    array([3., 1., 2.], dtype=float32)
    """
    return xp.roll(x, shift, axis=axis)


@roll.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, shift: Any, axis: Any = None) -> Any:
    back = tuple(-s for s in shift) if isinstance(shift, (list, tuple)) else -shift
    return xp.roll(g, back, axis=axis)


roll.shape(lambda x, shift, axis=None: TensorSpec(x.shape, x.dtype))


@op
def pad(
    xp: Namespace,
    x: TensorLike,
    /,
    pad_width: Any,
    mode: str = "constant",
    constant_values: Any = None,
) -> Tensor:
    """The tensor with elements added before and after along each axis.

    `pad_width` is a pair `(before, after)` for each axis, or one for all; `mode` is `"constant"`, `"reflect"`,
    `"symmetric"` or `"edge"`.

    >>> ops.pad([1.0, 2.0], (1, 1))
    array([0., 1., 2., 0.], dtype=float32)
    """
    if mode == "constant":
        return xp.pad(x, pad_width, mode=mode, constant_values=constant_values or 0)
    return xp.pad(x, pad_width, mode=mode)


def _pairs(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in np.broadcast_to(np.asarray(pad_width), (rank, 2))]


@pad.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, pad_width: Any,
    mode: str = "constant", constant_values: Any = None,
) -> Any:  # fmt: skip
    """Constant: the middle. Else each padded element gives its gradient to the one it was copied from."""
    pairs = _pairs(pad_width, len(x.shape))
    if mode == "constant":
        return g[tuple(slice(a, a + n) for (a, _), n in zip(pairs, x.shape, strict=True))]
    for axis, ((before, after), n) in enumerate(zip(pairs, x.shape, strict=True)):
        if before or after:
            source = np.pad(np.arange(n), (before, after), mode=mode)  # type: ignore[call-overload]
            shape = (*g.shape[:axis], n, *g.shape[axis + 1 :])
            g = scatter_add(g, (slice(None),) * axis + (source,), shape=shape)
    return g


@pad.shape
def _(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> TensorSpec:
    pairs = _pairs(pad_width, len(x.shape))
    return TensorSpec([n + a + b for n, (a, b) in zip(x.shape, pairs, strict=True)], x.dtype)


@op
def _mask_triangle(xp: Namespace, x: Tensor, /, k: int, upper: bool) -> Tensor:
    return xp.triu(x, k) if upper else xp.tril(x, k)


@_mask_triangle.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, k: int, upper: bool) -> Any:
    return xp.triu(g, k) if upper else xp.tril(g, k)


_mask_triangle.shape(lambda x, k, upper: TensorSpec(x.shape, x.dtype))


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """The matrix with zeros below its `k`-th diagonal.

    >>> ops.triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return _mask_triangle(x, k=k, upper=True)


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """The matrix with zeros above its `k`-th diagonal.

    >>> ops.tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return _mask_triangle(x, k=k, upper=False)


def diag(x: TensorLike, k: int = 0) -> Tensor:
    """Of a vector, the matrix with it on its `k`-th diagonal; of a matrix, that diagonal.

    >>> ops.diag([1.0, 2.0])
    array([[1., 0.],
           [0., 2.]], dtype=float32)
    """
    x = to_array(x)
    if len(x.shape) == 2:
        return diagonal(x, offset=k)
    n = x.shape[0]
    size = n + builtins.abs(k)
    rows = np.arange(n) + builtins.max(-k, 0)
    return scatter_add(x, (rows, rows + k), shape=(size, size))


def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of two axes, which become one, the last.

    >>> ops.diagonal([[1.0, 2.0], [3.0, 4.0]])
    array([1., 4.], dtype=float32)
    """
    x = moveaxis(to_array(x), (axis1, axis2), (-2, -1))
    rows = np.arange(builtins.max(-offset, 0), x.shape[-2])
    rows = rows[rows + offset < x.shape[-1]]
    return x[..., rows, rows + offset]


def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal of two axes.

    >>> ops.trace([[1.0, 2.0], [3.0, 4.0]])
    np.float32(5.0)
    """
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


# -- joining, repeating, cutting --------------------------------------------------------------------


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
    rest = {tuple(s[:axis] + s[axis + 1 :]) for s in shapes}
    if len(rest) > 1 or len({len(s) for s in shapes}) > 1:
        raise ShapeError(
            f"concatenate along axis {axis}: all other axes must be equal, got shapes "
            f"{', '.join(str(tuple(s)) for s in shapes)}."
        )
    shapes[0][axis] = builtins.sum(s[axis] for s in shapes)
    return TensorSpec(shapes[0], xs[0].dtype)


def _list(xs: Any) -> list[Any]:
    return list(xs) if isinstance(xs, (list, tuple)) else [xs[i] for i in range(len(xs))]


def concatenate(xs: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors joined along an axis.

    >>> ops.concatenate([[1.0], [2.0, 3.0]])
    array([1., 2., 3.], dtype=float32)
    """
    return _concatenate(*_list(xs), axis=axis)


def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Tensor:
    """`x2` after `x1` along an axis; both in one axis where none is given.

    >>> ops.append([1.0], [2.0])
    array([1., 2.], dtype=float32)
    """
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)])
    return concatenate([x1, x2], axis)


def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis.

    >>> ops.stack([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    return concatenate([expand_dims(item, axis) for item in _list(x)], axis)


def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors joined along the second axis, vectors along the first.

    >>> ops.hstack([[1.0], [2.0]])
    array([1., 2.], dtype=float32)
    """
    arrays = [to_array(x) for x in xs]
    return concatenate(arrays, axis=0 if len(arrays[0].shape) < 2 else 1)


def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors joined along the first axis, vectors as rows.

    >>> ops.vstack([[1.0], [2.0]])
    array([[1.],
           [2.]], dtype=float32)
    """
    arrays = [to_array(x) for x in xs]
    return concatenate([a.reshape((1, -1)) if len(a.shape) < 2 else a for a in arrays], axis=0)


def split(x: TensorLike, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """The tensor cut along an axis into equal sections, or before the given indices.

    >>> ops.split([1.0, 2.0, 3.0], [1])
    [array([1.], dtype=float32), array([2., 3.], dtype=float32)]
    """
    x = to_array(x)
    n = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if n % indices_or_sections:
            raise ShapeError(
                f"split: axis {axis} of shape {tuple(x.shape)} cannot be cut into "
                f"{indices_or_sections} equal sections; array_split cuts into nearly equal ones."
            )
        bounds = _bounds(n, int(indices_or_sections))
    else:
        bounds = [int(i) for i in indices_or_sections]
    lead = (slice(None),) * (axis % len(x.shape))
    ends = [0, *bounds, n]
    return [x[(*lead, slice(a, b))] for a, b in itertools.pairwise(ends)]


def _bounds(n: int, sections: int) -> list[int]:
    """Where an axis of length `n` is cut, the first `n % sections` sections being one longer."""
    size, longer = divmod(n, sections)
    return [size * i + builtins.min(i, longer) for i in range(1, sections)]


def array_split(x: TensorLike, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """The tensor cut along an axis into sections as equal as can be, the longer ones first, or before the given
    indices.

    >>> ops.array_split([1.0, 2.0, 3.0], 2)
    [array([1., 2.], dtype=float32), array([3.], dtype=float32)]
    """
    if isinstance(indices_or_sections, (int, np.integer)):
        indices_or_sections = _bounds(shape(x)[axis] or 0, int(indices_or_sections))
    return split(x, indices_or_sections, axis)


def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of an axis, which they no longer have.

    >>> ops.unstack([[1.0, 2.0], [3.0, 4.0]])
    [array([1., 2.], dtype=float32), array([3., 4.], dtype=float32)]
    """
    x = to_array(x)
    lead = (slice(None),) * (axis % len(x.shape))
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
def _(x: Any, repeats: int, axis: int) -> TensorSpec:
    (axis,) = axes_tuple(axis, len(x.shape))
    return TensorSpec((*x.shape[:axis], x.shape[axis] * repeats, *x.shape[axis + 1 :]), x.dtype)


def repeat(x: TensorLike, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along an axis; in one axis where none is given.

    >>> ops.repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.], dtype=float32)
    """
    if axis is None:
        x, axis = ravel(x), 0
    if isinstance(repeats, (int, np.integer)):
        return _repeat(x, repeats=int(repeats), axis=axis)
    x = to_array(x)
    counts = np.broadcast_to(np.asarray(repeats).astype(np.intp), (x.shape[axis],))
    lead = (slice(None),) * (axis % len(x.shape))
    return x[(*lead, np.repeat(np.arange(x.shape[axis]), counts))]


def tile(x: TensorLike, repeats: Any) -> Tensor:
    """The whole tensor repeated along each axis.

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
            x = concatenate([x] * n, axis)
    return x


def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinate grids of one-dimensional coordinates; `"ij"` for matrix order, `"xy"` for pictures.

    >>> [g.shape for g in ops.meshgrid([1, 2, 3], [4, 5])]
    [(2, 3), (2, 3)]
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


# -- asking -----------------------------------------------------------------------------------------


def shape(x: TensorLike) -> tuple[int | None, ...]:
    """The shape, as a tuple; a dimension of a symbolic tensor may be None.

    >>> ops.shape([[1.0, 2.0]])
    (1, 2)
    """
    return tuple(shape_of(x if hasattr(x, "shape") else to_array(x)))


def ndim(x: TensorLike) -> int:
    """The number of axes.

    >>> ops.ndim([[1.0, 2.0]])
    2
    """
    return len(shape(x))


def size(x: TensorLike) -> int:
    """The number of elements.

    >>> ops.size([[1.0, 2.0]])
    2
    """
    sizes: Any = shape(x)
    return int(np.prod(sizes, dtype=np.int64))
