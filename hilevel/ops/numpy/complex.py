"""Complex tensors and their parts."""

from __future__ import annotations

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, agree, broadcast, like
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.creation import ones_like, zeros_like
from hilevel.ops.numpy.elementwise import stop_gradient
from hilevel.ops.numpy.joining import stack
from hilevel.ops.numpy.reduction import at_least_float32
from hilevel.ops.numpy.transcendental import arctan2, cos, sin


def _part_spec(x: TensorSpec) -> TensorSpec:
    """Return the shape and dtype of a part of a complex tensor, whose floats have half the bits."""
    return TensorSpec(x.shape, np.dtype(f"float{x.dtype.itemsize * 4}"))


@op(shape=_part_spec)
def _real(xp: Namespace, x: Tensor) -> Tensor:
    return xp.real(x)


@op(shape=_part_spec)
def _imag(xp: Namespace, x: Tensor) -> Tensor:
    return xp.imag(x)


@op(shape=like)
def _conj(xp: Namespace, x: Tensor) -> Tensor:
    return xp.conj(x)


def _is_complex(x: Tensor) -> bool:
    return bool(x.dtype.kind == "c")


def real(x: TensorLike) -> Tensor:
    """Return the real part. A real tensor is returned unchanged. Complex tensors have no gradient.

    Args:
        x: a tensor of any shape.

    >>> ops.real(np.array([1 + 2j]))
    array([1.])
    """
    x = to_array(x)
    return _real(x) if _is_complex(x) else x


def conj(x: TensorLike) -> Tensor:
    """Return the complex conjugate. A real tensor is returned unchanged. Complex tensors have no gradient.

    Args:
        x: a tensor of any shape.

    >>> ops.conj(np.array([1 + 2j]))
    array([1.-2.j])
    """
    x = to_array(x)
    return _conj(x) if _is_complex(x) else x


conjugate = conj


def imag(x: TensorLike) -> Tensor:
    """Return the imaginary part, zeros for a real tensor.

    Args:
        x: a tensor of any shape.

    >>> ops.imag(np.array([1 + 2j])), ops.imag([1.0])
    (array([2.]), array([0.], dtype=float32))
    """
    x = to_array(x)
    return _imag(x) if _is_complex(x) else zeros_like(x)


def isreal(x: TensorLike) -> Tensor:
    """Return whether the imaginary part is 0, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.isreal(np.array([1 + 2j, 1.0])), ops.isreal([1.0])
    (array([False,  True]), array([ True]))
    """
    x = to_array(x)
    return _imag(x) == 0 if _is_complex(x) else ones_like(x, dtype="bool")


@composite
@rounded
def angle(x: TensorLike) -> Tensor:
    """Return the angle in the complex plane, in radians. For real numbers it is 0, or pi if the sign is minus.

    Args:
        x: a tensor of any shape.

    >>> ops.angle([-1.0, 1.0])
    array([3.1415927, 0.       ], dtype=float32)
    """
    x = stop_gradient(to_float_array(x))
    return arctan2(imag(x), real(x))


@op
def _complex(xp: Namespace, real: Tensor, imag: Tensor) -> Tensor:
    return real + imag * np.complex64(1j)


@_complex.shape
def _(real: TensorSpec, imag: TensorSpec) -> TensorSpec:
    dtype = dtypes.promoted(real.dtype, imag.dtype, np.dtype("complex64"))
    return TensorSpec(broadcast(real.shape, imag.shape), dtype)


@composite
def view_as_complex(x: TensorLike) -> Tensor:
    """Return pairs of a real and an imaginary part as complex numbers, of shape `(...)`. They have no gradient.

    Args:
        x: a tensor of shape `(..., 2)`. float64 gives complex128, other dtypes complex64.

    >>> ops.view_as_complex([[1.0, 2.0]])
    array([1.+2.j], dtype=complex64)

    Raises:
        ValueError: the last axis has not the length 2.
    """
    x = at_least_float32(to_float_array(x))
    if not agree(x.shape[-1:], (2,)):
        raise ShapeError(
            f"view_as_complex: the last axis must have the length 2; got shape {tuple(x.shape)}."
        )
    return _complex(x[..., 0], x[..., 1])


@composite
def view_as_real(x: TensorLike) -> Tensor:
    """Return the real and the imaginary parts of complex numbers side by side, of shape `(..., 2)`.

    Args:
        x: a complex or real tensor of any shape.

    >>> ops.view_as_real(np.array([1 + 2j]))
    array([[1., 2.]])
    """
    x = to_array(x)
    return stack([real(x), imag(x)], axis=-1)


@composite
def polar(abs_: TensorLike, angle: TensorLike) -> Tensor:
    """Return the complex numbers with these absolute values and angles. They have no gradient.

    Args:
        abs_: a tensor of any shape.
        angle: angles in radians, of a shape that broadcasts with `abs_`.

    >>> ops.polar([2.0], [0.0])
    array([2.+0.j], dtype=complex64)
    """
    abs_, angle = dtypes.to_float((to_array(abs_), to_array(angle)))
    abs_, angle = at_least_float32(abs_), at_least_float32(angle)
    return _complex(abs_ * cos(angle), abs_ * sin(angle))
