"""Determinants, of several matrices along the first axes."""

from __future__ import annotations

from typing import Any

from hilevel.engine.op import composite, op
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.ops.linalg.matrices import square_matrix, transposed
from hilevel.ops.linalg.solving import inv_op
from hilevel.ops.numpy.reduction import at_least_float32, in_dtype_of


@op
def _det(xp: Namespace, x: Tensor) -> Tensor:
    return xp.linalg.det(x)


@_det.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor) -> Any:
    return (g * y)[..., None, None] * transposed(xp, inv_op(x))


_det.shape(lambda x: TensorSpec(x.shape[:-2], x.dtype))


@op
def _slogdet(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor]:
    sign, logarithm = xp.linalg.slogdet(x)
    return sign, logarithm


@_slogdet.gradient
def _(xp: Namespace, g: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor], x: Tensor) -> Any:
    return g[1][..., None, None] * transposed(xp, inv_op(x))


_slogdet.shape(lambda x: (TensorSpec(x.shape[:-2], x.dtype),) * 2)


@composite
def det(x: TensorLike) -> Tensor:
    """Return the determinants, of shape `(...)`. The gradient of a singular matrix is not finite, or an error.

    Args:
        x: square matrices of shape `(..., n, n)`.

    >>> ops.det([[2.0, 0.0], [0.0, 4.0]])
    np.float32(8.0)

    Raises:
        ValueError: the matrices are not square.
    """
    x = square_matrix("det", x)
    return in_dtype_of(x, _det(at_least_float32(x)))


@composite
def slogdet(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the signs, and the logarithms of the absolute values, of the determinants, each of shape `(...)`.

    Args:
        x: square matrices of shape `(..., n, n)`.

    >>> ops.slogdet([[1.0, 0.0], [0.0, -1.0]])
    (np.float32(-1.0), np.float32(0.0))

    Raises:
        ValueError: the matrices are not square.
    """
    x = square_matrix("slogdet", x)
    sign, logarithm = _slogdet(at_least_float32(x))
    return in_dtype_of(x, sign), in_dtype_of(x, logarithm)


@composite
def logdet(x: TensorLike) -> Tensor:
    """Return the logarithms of the absolute values of the determinants, of shape `(...)`.

    Args:
        x: square matrices of shape `(..., n, n)`, in general positive definite.

    >>> ops.logdet([[1.0, 0.0], [0.0, 1.0]])
    np.float32(0.0)

    Raises:
        ValueError: the matrices are not square.
    """
    return slogdet(x)[1]
