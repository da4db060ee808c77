"""Eigenvalues and singular values. All ops take several matrices along the first axes."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.dtypes import INT32
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.ops.linalg.matrices import (
    inverse_or_zero,
    matrix,
    smaller,
    square_matrix,
    symmetric_part,
    transposed,
)
from hilevel.ops.numpy.reduction import at_least_float32, in_dtype_of, max, sum

# -- eigenvalues -----------------------------------------------------------------------------------


@op
def _eigh(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = xp.linalg.eigh(symmetric_part(xp, x))
    return values, vectors


@_eigh.gradient
def _(xp: Namespace, g: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor], x: Tensor) -> Any:
    """Compute the gradient by M. Giles, 2008, section 3.1. Terms between equal eigenvalues are zero."""
    (values, vectors), (of_values, of_vectors) = y, g
    factors = inverse_or_zero(xp, values[..., None, :] - values[..., :, None])
    back = transposed(xp, vectors)
    inner = factors * xp.matmul(back, of_vectors) + _diagonal(of_values)
    return symmetric_part(xp, xp.matmul(xp.matmul(vectors, inner), back))


@_eigh.shape
def _(x: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
    real = np.dtype(f"float{x.dtype.itemsize * 4}") if x.dtype.kind == "c" else x.dtype
    return TensorSpec(x.shape[:-1], real), TensorSpec(x.shape, x.dtype)


def _diagonal(values: Array) -> Array:
    """Return matrices with these values on the diagonal."""
    return constant(values, np.eye(values.shape[-1]), values.dtype) * values[..., None, :]


@composite
def eigh(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues in ascending order, and the orthonormal eigenvectors, of symmetric matrices.

    Args:
        x: symmetric or Hermitian matrices of shape `(..., n, n)`. Others are replaced by `(x + x^T) / 2`.

    Returns:
        The eigenvalues of shape `(..., n)`, and the eigenvectors as columns, of shape `(..., n, n)`. The gradient of
        the eigenvectors requires distinct eigenvalues.

    >>> ops.eigh([[1.0, 0.0], [0.0, 2.0]])[0]
    array([1., 2.], dtype=float32)

    Raises:
        ValueError: the matrices are not square.
    """
    x = square_matrix("eigh", x)
    values, vectors = _eigh(at_least_float32(x))
    return in_dtype_of(x, values), in_dtype_of(x, vectors)


@op
def _eig(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = xp.linalg.eig(x)
    dtype = dtypes.promoted(x.dtype, np.dtype("complex64"))
    return values.astype(dtype), vectors.astype(dtype)


@_eig.gradient
def _(xp: Namespace, g: Any, y: Any, x: Tensor) -> Any:
    raise NotImplementedError(
        "eig has no gradient, as complex tensors have none; use eigh for symmetric matrices."
    )


@_eig.shape
def _(x: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
    dtype = dtypes.promoted(x.dtype, np.dtype("complex64"))
    return TensorSpec(x.shape[:-1], dtype), TensorSpec(x.shape, dtype)


@composite
def eig(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues and eigenvectors of square matrices, as complex numbers. They have no gradient.

    Args:
        x: square matrices of shape `(..., n, n)`.

    Returns:
        The eigenvalues of shape `(..., n)`, in no order, and the eigenvectors as columns, of shape `(..., n, n)`.

    >>> ops.eig([[1.0, 0.0], [0.0, 2.0]])[0]
    array([1.+0.j, 2.+0.j], dtype=complex64)

    Raises:
        ValueError: the matrices are not square.
    """
    values, vectors = _eig(at_least_float32(square_matrix("eig", x)))
    return values, vectors


# -- singular values ---------------------------------------------------------------------------------


@op
def singular_values(xp: Namespace, x: Tensor) -> Tensor:
    return xp.linalg.svd(x, compute_uv=False)


@singular_values.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor) -> Any:
    u, _, vt = _svd(x)
    return xp.matmul(u * g[..., None, :], vt)


singular_values.shape(lambda x: TensorSpec((*x.shape[:-2], smaller(x.shape)), x.dtype))


@op
def _svd(xp: Namespace, x: Tensor) -> tuple[Tensor, ...]:
    return tuple(xp.linalg.svd(x, full_matrices=False))


@_svd.gradient
def _(xp: Namespace, g: tuple[Tensor, ...], y: tuple[Tensor, ...], x: Tensor) -> Any:
    """Compute the gradient by J. Townsend, Differentiating the singular value decomposition, 2016.

    Terms between equal singular values are zero.
    """
    (u, s, vt), (gu, gs, gvt) = y, g
    factors = inverse_or_zero(xp, (s * s)[..., None, :] - (s * s)[..., :, None])

    def rotation(a: Tensor) -> Tensor:
        return factors * (a - transposed(xp, a))

    of_u = rotation(xp.matmul(transposed(xp, u), gu)) * s[..., None, :]
    of_v = s[..., :, None] * rotation(xp.matmul(vt, transposed(xp, gvt)))
    inverse = inverse_or_zero(xp, s)
    gu, gvt = gu * inverse[..., None, :], gvt * inverse[..., :, None]
    outside_u = gu - xp.matmul(u, xp.matmul(transposed(xp, u), gu))
    outside_v = gvt - xp.matmul(xp.matmul(gvt, transposed(xp, vt)), vt)
    inside = xp.matmul(xp.matmul(u, of_u + of_v + _diagonal(gs)), vt)
    return inside + xp.matmul(outside_u, vt) + xp.matmul(u, outside_v)


@_svd.shape
def _(x: TensorSpec) -> tuple[TensorSpec, ...]:
    (*lead, m, n), k = x.shape, smaller(x.shape)
    shapes = (*lead, m, k), (*lead, k), (*lead, k, n)
    return tuple(TensorSpec(shape, x.dtype) for shape in shapes)


@op
def _full_svd(xp: Namespace, x: Tensor) -> tuple[Tensor, ...]:
    return tuple(xp.linalg.svd(x, full_matrices=True))


@_full_svd.gradient
def _(xp: Namespace, g: Any, y: Any, x: Tensor) -> Any:
    raise NotImplementedError(
        "svd: full_matrices=True has a gradient for square matrices only; use full_matrices=False."
    )


@_full_svd.shape
def _(x: TensorSpec) -> tuple[TensorSpec, ...]:
    *lead, m, n = x.shape
    return tuple(TensorSpec((*lead, *size), x.dtype) for size in ((m, m), (smaller(x.shape),), (n, n)))


@composite
def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition `u, s, vh`, with `x = (u * s) vh`, or the singular values alone.

    Args:
        x: matrices of shape `(..., m, n)`; `k` is the smaller of `m` and `n`.
        full_matrices: whether `u` and `vh` are square, `(..., m, m)` and `(..., n, n)`. Otherwise they have the shapes
            `(..., m, k)` and `(..., k, n)`. Square ones have a gradient only if `x` is square.
        compute_uv: whether to return `u` and `vh`.

    Returns:
        The singular values `s` are in descending order, of shape `(..., k)`. The gradient of `u` and `vh` requires that
        they are distinct.

    >>> ops.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
    array([4., 3.], dtype=float32)

    Raises:
        ValueError: `x` has less than two axes.
    """
    x = matrix("svd", x)
    wide = at_least_float32(x)
    if not compute_uv:
        return in_dtype_of(x, singular_values(wide))
    full = full_matrices and x.shape[-1] != x.shape[-2]
    return tuple(in_dtype_of(x, part) for part in (_full_svd if full else _svd)(wide))


@composite
def matrix_rank(x: TensorLike, tol: TensorLike | None = None) -> Tensor:
    """Return the number of singular values above a limit, int32 of shape `(...)`.

    Args:
        x: matrices of shape `(..., m, n)`.
        tol: the limit, a scalar or a tensor of shape `(...)`. By default it is the largest singular value times the
            larger size times the precision of the dtype.

    >>> ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]])
    np.int32(1)

    Raises:
        ValueError: `x` has less than two axes.
    """
    x = at_least_float32(matrix("matrix_rank", x))
    values = singular_values(x)
    if tol is None:
        limit = max(values, axis=-1, keepdims=True) * (
            builtins.max(x.shape[-2:]) * float(np.finfo(x.dtype).eps)
        )
    else:
        limit = to_array(tol)[..., None]
    return sum((values > limit).astype(INT32), axis=-1)
