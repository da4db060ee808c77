"""Other forms of the elements: powers, bits, and indices of several axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.dtypes import INT32
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import DTypeLike, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.creation import ones_like
from hilevel.ops.numpy.elementwise import clip, floor_divide, mod, where
from hilevel.ops.numpy.reduction import cumprod
from hilevel.ops.numpy.shaping import flip


@composite
def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the Vandermonde matrix: the powers of each element in a row, of shape `(n, N)`.

    Args:
        x: a tensor of shape `(n,)`.
        N: the number of powers; `n` by default.
        increasing: whether the powers ascend from 0 instead of descending to 0.

    >>> ops.vander([2.0, 3.0], N=3)
    array([[4., 2., 1.],
           [9., 3., 1.]], dtype=float32)

    Raises:
        ValueError: `x` has not one axis, or `N` is negative.
    """
    x = to_array(x)
    if len(x.shape) != 1:
        raise ShapeError(f"vander: x must have one axis; got shape {tuple(x.shape)}.")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise ValueError(f"vander: N must not be negative; got {n}.")
    x = x.astype(INT32) if x.dtype.kind == "b" else x
    powers = where(np.arange(n) == 0, ones_like(x[:, None]), x[:, None])
    y = cumprod(powers, axis=1).astype(x.dtype)
    return y if increasing else flip(y, axis=1)


@composite
def unravel_index(indices: TensorLike, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Return the index along each axis for indices into a flattened tensor: a tuple of a tensor for each axis.

    Negative indices count from the end. Indices outside are moved to the nearest end.

    Args:
        indices: integers of any shape.
        shape: the shape of the tensor that is indexed.

    >>> ops.unravel_index([5], (2, 3))
    (array([1], dtype=int32), array([2], dtype=int32))
    """
    rest = to_array(indices)
    rest = rest.astype(INT32) if rest.dtype.kind == "b" else rest
    size, found = math.prod(shape), []
    rest = clip(where(rest < 0, rest + size, rest), 0, size - 1)
    for n in reversed(shape):
        found.append(mod(rest, n))
        rest = floor_divide(rest, n)
    return tuple(reversed(found))


@op
def _view(xp: Namespace, x: Tensor, /, dtype: Any) -> Tensor:
    return xp.reshape(xp.ravel(x), x.shape).view(dtype)


@_view.shape
def _(x: TensorSpec, dtype: Any) -> TensorSpec:
    *lead, n = x.shape or (1,)
    size = n * x.dtype.itemsize
    if size % dtype.itemsize or (not x.shape and dtype.itemsize != x.dtype.itemsize):
        raise ShapeError(f"view: the last axis of shape {x.shape} has {size} bytes, which are no {dtype}.")
    kept = n if dtype.itemsize == x.dtype.itemsize else size // dtype.itemsize
    return TensorSpec((*lead, kept) if x.shape else (), dtype)


def view(x: TensorLike, dtype: DTypeLike = None) -> Tensor:
    """Return the same bytes as another dtype. The last axis is longer or shorter if the size of an element differs.

    Args:
        x: a tensor of any shape.
        dtype: the new dtype; the tensor's own by default.

    >>> ops.view(np.array([1, -1], "int16"), "uint16")
    array([    1, 65535], dtype=uint16)

    Raises:
        ValueError: the bytes of the last axis are no whole number of elements.
    """
    x = dtypes.native(x) if hasattr(x, "dtype") else to_array(x)
    return _view(x, dtype=np.dtype(x.dtype) if dtype is None else dtypes.as_dtype(dtype))
