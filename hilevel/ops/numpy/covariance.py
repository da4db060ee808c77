"""Covariance, correlation and cross-correlation."""

from __future__ import annotations

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.op import composite, rounded, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, is_unknown, size_from
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.elementwise import clip
from hilevel.ops.numpy.indexing import take
from hilevel.ops.numpy.products import matmul
from hilevel.ops.numpy.reduction import mean
from hilevel.ops.numpy.shaping import diagonal, flip, pad, reshape, swapaxes
from hilevel.ops.numpy.transcendental import sqrt


@composite
@rounded
def cov(x: TensorLike) -> Tensor:
    """Return the covariance matrix of variables, of shape `(variables, variables)`, with the divisor `n - 1`.

    Args:
        x: a tensor of shape `(variables, n)`, or `(n,)` for one variable, whose variance is a scalar.

    >>> ops.cov([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    array([[ 1., -1.],
           [-1.,  1.]], dtype=float32)

    Raises:
        ValueError: `x` has more than two axes.
    """
    x = to_float_array(x)
    if len(x.shape) > 2:
        raise ShapeError(f"The variables must have one or two axes; got shape {tuple(x.shape)}.")
    rows = reshape(x, (-1, x.shape[-1] if x.shape else 1))
    rest = rows - mean(rows, axis=-1, keepdims=True)
    y = matmul(rest, swapaxes(rest, 0, 1)) / (rows.shape[-1] - 1)
    return reshape(y, ()) if y.shape == (1, 1) else y


@composite
@rounded
def corrcoef(x: TensorLike) -> Tensor:
    """Return the Pearson correlation coefficients of variables, of shape `(variables, variables)`.

    Args:
        x: a tensor of shape `(variables, n)`, or `(n,)` for one variable, whose coefficient is a scalar.

    >>> ops.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    array([[ 1., -1.],
           [-1.,  1.]], dtype=float32)

    Raises:
        ValueError: `x` has more than two axes.
    """
    covariance = cov(x)
    if not covariance.shape:
        return covariance / covariance
    deviations = sqrt(diagonal(covariance))
    return clip(covariance / deviations[:, None] / deviations[None, :], -1, 1)


@composite
@rounded
def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Tensor:
    """Return the cross-correlation `sum_n x1[n + k] x2[n]` of two sequences for each shift `k`.

    Args:
        x1: a tensor of shape `(n,)`.
        x2: a tensor of shape `(m,)`.
        mode: `"valid"` for the shifts without a border, `"same"` for the `max(n, m)` shifts in the middle, or `"full"`
            for all `n + m - 1` shifts.

    >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5])
    array([3.5], dtype=float32)

    Raises:
        ValueError: a tensor has not one axis, or there is no such mode.
    """
    x1, x2 = dtypes.to_float((to_array(x1), to_array(x2)))
    if len(x1.shape) != 1 or len(x2.shape) != 1:
        raise ShapeError(f"correlate: both tensors must have one axis; got {x1.shape} and {x2.shape}.")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: mode must be 'valid', 'same' or 'full'; got {mode!r}.")
    n, m = x1.shape[0], x2.shape[0]
    if is_unknown(n) or is_unknown(m):
        return TensorSpec((size_from(n, n, m),), x1.dtype)
    if n < m:
        return flip(_correlate(x2, x1, mode, after=True))
    return _correlate(x1, x2, mode)


def _correlate(x: Tensor, kernel: Tensor, mode: str, after: bool = False) -> Tensor:
    """Return the cross-correlation with a kernel that is not longer. With `after`, an uneven border is longer there."""
    n, m = x.shape[0], kernel.shape[0]
    short, long = (m - 1) // 2, m // 2
    same = (short, long) if after else (long, short)
    border = {"valid": (0, 0), "same": same, "full": (m - 1, m - 1)}[mode]
    starts = np.arange(n + sum(border) - m + 1)
    return matmul(take(pad(x, (border,)), starts[:, None] + np.arange(m)), kernel)
