"""Ops that change the shape of a tensor, or the order of its elements."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.op import composite, op, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import (
    PLACEHOLDER_SIZES,
    TensorSpec,
    agree,
    broadcast,
    is_unknown,
    like_along,
    shape_of,
    size_from,
    viewed,
)
from hilevel.engine.types import Axis, Namespace, Sizes, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.indexing import scatter_add
from hilevel.ops.numpy.reduction import as_axis, sum

# -- rearranging ------------------------------------------------------------------------------------


@op
def reshape(xp: Namespace, x: TensorLike, /, newshape: Sizes) -> Tensor:
    """Return the elements in another shape.

    Args:
        x: a tensor of any shape.
        newshape: the new shape, of equal size. One dimension may be -1, which is then inferred.

    >>> ops.reshape([1.0, 2.0, 3.0, 4.0], (2, -1))
    array([[1., 2.],
           [3., 4.]], dtype=float32)

    Raises:
        ShapeError: the sizes do not fit, or are negative.
    """
    if not isinstance(newshape, int) and any(isinstance(n, int) and n < -1 for n in newshape):
        raise ShapeError(f"reshape: sizes must not be negative, but for one -1; got {tuple(newshape)}.")
    return xp.reshape(x, newshape)


reshape.gradient(lambda xp, g, y, x, newshape: xp.reshape(g, x.shape))


@reshape.shape
def _(x: TensorSpec, newshape: Sizes) -> TensorSpec:
    shape = [newshape] if isinstance(newshape, int) else [_as_size(n) for n in newshape]
    size, known = math.prod(x.shape), math.prod(n for n in shape if n != -1)
    fits = size % known == 0 if -1 in shape and known else known == size
    if shape.count(-1) > 1 or not (fits or any(map(is_unknown, (size, known)))):
        raise ShapeError(f"Cannot reshape a tensor of shape {x.shape} ({size} elements) to {tuple(shape)}.")
    return TensorSpec([size // known if n == -1 else n for n in shape], x.dtype)


def _as_size(n: Any) -> int:
    """Return a size as an integer. None and the value of an abstract tensor are unknown."""
    if n is None or isinstance(n, TensorSpec):
        return PLACEHOLDER_SIZES[0]
    return n if isinstance(n, int) else int(n)


def ravel(x: TensorLike) -> Tensor:
    """Flatten a tensor to one axis.

    Args:
        x: a tensor of any shape.

    >>> ops.ravel([[1.0], [2.0]])
    array([1., 2.], dtype=float32)
    """
    return reshape(x, (-1,))


@op
def transpose(xp: Namespace, x: TensorLike, /, axes: Sequence[int] | None = None) -> Tensor:
    """Permute the axes.

    Args:
        x: a tensor of any shape.
        axes: the new order of the axes; reversed by default.

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
    """Swap two axes.

    Args:
        x: a tensor of any shape.
        axis1, axis2: the axes.

    >>> ops.swapaxes(np.zeros((2, 3)), 0, 1).shape
    (3, 2)
    """
    order = list(range(len(x.shape)))
    i, j = axes_tuple(axis1, len(order)) + axes_tuple(axis2, len(order))
    order[i], order[j] = order[j], order[i]
    return transpose(x, order)


def moveaxis(x: TensorLike, source: Axis, destination: Axis) -> Tensor:
    """Move axes to other positions. The other axes keep their order.

    Args:
        x: a tensor of any shape.
        source, destination: the axes, and their positions in the result.

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
def expand_dims(xp: Namespace, x: TensorLike, /, axis: Sizes) -> Tensor:
    """Insert axes of length 1.

    Args:
        x: a tensor of any shape.
        axis: the position or positions of the new axes in the result.

    >>> ops.expand_dims([1.0, 2.0], 0).shape
    (1, 2)
    """
    return xp.expand_dims(x, axis)


expand_dims.gradient(lambda xp, g, y, x, axis: xp.reshape(g, x.shape))
expand_dims.shape(lambda x, axis: viewed(x, lambda a: np.expand_dims(a, axis)))


@op
def squeeze(xp: Namespace, x: TensorLike, /, axis: Axis = None) -> Tensor:
    """Remove axes of length 1.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes; by default all of length 1.

    >>> ops.squeeze([[1.0, 2.0]]).shape
    (2,)
    """
    return xp.squeeze(x, axis=as_axis(axis))


squeeze.gradient(lambda xp, g, y, x, axis=None: xp.reshape(g, x.shape))


@squeeze.shape
def _(x: TensorSpec, axis: Axis = None) -> TensorSpec:
    """Infer the shape. An unknown size of an axis that is named is 1."""
    if axis is not None:
        named = axes_tuple(as_axis(axis), len(x.shape))
        shape = [1 if i in named and is_unknown(n) else n for i, n in enumerate(x.shape)]
        x = TensorSpec(shape, x.dtype)
    return viewed(x, lambda a: np.squeeze(a, as_axis(axis)))


for _op in (reshape, transpose, expand_dims, squeeze):
    _op.keeps_elements = True


@op
def broadcast_to(xp: Namespace, x: TensorLike, /, shape: Sequence[int]) -> Tensor:
    """Repeat a tensor along axes of length 1, and along new first axes, to the given shape.

    Args:
        x: a tensor whose shape broadcasts to `shape`.
        shape: the shape of the result.

    >>> ops.broadcast_to([1.0, 2.0], (2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """
    return xp.broadcast_to(x, tuple(shape))


broadcast_to.gradient(lambda xp, g, y, x, shape: g)


@broadcast_to.shape
def _(x: TensorSpec, shape: Sequence[int]) -> TensorSpec:
    shape = [_as_size(n) for n in shape]
    if not agree(broadcast(x.shape, tuple(shape)), shape):
        raise ShapeError(f"Shape {x.shape} cannot be broadcast to {tuple(shape)}.")
    return TensorSpec(shape, x.dtype)


@op
def flip(xp: Namespace, x: TensorLike, /, axis: Axis = None) -> Tensor:
    """Reverse the order along axes.

    Args:
        x: a tensor of any shape.
        axis: the axis or axes; all by default.

    >>> ops.flip([1.0, 2.0])
    array([2., 1.], dtype=float32)
    """
    return xp.flip(x, axis=as_axis(axis))


flip.gradient(lambda xp, g, y, x, axis=None: xp.flip(g, axis=axis))
flip.shape(lambda x, axis=None: like_along(x, axis))


@op
def roll(xp: Namespace, x: TensorLike, /, shift: Sizes, axis: Axis = None) -> Tensor:
    """Shift the elements along axes, cyclically.

    Args:
        x: a tensor of any shape.
        shift: the number of positions, one for all axes or one for each.
        axis: the axis or axes; by default the flattened tensor is shifted.

    >>> ops.roll([1.0, 2.0, 3.0], 1)
    array([3., 1., 2.], dtype=float32)
    """
    return xp.roll(x, shift, axis=axis)


@roll.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, shift: Sizes, axis: Axis = None) -> Any:
    back = -shift if isinstance(shift, (int, np.integer)) else tuple(-s for s in shift)
    return xp.roll(g, back, axis=axis)


roll.shape(lambda x, shift, axis=None: like_along(x, axis))


@op
def pad(
    xp: Namespace,
    x: TensorLike,
    /,
    pad_width: TensorLike,
    mode: str = "constant",
    constant_values: complex | None = None,
) -> Tensor:
    """Add elements before and after each axis.

    Args:
        x: a tensor of any shape.
        pad_width: a pair `(before, after)` for each axis, or one pair for all axes.
        mode: `"constant"`, `"reflect"`, `"symmetric"` or `"edge"`.
        constant_values: the value of the padding, only in the mode `"constant"`; 0 by default.

    >>> ops.pad([1.0, 2.0], (1, 1))
    array([0., 1., 2., 0.], dtype=float32)

    Raises:
        ValueError: `constant_values` is given in another mode.
    """
    if mode != "constant" and constant_values is not None:
        raise ValueError(f"pad: constant_values is for the mode 'constant'; got mode={mode!r}.")
    if mode == "constant":
        return xp.pad(x, pad_width, mode=mode, constant_values=constant_values or 0)
    return xp.pad(x, pad_width, mode=mode)


def _pairs(pad_width: TensorLike, rank: int) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in np.broadcast_to(np.asarray(pad_width), (rank, 2))]


@pad.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, pad_width: TensorLike,
    mode: str = "constant", constant_values: complex | None = None,
) -> Any:  # fmt: skip
    """Return the centre for constant padding. In the other modes each added element gives its gradient to its
    source."""
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
def _(
    x: TensorSpec, pad_width: TensorLike, mode: str = "constant", constant_values: complex | None = None
) -> TensorSpec:
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
    """Return a matrix with zeros below a diagonal.

    Args:
        x: a tensor of shape `(..., rows, columns)`.
        k: the diagonal: 0 for the main one, positive above it, negative below it.

    >>> ops.triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return _mask_triangle(x, k=k, upper=True)


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """Return a matrix with zeros above a diagonal.

    Args:
        x: a tensor of shape `(..., rows, columns)`.
        k: the diagonal: 0 for the main one, positive above it, negative below it.

    >>> ops.tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return _mask_triangle(x, k=k, upper=False)


@composite
def diag(x: TensorLike, k: int = 0) -> Tensor:
    """Return the matrix with a vector on its diagonal, or the diagonal of a matrix.

    Args:
        x: a vector or a matrix, of shape `(n,)` or `(n, m)`.
        k: the diagonal: 0 for the main one, positive above it, negative below it.

    >>> ops.diag([1.0, 2.0])
    array([[1., 0.],
           [0., 2.]], dtype=float32)

    Raises:
        ShapeError: the tensor is neither a vector nor a matrix.
    """
    x = to_array(x)
    if len(x.shape) == 2:
        return diagonal(x, offset=k)
    if len(x.shape) != 1:
        raise ShapeError(f"diag expects a vector or a matrix; got shape {tuple(x.shape)}.")
    n = x.shape[0]
    size = n + builtins.abs(k)
    rows = np.arange(n) + builtins.max(-k, 0)
    return scatter_add(x, (rows, rows + k), shape=(size, size))


@composite
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the diagonal of two axes. It becomes the last axis.

    Args:
        x: a tensor with at least two axes.
        offset: the diagonal: 0 for the main one, positive above it, negative below it.
        axis1, axis2: the axes of the rows and the columns.

    >>> ops.diagonal([[1.0, 2.0], [3.0, 4.0]])
    array([1., 4.], dtype=float32)
    """
    x = _diagonal_axes_last(x, axis1, axis2)
    rows = np.arange(builtins.max(-offset, 0), x.shape[-2])
    rows = rows[rows + offset < x.shape[-1]]
    return x[..., rows, rows + offset]


@diagonal.shape
def _(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TensorSpec:
    x = _diagonal_axes_last(x, axis1, axis2)
    rows, columns = x.shape[-2:]
    last = builtins.min(rows, columns - offset) - builtins.max(-offset, 0)
    return TensorSpec((*x.shape[:-2], size_from(builtins.max(last, 0), rows, columns)), x.dtype)


def _diagonal_axes_last(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    x = to_array(x)
    if len(x.shape) < 2:
        raise ShapeError(f"diagonal expects a tensor with two axes or more; got shape {tuple(x.shape)}.")
    return moveaxis(x, (axis1, axis2), (-2, -1))


@composite
def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the sum of the diagonal of two axes.

    Args:
        x: a tensor with at least two axes.
        offset: the diagonal: 0 for the main one, positive above it, negative below it.
        axis1, axis2: the axes of the rows and the columns.

    >>> ops.trace([[1.0, 2.0], [3.0, 4.0]])
    np.float32(5.0)
    """
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


# -- shapes ----------------------------------------------------------------------------------------


def shape(x: TensorLike) -> tuple[int | Any, ...]:
    """Return the shape as a tuple. A dimension of a symbolic tensor may be None.

    Args:
        x: a tensor of any shape.

    >>> ops.shape([[1.0, 2.0]])
    (1, 2)
    """
    return tuple(shape_of(x if hasattr(x, "shape") else to_array(x)))


def ndim(x: TensorLike) -> int:
    """Return the number of axes.

    Args:
        x: a tensor of any shape.

    >>> ops.ndim([[1.0, 2.0]])
    2
    """
    return len(shape(x))


@composite
def size(x: TensorLike) -> int:
    """Return the number of elements. If it is unknown, it is a symbolic tensor of int32.

    Args:
        x: a tensor of any shape.

    >>> ops.size([[1.0, 2.0]])
    2
    """
    return math.prod(shape(x))
