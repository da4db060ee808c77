"""Norms of vectors and matrices."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from hilevel.engine.op import composite, to_float_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.types import Axis, Tensor, TensorLike
from hilevel.ops.linalg.spectra import singular_values
from hilevel.ops.numpy.elementwise import abs, square
from hilevel.ops.numpy.reduction import at_least_float32, max, min, sum
from hilevel.ops.numpy.shaping import moveaxis, reshape
from hilevel.ops.numpy.transcendental import sqrt

Order: TypeAlias = float | str | None
"""The order of a norm; None for the Euclidean or Frobenius norm."""


@composite
def norm(x: TensorLike, ord: Order = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the norm of vectors (one axis), of matrices (two axes), or of all elements.

    Args:
        x: a tensor of any shape.
        ord: the order of the norm; Euclidean or Frobenius by default. For vectors, any number, `inf` or `-inf`. For
            matrices, `"fro"`, `"nuc"` (sum of the singular values), 2 or -2 (largest or smallest singular value).
            With 1 or -1 it is the largest or smallest sum of absolute values of a column, with `inf` or `-inf` of a
            row.
        axis: the axis or the pair of axes; all elements by default.
        keepdims: whether the reduced axes stay, with length 1.

    >>> ops.norm([3.0, 4.0])
    np.float32(5.0)
    >>> ops.norm([[3.0, 0.0], [0.0, 4.0]], ord="nuc")
    np.float32(7.0)

    Raises:
        ValueError: the norm is not defined for that number of axes.
    """
    x = to_float_array(x)
    if x.dtype.kind == "c":
        x = abs(x)
    axes = axes_tuple(axis, len(x.shape))
    if ord is None or (ord == "fro" and len(axes) == 2):
        return sqrt(sum(square(x), axis=axes, keepdims=keepdims))
    if len(axes) not in (1, 2):
        raise ValueError(
            f"ops.norm: ord={ord!r} is a norm over one or two axes; got the axes {axes} of a tensor of shape "
            f"{tuple(x.shape)}. Pass axis=, or ord=None for the Euclidean norm of all elements."
        )
    if len(set(axes)) < len(axes):
        raise ValueError(f"ops.norm: the axes of a matrix must differ; got axis={axis!r}.")
    return (_vector_norm if len(axes) == 1 else _matrix_norm)(x, ord, axes, keepdims)


def _vector_norm(x: Tensor, ord: Order, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if not isinstance(ord, (int, float)):
        raise ValueError(f"ops.norm: for vectors, ord must be None, a number, inf or -inf; got {ord!r}.")
    if ord == np.inf:
        return max(abs(x), axis=axes, keepdims=keepdims)
    if ord == -np.inf:
        return min(abs(x), axis=axes, keepdims=keepdims)
    if ord == 0:
        return sum((x != 0).astype(x.dtype), axis=axes, keepdims=keepdims)
    if ord == 1:
        return sum(abs(x), axis=axes, keepdims=keepdims)
    if ord == 2:
        return sqrt(sum(square(x), axis=axes, keepdims=keepdims))
    return sum(abs(x) ** ord, axis=axes, keepdims=keepdims) ** (1 / ord)


def _matrix_norm(x: Tensor, ord: Order, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    rows, columns = axes
    if ord in (2, -2, "nuc"):
        y = _by_singular_values(moveaxis(x, axes, (-2, -1)), ord)
        return reshape(y, [1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdims else y
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError(
            f"ops.norm: for matrices, ord must be None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; got {ord!r}."
        )
    inner, outer = (rows, columns) if ord in (1, -1) else (columns, rows)
    y = sum(abs(x), axis=inner, keepdims=True)
    y = max(y, axis=outer, keepdims=True) if ord > 0 else min(y, axis=outer, keepdims=True)
    return y if keepdims else sum(y, axis=axes)


def _by_singular_values(x: Tensor, ord: Order) -> Tensor:
    values = singular_values(at_least_float32(x)).astype(x.dtype)
    reduce: Any = {2: max, -2: min, "nuc": sum}[ord]
    return reduce(values, axis=-1)
