"""Operations on integers: on their bits, and common divisors and multiples."""

from __future__ import annotations

import numpy as np

from hilevel.engine.op import op
from hilevel.engine.spec import elementwise
from hilevel.engine.types import Namespace, Tensor, TensorLike


def _integers(*xs: Tensor) -> tuple[Tensor, ...]:
    """Return tensors, or raise TypeError if one has another dtype than integers or booleans."""
    for x in xs:
        dtype = getattr(x, "dtype", None) or np.dtype(type(x))
        if dtype.kind not in "biu":
            raise TypeError(f"Expected integers or booleans; got {dtype}. Cast to an integer dtype first.")
    return xs


@op(dtype="common", shape=elementwise)
def bitwise_and(xp: Namespace, x: TensorLike, y: TensorLike) -> Tensor:
    """Return the bitwise AND.

    Args:
        x, y: integers or booleans, of any shapes that broadcast.

    >>> ops.bitwise_and([6], [3])
    array([2], dtype=int32)
    """
    return xp.bitwise_and(*_integers(x, y))


@op(dtype="common", shape=elementwise)
def bitwise_or(xp: Namespace, x: TensorLike, y: TensorLike) -> Tensor:
    """Return the bitwise OR.

    Args:
        x, y: integers or booleans, of any shapes that broadcast.

    >>> ops.bitwise_or([6], [3])
    array([7], dtype=int32)
    """
    return xp.bitwise_or(*_integers(x, y))


@op(dtype="common", shape=elementwise)
def bitwise_xor(xp: Namespace, x: TensorLike, y: TensorLike) -> Tensor:
    """Return the bitwise exclusive OR.

    Args:
        x, y: integers or booleans, of any shapes that broadcast.

    >>> ops.bitwise_xor([6], [3])
    array([5], dtype=int32)
    """
    return xp.bitwise_xor(*_integers(x, y))


@op(shape=elementwise)
def bitwise_not(xp: Namespace, x: TensorLike) -> Tensor:
    """Invert all bits.

    Args:
        x: integers or booleans, a tensor of any shape.

    >>> ops.bitwise_not([6])
    array([-7], dtype=int32)
    """
    return xp.invert(*_integers(x))


@op(dtype="number", shape=elementwise)
def left_shift(xp: Namespace, x: TensorLike, y: TensorLike) -> Tensor:
    """Shift the bits of `x` left by `y` places.

    Args:
        x, y: integers or booleans, of any shapes that broadcast.

    >>> ops.left_shift([3], 2)
    array([12], dtype=int32)
    """
    return xp.left_shift(*_integers(x, y))


@op(dtype="number", shape=elementwise)
def right_shift(xp: Namespace, x: TensorLike, y: TensorLike) -> Tensor:
    """Shift the bits of `x` right by `y` places.

    Args:
        x, y: integers or booleans, of any shapes that broadcast.

    >>> ops.right_shift([12], 2)
    array([3], dtype=int32)
    """
    return xp.right_shift(*_integers(x, y))


@op(dtype="number", shape=elementwise)
def gcd(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the greatest common divisor, which is not negative; for 0 and 0 it is 0.

    Args:
        x1, x2: integers or booleans, of any shapes that broadcast.

    >>> ops.gcd([12, 18], 8)
    array([4, 2], dtype=int32)
    """
    return xp.gcd(*_integers(x1, x2))


@op(dtype="number", shape=elementwise)
def lcm(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the least common multiple, which is not negative; with 0 it is 0.

    Args:
        x1, x2: integers or booleans, of any shapes that broadcast.

    >>> ops.lcm([4, 6], 10)
    array([20, 30], dtype=int32)
    """
    return xp.lcm(*_integers(x1, x2))


bitwise_invert, bitwise_left_shift, bitwise_right_shift = bitwise_not, left_shift, right_shift
