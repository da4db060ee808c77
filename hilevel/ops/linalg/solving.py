"""Linear systems, inverses and powers of matrices. All take several matrices along the first axes.

Most gradients are taken from M. Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import TensorSpec, agree, broadcast, like
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.linalg.matrices import is_vector, matrix, square_matrix, system, transposed
from hilevel.ops.numpy.creation import eye
from hilevel.ops.numpy.products import matmul
from hilevel.ops.numpy.reduction import at_least_float32, in_dtype_of
from hilevel.ops.numpy.shaping import broadcast_to

# -- primitives ------------------------------------------------------------------------------------


def _solution(a: TensorSpec, b: TensorSpec, **_: Any) -> TensorSpec:
    """Infer the solution of a linear system, whose operands have equal first axes."""
    return TensorSpec(b.shape, b.dtype)


@op(shape=_solution)
def solve_op(xp: Namespace, a: Tensor, b: Tensor) -> Tensor:
    return xp.linalg.solve(a, b)


@solve_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    of_b = solve_op(transposed(xp, a), g)
    return (lambda: -xp.matmul(of_b, transposed(xp, y))), of_b


@op(shape=_solution)
def solve_triangular_op(xp: Namespace, a: Tensor, b: Tensor, /, lower: bool) -> Tensor:
    return xp.linalg.solve(_triangle(xp, a, lower), b)


@solve_triangular_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, a: Tensor, b: Tensor, lower: bool) -> Any:
    of_b = solve_triangular_op(transposed(xp, a), g, lower=not lower)
    return (lambda: -_triangle(xp, xp.matmul(of_b, transposed(xp, y)), lower)), of_b


def _triangle(xp: Namespace, x: Array, lower: bool) -> Array:
    return xp.tril(x) if lower else xp.triu(x)


@op(shape=like)
def inv_op(xp: Namespace, x: Tensor) -> Tensor:
    return xp.linalg.inv(x)


@inv_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor) -> Any:
    back = transposed(xp, y)
    return -xp.matmul(xp.matmul(back, g), back)


@op
def pinv_op(xp: Namespace, x: Tensor, /, rcond: Any) -> Tensor:
    return xp.linalg.pinv(x, rcond)


@pinv_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, rcond: Any) -> Any:
    """Compute the gradient by G. Golub, V. Pereyra, The differentiation of pseudo-inverses, 1973."""
    back, of_rows = transposed(xp, y), transposed(xp, g)
    rest = of_rows - xp.matmul(x, xp.matmul(y, of_rows))
    outside = of_rows - xp.matmul(xp.matmul(of_rows, y), x)
    inside = xp.matmul(xp.matmul(back, g), back)
    return xp.matmul(rest, xp.matmul(y, back)) + xp.matmul(xp.matmul(back, y), outside) - inside


pinv_op.shape(lambda x, rcond: TensorSpec((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype))


# -- the ops of Keras --------------------------------------------------------------------------------


@composite
def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """Return the solution `x` of the linear system `a x = b`.

    Args:
        a: square matrices of shape `(..., n, n)`.
        b: right sides of shape `(..., n, m)`; or of shape `(..., n)`, with one axis less than `a`.

    >>> ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    array([1. , 0.5], dtype=float32)

    Raises:
        ValueError: the shapes do not agree; on NumPy also if a matrix is singular.
    """
    return _solved(solve_op, *system("solve", a, b))


@composite
def solve_triangular(a: TensorLike, b: TensorLike, lower: bool = False) -> Tensor:
    """Return the solution `x` of the linear system `a x = b` with triangular matrices.

    Args:
        a: square matrices of shape `(..., n, n)`, of which one triangle is used.
        b: right sides of shape `(..., n, m)`; or of shape `(..., n)`, with one axis less than `a`.
        lower: whether the lower triangle is used instead of the upper one.

    >>> ops.solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 5.0], lower=True)
    array([1., 1.], dtype=float32)

    Raises:
        ValueError: the shapes do not agree; on NumPy also if a matrix is singular.
    """
    a, b = system("solve_triangular", a, b)
    return _solved(lambda a, b: solve_triangular_op(a, b, lower=lower), a, b)


def _solved(solve: Any, a: Tensor, b: Tensor) -> Tensor:
    """Return the solution in the dtype of the operands; a right side of one vector is a column."""
    columns = b[..., None] if is_vector(a, b) else b
    lead = broadcast(tuple(a.shape[:-2]), tuple(columns.shape[:-2]))
    operands = [at_least_float32(broadcast_to(x, (*lead, *x.shape[-2:]))) for x in (a, columns)]
    y = in_dtype_of(b, solve(*operands))
    return y[..., 0] if is_vector(a, b) else y


@composite
def inv(x: TensorLike) -> Tensor:
    """Return the inverse matrices.

    Args:
        x: square matrices of shape `(..., n, n)`.

    >>> ops.inv([[2.0, 0.0], [0.0, 4.0]])
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)

    Raises:
        ValueError: the matrices are not square; on NumPy also if one is singular.
    """
    x = square_matrix("inv", x)
    return in_dtype_of(x, inv_op(at_least_float32(x)))


def _relative_cutoff(x: Tensor) -> float:
    """Return the ratio to the largest singular value below which others are rounding errors."""
    return float(np.finfo(x.dtype).eps) * max(x.shape[-2:])


@composite
def pinv(x: TensorLike, rcond: TensorLike | None = None) -> Tensor:
    """Return the Moore-Penrose pseudo-inverses, of shape `(..., m, n)`.

    Args:
        x: matrices of shape `(..., n, m)`.
        rcond: the ratio to the largest singular value below which a singular value counts as 0. It is a scalar or a
            tensor of shape `(...)`, by default 10 times the larger size times the precision of the dtype.

    >>> ops.pinv([[2.0, 0.0]])
    array([[0.5],
           [0. ]], dtype=float32)

    Raises:
        ValueError: `x` has less than two axes.
    """
    x = matrix("pinv", x)
    wide = at_least_float32(x)
    return in_dtype_of(x, pinv_op(wide, rcond=10 * _relative_cutoff(wide) if rcond is None else rcond))


@composite
def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Tensor:
    """Return the `x` that minimises the Euclidean norm of `a x - b`; of several, the one with the smallest norm.

    Args:
        a: a matrix of shape `(n, m)`.
        b: right sides of shape `(n,)` or `(n, k)`.
        rcond: the ratio to the largest singular value of `a` below which a singular value counts as 0. By default it
            is the larger size times the precision of the dtype.

    >>> ops.lstsq([[2.0], [0.0]], [1.0, 3.0])
    array([0.5], dtype=float32)

    Raises:
        ValueError: `a` is not a matrix, or `b` has another number of rows.
    """
    a, b = dtypes.to_float((matrix("lstsq", a), to_array(b)))
    if len(a.shape) != 2 or len(b.shape) not in (1, 2) or not agree(b.shape[:1], a.shape[:1]):
        raise ShapeError(
            f"lstsq: expected a matrix (n, m), and right sides (n,) or (n, k); got shapes {tuple(a.shape)} and "
            f"{tuple(b.shape)}."
        )
    wide = at_least_float32(a)
    return matmul(in_dtype_of(a, pinv_op(wide, rcond=_relative_cutoff(wide) if rcond is None else rcond)), b)


@composite
def matrix_power(x: TensorLike, n: int) -> Tensor:
    """Return the matrices to the power `n`, by repeated squaring; for a negative `n` the power of their inverses.

    Args:
        x: square matrices of shape `(..., m, m)`.
        n: an integer.

    >>> ops.matrix_power([[1.0, 1.0], [0.0, 1.0]], 3)
    array([[1., 3.],
           [0., 1.]], dtype=float32)

    Raises:
        ValueError: the matrices are not square.
        TypeError: `n` is not an integer.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"matrix_power: n must be an integer; got {n!r}.")
    x = square_matrix("matrix_power", x)
    square, power = inv(x) if n < 0 else x, None
    for digit in reversed(f"{abs(n):b}"):
        if digit == "1":
            power = square if power is None else matmul(power, square)
        square = matmul(square, square)
    return broadcast_to(eye(x.shape[-1], dtype=x.dtype), x.shape) if power is None else power
