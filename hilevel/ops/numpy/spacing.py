"""Ops that make evenly spaced values."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.interpreter import HOST_TYPES
from hilevel.engine.op import composite, to_array
from hilevel.engine.types import DType, DTypeLike, Function, Tensor, TensorLike
from hilevel.ops.numpy.creation import float_dtype
from hilevel.ops.numpy.elementwise import power
from hilevel.ops.numpy.shaping import expand_dims


@composite
def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike = None,
    axis: int = 0,
) -> Any:
    """Return `num` evenly spaced values from `start` to `stop`.

    Args:
        start, stop: the first and the last value, scalars or arrays whose shapes broadcast.
        num: the length of the new axis.
        endpoint: whether `stop` is the last value.
        retstep: whether the result is a pair of the values and their step.
        dtype: the common floating-point dtype of `start` and `stop` by default.
        axis: the position of the new axis, if `start` and `stop` are arrays.

    >>> ops.linspace(0.0, 1.0, 3)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    interval = _Interval(start, stop, num, endpoint, dtype, axis)
    if interval.is_on_host:
        values, step = interval.computed_by(np.linspace, retstep=True)
        return (values, step) if retstep else values
    first, last = interval.ends()
    y = first + (last - first) * interval.fractions(first - last)
    return (y, (last - first) / max(num - endpoint, 1)) if retstep else y


@composite
def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: TensorLike = 10,
    dtype: DTypeLike = None,
    axis: int = 0,
) -> Tensor:
    """Return `num` values from `base ** start` to `base ** stop`, evenly spaced on a logarithmic scale.

    Args:
        start, stop: the first and the last exponent, scalars or arrays whose shapes broadcast.
        num: the length of the new axis.
        endpoint: whether `base ** stop` is the last value.
        base: the base of the powers.
        dtype: the common floating-point dtype of `start` and `stop` by default.
        axis: the position of the new axis, if `start` and `stop` are arrays.

    >>> ops.logspace(0.0, 2.0, 3)
    array([  1.,  10., 100.], dtype=float32)
    """
    interval = _Interval(start, stop, num, endpoint, dtype, axis)
    if interval.is_on_host and is_host_data(base):
        return interval.computed_by(np.logspace, base=base)
    return power(base, linspace(start, stop, num, endpoint, dtype=dtype, axis=axis))


@composite
def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike = None,
    axis: int = 0,
) -> Tensor:
    """Return `num` values from `start` to `stop`, evenly spaced on a logarithmic scale.

    Args:
        start, stop: the first and the last value, scalars or arrays whose shapes broadcast.
        num: the length of the new axis.
        endpoint: whether `stop` is the last value.
        dtype: the common floating-point dtype of `start` and `stop` by default.
        axis: the position of the new axis, if `start` and `stop` are arrays.

    >>> ops.geomspace(1.0, 100.0, 3)
    array([  1.,  10., 100.], dtype=float32)
    """
    interval = _Interval(start, stop, num, endpoint, dtype, axis)
    if interval.is_on_host:
        return interval.computed_by(np.geomspace)
    first, last = interval.ends()
    return first * power(last / first, interval.fractions(first - last))


def is_host_data(x: TensorLike) -> bool:
    """Return whether an argument is a Python scalar, a list or a NumPy array."""
    return isinstance(x, (list, tuple)) or x.__class__ in HOST_TYPES


class _Interval:
    """The ends, the number and the axis of evenly spaced values."""

    def __init__(
        self, start: TensorLike, stop: TensorLike, num: int, endpoint: bool, dtype: DTypeLike, axis: int
    ) -> None:
        self.start, self.stop, self.num, self.endpoint, self.axis = start, stop, num, endpoint, axis
        self.dtype: DType = dtypes.as_dtype(dtype) if dtype else float_dtype(start, stop)
        self.is_on_host = is_host_data(start) and is_host_data(stop)

    def computed_by(self, function: Function, **options: Any) -> Any:
        """Return the result of a function of NumPy, computed in float64."""
        first, last = np.asarray(self.start, np.float64), np.asarray(self.stop, np.float64)
        y = function(first, last, self.num, self.endpoint, axis=self.axis, **options)
        return (to_array(y[0], self.dtype), y[1]) if isinstance(y, tuple) else to_array(y, self.dtype)

    def ends(self) -> list[Tensor]:
        """Return both ends with an axis of length 1 for the values, if they have axes."""
        ends = [to_array(v, self.dtype) for v in (self.start, self.stop)]
        rank = max(len(v.shape) for v in ends)
        before_end = -1 - self.axis if self.axis < 0 else rank - self.axis
        return [expand_dims(v, -1 - before_end) if len(v.shape) >= before_end else v for v in ends]

    def fractions(self, like: Tensor) -> Tensor:
        """Return the fractions of the interval, from 0, in a shape that broadcasts with `like`."""
        view = [1] * len(like.shape)
        view[self.axis] = self.num
        values = np.arange(self.num) / max(self.num - self.endpoint, 1)
        return to_array(values.reshape(view or -1), self.dtype)
