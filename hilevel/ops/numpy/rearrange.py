"""Rearrangements, joins and products composed of other ops."""

from __future__ import annotations

from collections.abc import Sequence

from hilevel.engine import dtypes
from hilevel.engine.op import composite, rounded, to_array, to_float_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, broadcast, is_unknown, signed
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.comparison import equal, logical_not, not_equal
from hilevel.ops.numpy.elementwise import multiply
from hilevel.ops.numpy.indexing import getitem
from hilevel.ops.numpy.joining import concatenate, split, stack
from hilevel.ops.numpy.products import tensordot
from hilevel.ops.numpy.reduction import any, sum
from hilevel.ops.numpy.shaping import (
    diag,
    flip,
    moveaxis,
    ravel,
    reshape,
    transpose,
)

get_item = getitem


@composite
def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """Return a matrix with the elements of `x` on a diagonal.

    Args:
        x: a tensor of any shape, which is flattened.
        k: the diagonal: 0 for the main one, positive above it, negative below it.

    >>> ops.diagflat([[1.0, 2.0]])
    array([[1., 0.],
           [0., 2.]], dtype=float32)
    """
    return diag(ravel(x), k)


@composite
def fliplr(x: TensorLike) -> Tensor:
    """Reverse the order along the second axis.

    Args:
        x: a tensor with at least two axes.

    >>> ops.fliplr([[1.0, 2.0]])
    array([[2., 1.]], dtype=float32)
    """
    return flip(x, axis=1)


@composite
def flipud(x: TensorLike) -> Tensor:
    """Reverse the order along the first axis.

    Args:
        x: a tensor with at least one axis.

    >>> ops.flipud([1.0, 2.0])
    array([2., 1.], dtype=float32)
    """
    return flip(x, axis=0)


@composite
def rot90(array: TensorLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Rotate the plane of two axes by 90 degrees `k` times, from the first axis towards the second.

    Args:
        array: a tensor with at least two axes.
        k: the number of rotations.
        axes: the two axes of the plane.

    >>> ops.rot90([[1.0, 2.0]])
    array([[2.],
           [1.]], dtype=float32)

    Raises:
        ShapeError: the tensor has fewer than two axes, or the axes are equal.
    """
    x = to_array(array)
    rank = len(x.shape)
    first, second = (a % rank for a in axes)
    if rank < 2 or first == second:
        raise ShapeError(f"rot90 needs two different axes; got axes={axes} for shape {tuple(x.shape)}.")
    k %= 4
    if k == 2:
        return flip(x, axis=(first, second))
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    if k == 1:
        return transpose(flip(x, axis=second), order)
    return flip(transpose(x, order), axis=second) if k == 3 else x


@composite
def dstack(xs: Sequence[TensorLike]) -> Tensor:
    """Join tensors along the third axis. Tensors with fewer axes get axes of length 1.

    Args:
        xs: tensors of equal shape except along the third axis.

    >>> ops.dstack([[1.0], [2.0]])
    array([[[1., 2.]]], dtype=float32)
    """
    arrays = [to_array(x) for x in xs]
    shapes = [(1, *a.shape, 1) if len(a.shape) == 1 else (*a.shape, 1) for a in arrays]
    return concatenate(
        [a if len(a.shape) > 2 else reshape(a, s) for a, s in zip(arrays, shapes, strict=True)],
        axis=2,
    )


@composite
def column_stack(xs: Sequence[TensorLike]) -> Tensor:
    """Join tensors along the second axis. Vectors and scalars are columns.

    Args:
        xs: tensors of equal shape except along the second axis.

    >>> ops.column_stack([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 3.],
           [2., 4.]], dtype=float32)
    """
    arrays = [to_array(x) for x in xs]
    return concatenate([a if len(a.shape) > 1 else reshape(a, (-1, 1)) for a in arrays], axis=1)


@composite
def hsplit(x: TensorLike, indices_or_sections: TensorLike) -> list[Tensor]:
    """Split a tensor along its second axis, and a vector along its only axis.

    Args:
        x: a tensor with at least one axis.
        indices_or_sections: a number of equal sections, or the indices at which to split.

    >>> ops.hsplit([1.0, 2.0], 2)
    [array([1.], dtype=float32), array([2.], dtype=float32)]
    """
    x = to_array(x)
    return split(x, indices_or_sections, axis=1 if len(x.shape) > 1 else 0)


@composite
def vsplit(x: TensorLike, indices_or_sections: TensorLike) -> list[Tensor]:
    """Split a tensor along its first axis.

    Args:
        x: a tensor with at least one axis.
        indices_or_sections: a number of equal sections, or the indices at which to split.

    >>> ops.vsplit([[1.0], [2.0]], 2)
    [array([[1.]], dtype=float32), array([[2.]], dtype=float32)]
    """
    return split(to_array(x), indices_or_sections, axis=0)


@composite
def dsplit(x: TensorLike, indices_or_sections: TensorLike) -> list[Tensor]:
    """Split a tensor along its third axis.

    Args:
        x: a tensor with at least three axes.
        indices_or_sections: a number of equal sections, or the indices at which to split.

    >>> [part.shape for part in ops.dsplit(np.zeros((1, 1, 4)), 2)]
    [(1, 1, 2), (1, 1, 2)]
    """
    return split(to_array(x), indices_or_sections, axis=2)


@composite
def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """Return the differences of neighbouring elements along an axis.

    Args:
        a: a tensor with at least one axis.
        n: the number of times that differences are taken.
        axis: the axis, which becomes shorter by `n`.

    >>> ops.diff([1.0, 4.0, 9.0])
    array([3., 5.], dtype=float32)
    """
    x = to_array(a)
    lead = (slice(None),) * axes_tuple(axis, len(x.shape))[0]
    for _ in range(n):
        after, before = x[(*lead, slice(1, None))], x[(*lead, slice(None, -1))]
        x = not_equal(after, before) if x.dtype.kind == "b" else after - before
    return x


@composite
@rounded
def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Return the integral of `y` along an axis by the trapezoidal rule.

    Args:
        y: the values of the integrand, a tensor with at least one axis.
        x: the positions of the values, of shape `(n,)` or of the shape of `y`.
        dx: the distance of the positions, if `x` is None.
        axis: the axis of integration.

    >>> ops.trapezoid([1.0, 3.0, 5.0])
    np.float32(6.0)
    """
    y = moveaxis(to_float_array(y), axis, -1)
    width = dx
    if x is not None:
        positions = to_float_array(x)
        width = diff(positions if len(positions.shape) == 1 else moveaxis(positions, axis, -1))
    return sum((y[..., 1:] + y[..., :-1]) * width, axis=-1) * 0.5


@composite
def isin(x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return whether each element of `x1` is in `x2`, in the shape of `x1`.

    Args:
        x1, x2: tensors of any shapes.
        assume_unique: ignored; for compatibility with Keras.
        invert: whether to return whether it is not in `x2`.

    >>> ops.isin([1, 2, 3], [2, 5])
    array([False,  True, False])
    """
    same = equal(to_array(x1)[..., None], ravel(x2))
    return logical_not(any(same, axis=-1)) if invert else any(same, axis=-1)


# -- products ---------------------------------------------------------------------------------------


@composite
def inner(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the sum of products over the last axis of both tensors.

    Args:
        x1, x2: tensors of any shapes with equal last axes. A scalar is multiplied with each element.

    >>> ops.inner([1.0, 2.0], [3.0, 4.0])
    array(11., dtype=float32)
    """
    x1, x2 = to_array(x1), to_array(x2)
    if not x1.shape or not x2.shape:
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-1,)))


@composite
def kron(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the Kronecker product: each element of `x1` times the whole of `x2`.

    Args:
        x1, x2: tensors of any shapes.

    >>> ops.kron([1.0, 10.0], [1.0, 2.0])
    array([ 1.,  2., 10., 20.], dtype=float32)
    """
    x1, x2 = to_array(x1), to_array(x2)
    rank = max(len(x1.shape), len(x2.shape))
    a, b = ((1,) * (rank - len(x.shape)) + tuple(x.shape) for x in (x1, x2))
    blocks = multiply(
        reshape(x1, tuple(n for m in a for n in (m, 1))), reshape(x2, tuple(n for m in b for n in (1, m)))
    )
    return reshape(blocks, tuple(m * n for m, n in zip(a, b, strict=True)))


@composite
def cross(
    x1: TensorLike,
    x2: TensorLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """Return the cross product of vectors of 3 elements. A vector of 2 elements gets a third, which is 0.

    Args:
        x1, x2: tensors whose other axes broadcast.
        axisa, axisb, axisc: the axis of the vectors in `x1`, in `x2` and in the result.
        axis: one axis for all three.

    >>> ops.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    array([0., 0., 1.], dtype=float32)

    Raises:
        ShapeError: the vectors have other lengths than 2 or 3.
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = dtypes.to_common((to_array(x1), to_array(x2)))
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    _check_vectors(a.shape, b.shape)
    if is_unknown(a.shape[-1]) or is_unknown(b.shape[-1]):
        raise ShapeError(f"cross: the length of vectors must be known, 2 or 3; got {a.shape} and {b.shape}.")
    last = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if a.shape[-1] == b.shape[-1] == 2:
        return last
    a2 = a[..., 2] if a.shape[-1] == 3 else a[..., 0] * 0
    b2 = b[..., 2] if b.shape[-1] == 3 else b[..., 0] * 0
    parts = [a[..., 1] * b2 - a2 * b[..., 1], a2 * b[..., 0] - a[..., 0] * b2, last]
    return moveaxis(stack(parts, axis=-1), -1, axisc)


def _check_vectors(*shapes: tuple[int, ...]) -> None:
    for shape in shapes:
        if shape[-1] not in (2, 3) and not is_unknown(shape[-1]):
            raise ShapeError(f"cross: vectors have 2 or 3 elements; got a tensor of shape {shape}.")


@cross.shape
def _(
    x1: TensorLike, x2: TensorLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = dtypes.to_common((to_array(x1), to_array(x2)))
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    _check_vectors(a.shape, b.shape)
    signed(a[..., 0], b[..., 0])
    y = TensorSpec((*broadcast(a.shape[:-1], b.shape[:-1]), 3), a.dtype)
    return y[..., 0] if a.shape[-1] == b.shape[-1] == 2 else moveaxis(y, -1, axisc)
