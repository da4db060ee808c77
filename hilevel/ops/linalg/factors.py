"""Factors of matrices: Cholesky, QR and LU. All take several matrices along the first axes."""

from __future__ import annotations

from typing import Any

from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.dtypes import INT32
from hilevel.engine.op import composite, op
from hilevel.engine.spec import TensorSpec, is_unknown, like
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.linalg.matrices import matrix, smaller, square_matrix, symmetric_part, transposed
from hilevel.ops.linalg.solving import solve_triangular_op
from hilevel.ops.numpy.creation import eye
from hilevel.ops.numpy.indexing import take_along_axis
from hilevel.ops.numpy.joining import concatenate
from hilevel.ops.numpy.products import matmul
from hilevel.ops.numpy.reduction import argsort, at_least_float32, in_dtype_of
from hilevel.ops.numpy.shaping import broadcast_to, swapaxes
from hilevel.ops.numpy.statistics import is_concrete

# -- Cholesky --------------------------------------------------------------------------------------


@op(shape=like)
def _cholesky(xp: Namespace, x: Tensor) -> Tensor:
    return xp.linalg.cholesky(symmetric_part(xp, x))


@_cholesky.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor) -> Any:
    """Compute the gradient by I. Murray, Differentiation of the Cholesky decomposition, 2016."""
    back = transposed(xp, y)
    inner = xp.matmul(back, g)
    inner = (xp.tril(inner) + xp.tril(inner, -1)) / 2
    half = transposed(xp, solve_triangular_op(back, inner, lower=False))
    return symmetric_part(xp, solve_triangular_op(back, half, lower=False))


@composite
def cholesky(x: TensorLike, upper: bool = False) -> Tensor:
    """Return the lower triangular matrices `L` with `L L^T = x`.

    Args:
        x: symmetric positive definite matrices of shape `(..., n, n)`. Others are replaced by `(x + x^T) / 2`.
        upper: whether to return the upper triangular matrices `L^T`.

    >>> ops.cholesky([[4.0, 2.0], [2.0, 2.0]])
    array([[2., 0.],
           [1., 1.]], dtype=float32)

    Raises:
        ValueError: the matrices are not square, or one is not positive definite. In compiled functions on JAX, the
            result is NaN in place of the latter error.
    """
    x = square_matrix("cholesky", x)
    y = _cholesky(at_least_float32(x))
    if is_concrete(untraced(y)) and bool(untraced(y != y).any()):
        raise ValueError("cholesky: a matrix is not positive definite.")
    return in_dtype_of(x, swapaxes(y, -1, -2) if upper else y)


@composite
def cholesky_inverse(x: TensorLike, upper: bool = False) -> Tensor:
    """Return the inverses of the matrices `L L^T`.

    Args:
        x: Cholesky factors `L` of shape `(..., n, n)`, of which the lower triangle is used.
        upper: whether `x` has the factors `L^T`, of which the upper triangle is used.

    >>> ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]])
    array([[0.25, 0.  ],
           [0.  , 1.  ]], dtype=float32)

    Raises:
        ValueError: the matrices are not square.
    """
    x = square_matrix("cholesky_inverse", x)
    factor = at_least_float32(x)
    unit = broadcast_to(eye(x.shape[-1], dtype=factor.dtype), factor.shape)
    inverse = solve_triangular_op(factor, unit, lower=not upper)
    other = swapaxes(inverse, -1, -2)
    return in_dtype_of(x, matmul(inverse, other) if upper else matmul(other, inverse))


# -- QR --------------------------------------------------------------------------------------------


@op
def _qr(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor]:
    q, r = xp.linalg.qr(x)
    return q, r


@_qr.gradient
def _(xp: Namespace, g: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor], x: Tensor) -> Any:
    """Compute the gradient by M. Seeger et al., Auto-differentiating linear algebra, 2017."""
    (q, r), (of_q, of_r) = y, g
    m = xp.matmul(r, transposed(xp, xp.triu(of_r))) - xp.matmul(transposed(xp, of_q), q)
    symmetric = xp.tril(m) + transposed(xp, xp.tril(m, -1))
    back = transposed(xp, of_q + xp.matmul(q, symmetric))
    return transposed(xp, solve_triangular_op(r, back, lower=False))


@_qr.shape
def _(x: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
    *lead, m, n = x.shape
    k = min(m, n)
    return TensorSpec((*lead, m, k), x.dtype), TensorSpec((*lead, k, n), x.dtype)


@op
def _complete_qr(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor]:
    q, r = xp.linalg.qr(x, mode="complete")
    return q, r


@_complete_qr.gradient
def _(xp: Namespace, g: Any, y: Any, x: Tensor) -> Any:
    raise NotImplementedError(
        'qr: mode="complete" of more rows than columns has no gradient; use mode="reduced".'
    )


@_complete_qr.shape
def _(x: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
    *lead, m, _ = x.shape
    return TensorSpec((*lead, m, m), x.dtype), TensorSpec(x.shape, x.dtype)


@composite
def qr(x: TensorLike, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Return matrices `q` with orthonormal columns, and upper triangular matrices `r`, with `q r = x`.

    Args:
        x: matrices of shape `(..., m, n)`.
        mode: `"reduced"` for shapes `(..., m, k)` and `(..., k, n)`, where `k` is the smaller of `m` and `n`;
            `"complete"` for shapes `(..., m, m)` and `(..., m, n)`, without a gradient if `m > n`.

    >>> q, r = ops.qr(np.array([[3.0, 1.0], [4.0, 1.0]]))
    >>> (q @ r).round(6)
    array([[3., 1.],
           [4., 1.]])

    Raises:
        ValueError: `x` has less than two axes, a size is unknown, or there is no such mode.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete'; got {mode!r}.")
    x = matrix("qr", x)
    m, n = x.shape[-2:]
    if is_unknown(m) or is_unknown(n):
        raise ShapeError(f"qr: the last two sizes must be known; got shape {x.shape}.")
    wide = at_least_float32(x)
    if m >= n:
        q, r = _qr(wide) if mode == "reduced" or m == n else _complete_qr(wide)
    else:  # the first columns have the whole factor q
        q, first = _qr(wide[..., :m])
        r = concatenate([first, matmul(swapaxes(q, -1, -2), wide[..., m:])], axis=-1)
    return in_dtype_of(x, q), in_dtype_of(x, r)


# -- LU --------------------------------------------------------------------------------------------


@op
def lu_op(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return both factors in one matrix, the row that each step exchanges, and the order of rows after all steps."""
    *lead, m, n = x.shape
    a = xp.array(x, copy=True).reshape((-1, m, n))
    rows = xp.broadcast_to(xp.arange(m), (len(a), m)).copy()
    each, pivots = xp.arange(len(a)), []
    for k in range(min(m, n)):
        pivot = xp.argmax(xp.abs(a[:, k:, k]), axis=1) + k
        for values in (a, rows):
            chosen = values[each, pivot]
            values[each, pivot] = values[:, k]
            values[:, k] = chosen
        pivots.append(pivot)
        _eliminate(xp, a, k)
    found = xp.stack(pivots, axis=-1) if pivots else xp.zeros((len(a), 0))
    return (
        a.reshape(x.shape),
        found.astype(INT32).reshape((*lead, -1)),
        rows.astype(INT32).reshape((*lead, m)),
    )


def _eliminate(xp: Namespace, a: Array, k: int) -> None:
    """Divide column `k` below the diagonal by the pivot, and subtract its multiples from the columns on the right."""
    divisor = a[:, k, None, k]
    a[:, k + 1 :, k] /= xp.where(divisor == 0, xp.ones_like(divisor), divisor)
    a[:, k + 1 :, k + 1 :] -= a[:, k + 1 :, k, None] * a[:, k, None, k + 1 :]


@lu_op.gradient
def _(xp: Namespace, g: Any, y: Any, x: Tensor) -> Any:
    """Compute the gradient by S. Walter, L. Lehmann, Algorithmic differentiation of linear algebra functions, 2010."""
    if x.shape[-1] != x.shape[-2]:
        raise NotImplementedError(
            f"lu_factor: only square matrices have a gradient; got shape {tuple(x.shape)}."
        )
    packed, _, rows = y
    unit = xp.eye(x.shape[-1], dtype=packed.dtype)
    lower, upper = xp.tril(packed, -1) + unit, xp.triu(packed)
    of_lower = xp.tril(xp.matmul(transposed(xp, lower), xp.tril(g[0], -1)), -1)
    of_upper = xp.triu(xp.matmul(xp.triu(g[0]), transposed(xp, upper)))
    half = solve_triangular_op(transposed(xp, lower), of_lower + of_upper, lower=False)
    back = transposed(xp, solve_triangular_op(upper, transposed(xp, half), lower=False))
    return take_along_axis(back, argsort(untraced(rows))[..., None], axis=-2)


@lu_op.shape
def _(x: TensorSpec) -> tuple[TensorSpec, ...]:
    *lead, m, _ = x.shape
    return like(x), TensorSpec((*lead, smaller(x.shape)), INT32), TensorSpec((*lead, m), INT32)


@composite
def lu_factor(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the LU decomposition with exchanged rows. Only square matrices have a gradient.

    Args:
        x: matrices of shape `(..., m, n)`.

    Returns:
        Both factors in one matrix of shape `(..., m, n)`: the upper one, and below the diagonal the lower one, whose
        diagonal is 1. Then the pivots, int32, of shape `(..., min(m, n))`: step `k` has exchanged the rows `k` and
        `pivots[k]`.

    >>> ops.lu_factor([[2.0, 1.0], [4.0, 4.0]])
    (array([[ 4. ,  4. ],
           [ 0.5, -1. ]], dtype=float32), array([1, 1], dtype=int32))

    Raises:
        ValueError: `x` has less than two axes.
    """
    x = matrix("lu_factor", x)
    packed, pivots, _ = lu_op(at_least_float32(x))
    return in_dtype_of(x, packed), pivots
