"""Ops that make tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.backends import current_backend
from hilevel.engine.op import op, to_array
from hilevel.engine.settings import settings
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import DTypeLike, Namespace, Tensor, TensorLike
from hilevel.ops.numpy.shaping import broadcast_to


def _dtype(dtype: DTypeLike) -> Any:
    return settings.floatx_dtype if dtype is None else dtypes.as_dtype(dtype)


def _size(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    return tuple(int(n) for n in shape)


def zeros(shape: Any, dtype: DTypeLike = None) -> Tensor:
    """A tensor of zeros, in floatx where no dtype is given.

    >>> ops.zeros((2,))
    array([0., 0.], dtype=float32)
    """
    return current_backend().xp.zeros(_size(shape), dtype=_dtype(dtype))


def ones(shape: Any, dtype: DTypeLike = None) -> Tensor:
    """A tensor of ones, in floatx where no dtype is given.

    >>> ops.ones((2,))
    array([1., 1.], dtype=float32)
    """
    return current_backend().xp.ones(_size(shape), dtype=_dtype(dtype))


empty = zeros


def full(shape: Any, fill_value: Any, dtype: DTypeLike = None) -> Tensor:
    """A tensor in which every element is `fill_value`.

    >>> ops.full((2,), 7.0)
    array([7., 7.], dtype=float32)
    """
    return broadcast_to(to_array(fill_value, dtype), _size(shape))


@op
def zeros_like(xp: Namespace, x: TensorLike, /, dtype: DTypeLike = None) -> Tensor:
    """Zeros in the shape of `x`, and in its dtype where none is given.

    >>> ops.zeros_like([1.0, 2.0])
    array([0., 0.], dtype=float32)
    """
    return xp.zeros_like(x, dtype=dtypes.as_dtype(dtype) if dtype else None)


@op
def ones_like(xp: Namespace, x: TensorLike, /, dtype: DTypeLike = None) -> Any:
    """Ones in the shape of `x`, and in its dtype where none is given.

    >>> ops.ones_like([1.0, 2.0])
    array([1., 1.], dtype=float32)
    """
    if isinstance(x, np.generic) and not dtype:
        return x.dtype.type(1)
    return xp.ones_like(x, dtype=dtypes.as_dtype(dtype) if dtype else None)


def full_like(x: TensorLike, fill_value: Any, dtype: DTypeLike = None) -> Tensor:
    """A tensor in the shape of `x` in which every element is `fill_value`.

    >>> ops.full_like([1.0, 2.0], 7.0)
    array([7., 7.], dtype=float32)
    """
    zeros = zeros_like(x, dtype=dtype)
    return zeros + to_array(fill_value, zeros.dtype)


empty_like = zeros_like


def arange(start: Any, stop: Any = None, step: Any = None, dtype: DTypeLike = None) -> Tensor:
    """Evenly spaced numbers `start, start + step, ...` below `stop`.

    >>> ops.arange(3)
    array([0, 1, 2], dtype=int32)
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if dtype is None:
        dtype = dtypes.result_type(*(getattr(v, "dtype", type(v)) for v in (start, stop, step)))
    return to_array(np.arange(start, stop, step), dtype)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`, in their common float dtype where none is given.

    >>> ops.linspace(0.0, 1.0, 3)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    first, last = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    values, step = np.linspace(first, last, num, endpoint, retstep=True, axis=axis)
    y = to_array(values, dtype or float_dtype(start, stop))
    return (y, step) if retstep else y


def float_dtype(*numbers: Any) -> str:
    """The dtype of numbers that lie between these."""
    return dtypes.result_type(*(v.dtype if hasattr(v, "dtype") else type(v) for v in numbers), float)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = None) -> Tensor:
    """A matrix with ones on its `k`-th diagonal and zeros elsewhere.

    >>> ops.eye(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return to_array(np.eye(N, M, k), _dtype(dtype))


def identity(n: int, dtype: DTypeLike = None) -> Tensor:
    """The identity matrix.

    >>> ops.identity(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = None) -> Tensor:
    """A matrix with ones on and below its `k`-th diagonal.

    >>> ops.tri(2)
    array([[1., 0.],
           [1., 1.]], dtype=float32)
    """
    return to_array(np.tri(N, M, k), _dtype(dtype))


for _filled in (zeros_like, ones_like):
    _filled.shape(lambda x, dtype=None: TensorSpec(x.shape, dtypes.as_dtype(dtype) if dtype else x.dtype))
