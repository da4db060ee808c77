"""Checks of shapes, transposes and symmetric parts, for the ops on matrices."""

from __future__ import annotations

from collections.abc import Sequence

from hilevel.engine import dtypes
from hilevel.engine.op import to_array, to_float_array
from hilevel.engine.spec import agree, size_from
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError


def matrix(name: str, x: TensorLike) -> Tensor:
    """Return a matrix, or several along the first axes, as floats.

    Raises:
        ValueError: there are less than two axes.
    """
    x = to_float_array(x)
    if len(x.shape) < 2:
        raise ShapeError(f"{name}: expected a matrix, of at least two axes; got shape {tuple(x.shape)}.")
    return x


def square_matrix(name: str, x: TensorLike) -> Tensor:
    """Return a square matrix, or several along the first axes, as floats.

    Raises:
        ValueError: there are less than two axes, or the last two have different lengths.
    """
    x = matrix(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{name}: expected a square matrix; got shape {tuple(x.shape)}.")
    return x


def system(name: str, a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """Return a square matrix and the right sides of a linear system, in their common dtype.

    Raises:
        ValueError: the matrix is not square, or the right sides have another number of rows.
    """
    a, b = dtypes.to_float((to_array(a), to_array(b)))
    square_matrix(name, a)
    if not b.shape or b.shape[-1 if is_vector(a, b) else -2] != a.shape[-1]:
        raise ShapeError(
            f"{name}: the right sides must have shape (..., n) or (..., n, m) for matrices (..., n, n); got shapes "
            f"{tuple(b.shape)} and {tuple(a.shape)}."
        )
    return a, b


def is_vector(a: Tensor, b: Tensor) -> bool:
    """Return whether each right side is a vector: `b` has one axis, or all axes of `a` but the last."""
    return len(b.shape) == 1 or agree(b.shape, a.shape[:-1])


def smaller(shape: Sequence[int]) -> int:
    """Return the smaller of the last two sizes."""
    m, n = shape[-2:]
    return size_from(min(m, n), m, n)


def transposed(xp: Namespace, x: Array) -> Array:
    """Return the transpose over the last two axes."""
    return xp.swapaxes(x, -1, -2)


def symmetric_part(xp: Namespace, x: Array) -> Array:
    """Return half the sum of matrices and their (conjugate) transposes."""
    other = transposed(xp, x)
    return (x + (xp.conj(other) if x.dtype.kind == "c" else other)) / 2


def inverse_or_zero(xp: Namespace, x: Array) -> Array:
    """Return `1 / x`, and 0 where `x` is 0."""
    zero = x == 0
    return xp.where(zero, xp.zeros_like(x), 1 / xp.where(zero, xp.ones_like(x), x))
