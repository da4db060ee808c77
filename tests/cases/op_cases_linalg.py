"""Cases of linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

Make = Callable[..., np.ndarray[Any, Any]]


def add_cases(case: Callable[..., None], normal: Make) -> None:
    """Add the cases by `case`."""

    def regular(*shape: int) -> np.ndarray[Any, Any]:
        """Matrices that are far from singular, with distinct singular values."""
        return normal(*shape) + 3 * np.eye(*shape[-2:])

    def definite(*shape: int) -> np.ndarray[Any, Any]:
        x = normal(*shape)
        return x @ np.swapaxes(x, -1, -2) + np.diag([1.0, 2.0, 4.0])

    linalg = np.linalg
    triangle = np.array([[2.0, 0.0], [1.5, 3.0]])  # regular as integers and booleans, too
    case("inv", triangle, expected=linalg.inv)
    case("cholesky", triangle, expected=lambda x: linalg.cholesky((x + x.T) / 2))
    case("cholesky_inverse", triangle, upper=False, expected=_cholesky_inverse)
    case("solve", triangle, normal(2), expected=linalg.solve)
    for shape in ((3, 3), (2, 3, 3)):
        case("inv", regular(*shape), expected=linalg.inv)
        case("det", regular(*shape), expected=linalg.det)
        case("slogdet", -regular(*shape), expected=lambda x: tuple(linalg.slogdet(x)))
        case("logdet", definite(*shape), expected=lambda x: linalg.slogdet(x)[1])
        case("cholesky", definite(*shape), expected=linalg.cholesky)
        case("eigh", definite(*shape), expected=lambda x: tuple(linalg.eigh(x)))
        case("eig", definite(*shape) + np.triu(np.ones((3, 3))), order=0,
             expected=lambda x: tuple(y.astype(complex) for y in linalg.eig(x)))  # fmt: skip
        case("lu_factor", normal(*shape), expected=_lu_factor)
    case("cholesky", definite(3, 3), upper=True, expected=lambda x, upper: linalg.cholesky(x).T)
    for upper in (False, True):
        case("cholesky_inverse", regular(2, 3, 3), upper=upper, expected=_cholesky_inverse)
    for a, b in (
        ((3, 3), (3,)),
        ((3, 3), (3, 2)),
        ((2, 3, 3), (2, 3)),
        ((2, 3, 3), (3, 2)),
        ((2, 3, 3), (3,)),
    ):
        case("solve", regular(*a), normal(*b), expected=_solve)
        for lower in (False, True):
            case("solve_triangular", regular(*a), normal(*b), lower=lower,
                 expected=lambda a, b, lower: _solve(np.tril(a) if lower else np.triu(a), b))  # fmt: skip
    for shape in ((3, 3), (4, 3), (2, 2, 4)):
        case("pinv", regular(*shape), expected=linalg.pinv)
        case("qr", regular(*shape), expected=lambda x: tuple(linalg.qr(x)))
        case("svd", regular(*shape), full_matrices=False,
             expected=lambda x, full_matrices: tuple(linalg.svd(x, full_matrices)))  # fmt: skip
        case("svd", regular(*shape), compute_uv=False, expected=linalg.svd)
        case("matrix_rank", regular(*shape), order=0, expected=linalg.matrix_rank)
    low_rank = normal(4, 2) @ normal(2, 3)
    case("pinv", low_rank, rcond=1e-6, order=0, expected=linalg.pinv)
    case("matrix_rank", low_rank, tol=1e-4, order=0, expected=linalg.matrix_rank)
    case("svd", regular(3, 3), expected=lambda x: tuple(linalg.svd(x)))
    case("svd", normal(2, 2, 4), order=0, expected=lambda x: tuple(linalg.svd(x)))
    case("qr", regular(4, 3), mode="complete", order=0, expected=lambda x, mode: tuple(linalg.qr(x, mode)))
    case("qr", regular(2, 4), mode="complete", expected=lambda x, mode: tuple(linalg.qr(x, mode)))
    for shape in ((4, 3), (2, 3, 4)):
        case("lu_factor", normal(*shape), order=0, expected=_lu_factor)
    for a, b in (((4, 3), (4,)), ((3, 4), (3, 2))):
        case("lstsq", regular(*a), normal(*b), expected=lambda a, b: linalg.lstsq(a, b)[0])
    for n in (3, 0, -2, 1):
        case("matrix_power", regular(2, 3, 3), n, order=2 if n else 0, expected=linalg.matrix_power)


def _solve(a: Any, b: Any) -> Any:
    is_vector = b.ndim == 1 or b.shape[:-1] == a.shape[:-2]
    return np.linalg.solve(a, b[..., None])[..., 0] if is_vector else np.linalg.solve(a, b)


def _cholesky_inverse(x: Any, upper: bool) -> Any:
    factor = np.swapaxes(np.triu(x), -1, -2) if upper else np.tril(x)
    return np.linalg.inv(factor @ np.swapaxes(factor, -1, -2))


def _lu_factor(x: Any) -> Any:
    found = [scipy.linalg.lu_factor(m) for m in x.reshape(-1, *x.shape[-2:])]
    packed, pivots = (np.stack(parts) for parts in zip(*found, strict=True))
    return packed.reshape(x.shape), pivots.reshape(*x.shape[:-2], -1)
