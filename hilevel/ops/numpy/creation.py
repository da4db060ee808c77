"""Ops that make tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context
from hilevel.engine.op import op, to_array, to_operand
from hilevel.engine.settings import settings
from hilevel.engine.spec import TensorSpec, is_unknown, size_from
from hilevel.engine.types import DType, DTypeLike, Namespace, ShapeLike, Tensor, TensorLike
from hilevel.ops.numpy.shaping import broadcast_to


def _dtype(dtype: DTypeLike) -> DType:
    return settings.floatx_dtype if dtype is None else dtypes.as_dtype(dtype)


def _size(shape: int | Sequence[Any]) -> tuple[int, ...]:
    if isinstance(shape, (int, np.integer)):
        shape = (shape,)
    return tuple(int(n) if isinstance(n, float) or hasattr(n, "shape") else n for n in shape)


def _make(name: str, value: int, shape: int | Sequence[Any], dtype: DTypeLike) -> Tensor:
    """Return a new array of a value, by the function `name`, or a `TensorSpec` if a size is unknown."""
    sizes = _size(shape)
    if any(map(is_unknown, sizes)):
        filling = np.asarray(value, _dtype(dtype))
        return context.interpreter.infer(broadcast_to, (filling,), {"shape": sizes})
    return getattr(current_backend().xp, name)(sizes, dtype=_dtype(dtype))


def zeros(shape: int | ShapeLike, dtype: DTypeLike = None) -> Tensor:
    """Return a tensor of zeros.

    Args:
        shape: a tuple, or an integer for one axis.
        dtype: floatx by default.

    >>> ops.zeros((2,))
    array([0., 0.], dtype=float32)
    """
    return _make("zeros", 0, shape, dtype)


def ones(shape: int | ShapeLike, dtype: DTypeLike = None) -> Tensor:
    """Return a tensor of ones.

    Args:
        shape: a tuple, or an integer for one axis.
        dtype: floatx by default.

    >>> ops.ones((2,))
    array([1., 1.], dtype=float32)
    """
    return _make("ones", 1, shape, dtype)


empty = zeros


def full(shape: int | ShapeLike, fill_value: TensorLike, dtype: DTypeLike = None) -> Tensor:
    """Return a tensor filled with `fill_value`.

    Args:
        shape: a tuple, or an integer for one axis.
        fill_value: a scalar, or a tensor that is broadcast to the shape.
        dtype: the dtype of `fill_value` by default.

    >>> ops.full((2,), 7.0)
    array([7., 7.], dtype=float32)
    """
    return broadcast_to(to_array(fill_value, dtype), _size(shape))


@op
def zeros_like(xp: Namespace, x: TensorLike, /, dtype: DTypeLike = None) -> Tensor:
    """Return zeros in the shape of `x`.

    Args:
        x: a tensor of any shape.
        dtype: the dtype of `x` by default.

    >>> ops.zeros_like([1.0, 2.0])
    array([0., 0.], dtype=float32)
    """
    return xp.zeros_like(x, dtype=dtypes.as_dtype(dtype) if dtype else None)


@op
def ones_like(xp: Namespace, x: TensorLike, /, dtype: DTypeLike = None) -> Any:
    """Return ones in the shape of `x`.

    Args:
        x: a tensor of any shape.
        dtype: the dtype of `x` by default.

    >>> ops.ones_like([1.0, 2.0])
    array([1., 1.], dtype=float32)
    """
    if isinstance(x, np.generic) and not dtype:
        return x.dtype.type(1)
    return xp.ones_like(x, dtype=dtypes.as_dtype(dtype) if dtype else None)


def full_like(x: TensorLike, fill_value: TensorLike, dtype: DTypeLike = None) -> Tensor:
    """Return a tensor in the shape of `x`, filled with `fill_value`.

    Args:
        x: a tensor of any shape.
        fill_value: a scalar, or a tensor that is broadcast to the shape.
        dtype: the dtype of `x` by default.

    >>> ops.full_like([1.0, 2.0], 7.0)
    array([7., 7.], dtype=float32)
    """
    zeros = zeros_like(x, dtype=dtype)
    return zeros + to_array(fill_value, zeros.dtype)


empty_like = zeros_like


def arange(
    start: TensorLike, stop: TensorLike | None = None, step: TensorLike | None = None, dtype: DTypeLike = None
) -> Tensor:
    """Return the values `start, start + step, ...` below `stop`, of shape `(n,)`.

    Args:
        start, stop: the interval `[start, stop)`. If `stop` is None, it is `[0, start)`.
        step: the difference of neighbouring values; 1 by default.
        dtype: the common dtype of the arguments by default.

    >>> ops.arange(3)
    array([0, 1, 2], dtype=int32)
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if dtype is None:
        kinds = [getattr(v, "dtype", int if is_unknown(v) else type(v)) for v in (start, stop, step)]
        dtype = dtypes.result_type(*kinds)
    if any(map(is_unknown, (start, stop, step))):
        limits = {"start": start, "stop": stop, "step": step, "dtype": dtypes.as_dtype(dtype)}
        return context.interpreter.infer(arange_op, (), limits)
    return to_array(np.arange(start, stop, step), dtype)


@op
def arange_op(xp: Namespace, /, start: int, stop: int, step: int, dtype: DType) -> Tensor:
    return xp.arange(start, stop, step, dtype=dtype)


@arange_op.shape
def _(start: int, stop: int, step: int, dtype: DType) -> TensorSpec:
    return TensorSpec((size_from(len(range(start, stop, step)), start, stop, step),), dtype)


def float_dtype(*values: TensorLike) -> DType:
    """Return the floating-point dtype for values between the given scalars, lists or arrays."""
    return dtypes.common_dtype(*map(to_operand, values), 0.0)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = None) -> Tensor:
    """Return a matrix of shape `(N, M)` with ones on a diagonal and zeros elsewhere.

    Args:
        N, M: the numbers of rows and columns; `M` is `N` by default.
        k: the diagonal: 0 for the main one, positive above it, negative below it.
        dtype: floatx by default.

    >>> ops.eye(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return to_array(np.eye(N, M, k), _dtype(dtype))


def identity(n: int, dtype: DTypeLike = None) -> Tensor:
    """Return the identity matrix of shape `(n, n)`.

    Args:
        n: the number of rows and columns.
        dtype: floatx by default.

    >>> ops.identity(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = None) -> Tensor:
    """Return a matrix of shape `(N, M)` with ones on and below a diagonal.

    Args:
        N, M: the numbers of rows and columns; `M` is `N` by default.
        k: the diagonal: 0 for the main one, positive above it, negative below it.
        dtype: floatx by default.

    >>> ops.tri(2)
    array([[1., 0.],
           [1., 1.]], dtype=float32)
    """
    return to_array(np.tri(N, M, k), _dtype(dtype))


for _filled in (zeros_like, ones_like):
    _filled.shape(lambda x, dtype=None: TensorSpec(x.shape, dtypes.as_dtype(dtype) if dtype else x.dtype))
