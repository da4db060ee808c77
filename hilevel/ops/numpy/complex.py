"""Parts of complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, like
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.ops.numpy.creation import ones_like, zeros_like
from hilevel.ops.numpy.elementwise import stop_gradient
from hilevel.ops.numpy.transcendental import arctan2


def _part(x: Any) -> TensorSpec:
    """The shape rule of a part of complex numbers, which takes half of their bits."""
    return TensorSpec(x.shape, np.dtype(f"float{x.dtype.itemsize * 4}"))


@op(shape=_part)
def _real(xp: Namespace, x: Tensor) -> Tensor:
    return xp.real(x)


@op(shape=_part)
def _imag(xp: Namespace, x: Tensor) -> Tensor:
    return xp.imag(x)


@op(shape=like)
def _conj(xp: Namespace, x: Tensor) -> Tensor:
    return xp.conj(x)


def _is_complex(x: Tensor) -> bool:
    return bool(x.dtype.kind == "c")


def real(x: TensorLike) -> Tensor:
    """The real part; a tensor that is not complex, unchanged. Complex tensors have no gradient.

    >>> ops.real(np.array([1 + 2j]))
    array([1.])
    """
    x = to_array(x)
    return _real(x) if _is_complex(x) else x


def conj(x: TensorLike) -> Tensor:
    """The complex conjugate; a tensor that is not complex, unchanged. Complex tensors have no gradient.

    >>> ops.conj(np.array([1 + 2j]))
    array([1.-2.j])
    """
    x = to_array(x)
    return _conj(x) if _is_complex(x) else x


conjugate = conj


def imag(x: TensorLike) -> Tensor:
    """The imaginary part; zeros for a tensor that is not complex.

    >>> ops.imag(np.array([1 + 2j])), ops.imag([1.0])
    (array([2.]), array([0.], dtype=float32))
    """
    x = to_array(x)
    return _imag(x) if _is_complex(x) else zeros_like(x)


def isreal(x: TensorLike) -> Tensor:
    """Whether the imaginary part is 0.

    >>> ops.isreal(np.array([1 + 2j, 1.0])), ops.isreal([1.0])
    (array([False,  True]), array([ True]))
    """
    x = to_array(x)
    return _imag(x) == 0 if _is_complex(x) else ones_like(x, dtype="bool")


@composite
@rounded
def angle(x: TensorLike) -> Tensor:
    """The angle in the complex plane; of real numbers 0, or pi where the sign is minus.

    >>> ops.angle([-1.0, 1.0])
    array([3.1415927, 0.       ], dtype=float32)
    """
    x = stop_gradient(to_float_array(x))
    return arctan2(imag(x), real(x))
