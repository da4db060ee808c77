"""Initializers without randomness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.types import DTypeLike, TensorLike
from hilevel.errors import ShapeError
from hilevel.initializers.base import Initializer, resolved


class Constant(Initializer):
    """An initializer that fills the weight with a value.

    Args:
        value: a scalar, or an array that broadcasts to the shape of the weight.

    >>> hilevel.initializers.Constant(3.0)((2,))
    array([3., 3.], dtype=float32)

    Raises:
        ShapeError: at a call, the array does not broadcast to the shape.
    """

    def __init__(self, value: TensorLike = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        value = ops.convert_to_numpy(self.value)
        try:
            return np.broadcast_to(value, tuple(shape)).astype(resolved(dtype))
        except ValueError:
            raise ShapeError(
                f"Constant: an array of shape {value.shape} cannot fill a weight of shape {tuple(shape)}."
            ) from None


class Zeros(Initializer):
    """An initializer that fills the weight with zeros.

    >>> hilevel.initializers.Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        return np.zeros(tuple(shape), resolved(dtype))


class Ones(Initializer):
    """An initializer that fills the weight with ones.

    >>> hilevel.initializers.Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        return np.ones(tuple(shape), resolved(dtype))


class Identity(Initializer):
    """An initializer for matrices with `gain` on the diagonal and 0 elsewhere.

    Args:
        gain: the value on the diagonal.

    >>> hilevel.initializers.Identity(2.0)((2, 2))
    array([[2., 0.],
           [0., 2.]], dtype=float32)

    Raises:
        ShapeError: at a call, the shape has not two axes.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        if len(shape) != 2:
            raise ShapeError(
                f"Identity makes matrices; got the shape {tuple(shape)}. Use another initializer."
            )
        return (np.eye(shape[0], shape[1]) * self.gain).astype(resolved(dtype))


constant = Constant
IdentityInitializer = identity = Identity
ones = Ones
zeros = Zeros
