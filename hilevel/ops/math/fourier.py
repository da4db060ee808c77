"""Discrete Fourier transforms. A complex tensor is a pair of tensors, its real and its imaginary part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, agree, is_unknown
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.joining import concatenate
from hilevel.ops.numpy.reduction import at_least_float32
from hilevel.ops.numpy.shaping import pad

# -- primitives ------------------------------------------------------------------------------------


@op
def _transform(
    xp: Namespace, real: Tensor, imag: Tensor, /, axes: tuple[int, ...], inverse: bool
) -> tuple[Tensor, Tensor]:
    transform = xp.fft.ifftn if inverse else xp.fft.fftn
    y = transform(real + imag * 1j, axes=axes)
    return xp.real(y), xp.imag(y)


@_transform.gradient
def _(
    xp: Namespace,
    g: tuple[Tensor, Tensor],
    y: tuple[Tensor, Tensor],
    real: Tensor,
    imag: Tensor,
    axes: tuple[int, ...],
    inverse: bool,
) -> Any:
    """Apply the conjugate transpose of the transform, which is the other transform but for a factor."""
    size = 1
    for axis in axes:
        size *= real.shape[axis]
    factor = 1 / size if inverse else size
    back = _transform(*g, axes=axes, inverse=not inverse)
    return back[0] * factor, back[1] * factor


_transform.shape(lambda real, imag, axes, inverse: (TensorSpec(real.shape, real.dtype),) * 2)


@op
def _of_real(xp: Namespace, x: Tensor) -> tuple[Tensor, Tensor]:
    y = xp.fft.rfft(x)
    return xp.real(y), xp.imag(y)


@_of_real.gradient
def _(xp: Namespace, g: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor], x: Tensor) -> Any:
    n = x.shape[-1]
    return _to_real(_counted(g[0], n, 0.5), _counted(g[1], n, 0.5), n=n) * n


@_of_real.shape
def _(x: TensorSpec) -> Any:
    return (TensorSpec((*x.shape[:-1], x.shape[-1] // 2 + 1), x.dtype),) * 2


@op
def _to_real(xp: Namespace, real: Tensor, imag: Tensor, /, n: int) -> Tensor:
    return xp.fft.irfft(real + imag * 1j, n=n)


@_to_real.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, real: Tensor, imag: Tensor, n: int) -> Any:
    return tuple(_counted(part, n, 2.0) / n for part in _of_real(g))


_to_real.shape(lambda real, imag, n: TensorSpec((*real.shape[:-1], n), real.dtype))


def _counted(x: Tensor, n: int, factor: float) -> Tensor:
    """Multiply the frequencies that a transform of `n` real values represents twice: all but 0 and `n / 2`."""
    last = (n + 1) // 2
    return concatenate([x[..., :1], x[..., 1:last] * factor, x[..., last:]], axis=-1)


# -- the ops of Keras --------------------------------------------------------------------------------


def _pair(name: str, x: Sequence[TensorLike], rank: int) -> tuple[Tensor, Tensor]:
    """Return the real and the imaginary part, of at least float32.

    Raises:
        ValueError: there are not two parts, of floats, of equal shape, and of at least that rank.
    """
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"{name}: x must be a pair of tensors, the real and the imaginary part; got {x!r}.")
    parts = tuple(map(to_array, x))
    shapes = [tuple(part.shape) for part in parts]
    if not agree(*shapes) or len(shapes[0]) < rank:
        raise ShapeError(f"{name}: both parts must have one shape of at least {rank} axes; got {shapes}.")
    if not all(dtypes.is_float(part.dtype) for part in parts):
        raise ValueError(f"{name}: both parts must be floats; got {[part.dtype.name for part in parts]}.")
    real, imag = dtypes.to_common(parts)
    return at_least_float32(real), at_least_float32(imag)


def _transformed(
    name: str, x: Sequence[TensorLike], axes: tuple[int, ...], inverse: bool
) -> tuple[Tensor, Tensor]:
    real, imag = _pair(name, x, len(axes))
    if any(is_unknown(real.shape[axis]) for axis in axes):
        raise ShapeError(f"{name}: the sizes of the axes {axes} must be known; got shape {real.shape}.")
    y: Any = _transform(real, imag, axes=axes, inverse=inverse)
    return y


@composite
def fft(x: Sequence[TensorLike]) -> tuple[Tensor, Tensor]:
    """Return the discrete Fourier transform of the last axis: its real and its imaginary part.

    Args:
        x: the real and the imaginary part, floats of shape `(..., n)`. Half precision is computed in float32.

    >>> ops.fft(([1.0, 0.0], [0.0, 0.0]))
    (array([1., 1.], dtype=float32), array([0., 0.], dtype=float32))

    Raises:
        ValueError: `x` is no pair of floats of one shape.
    """
    return _transformed("fft", x, (-1,), inverse=False)


@composite
def fft2(x: Sequence[TensorLike]) -> tuple[Tensor, Tensor]:
    """Return the discrete Fourier transform of the last two axes: its real and its imaginary part.

    Args:
        x: the real and the imaginary part, floats of shape `(..., n, m)`. Half precision is computed in float32.

    >>> ops.fft2(([[1.0, 0.0]], [[0.0, 0.0]]))
    (array([[1., 1.]], dtype=float32), array([[0., 0.]], dtype=float32))

    Raises:
        ValueError: `x` is no pair of floats of one shape.
    """
    return _transformed("fft2", x, (-2, -1), inverse=False)


@composite
def ifft2(x: Sequence[TensorLike]) -> tuple[Tensor, Tensor]:
    """Return the inverse discrete Fourier transform of the last two axes: its real and its imaginary part.

    Args:
        x: the real and the imaginary part, floats of shape `(..., n, m)`. Half precision is computed in float32.

    >>> ops.ifft2(([[1.0, 1.0]], [[0.0, 0.0]]))
    (array([[1., 0.]], dtype=float32), array([[0., 0.]], dtype=float32))

    Raises:
        ValueError: `x` is no pair of floats of one shape.
    """
    return _transformed("ifft2", x, (-2, -1), inverse=True)


def _fit_last(x: Tensor, n: int) -> Tensor:
    """Cut the last axis to a size, or pad it with zeros."""
    if is_unknown(x.shape[-1]):
        return TensorSpec((*x.shape[:-1], n), x.dtype)
    missing = n - x.shape[-1]
    return pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, missing)]) if missing > 0 else x[..., :n]


def _check_length(name: str, fft_length: int | None) -> None:
    if fft_length is not None and (not isinstance(fft_length, int) or fft_length < 1):
        raise ValueError(f"{name}: fft_length must be a positive integer; got {fft_length!r}.")


@composite
def rfft(x: TensorLike, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the Fourier transform of the real last axis, for the frequencies that are not negative.

    Args:
        x: a tensor of shape `(..., n)`. Half precision is computed in float32.
        fft_length: the length to which the axis is cut or padded with zeros; its own by default.

    Returns:
        The real and the imaginary part, of shape `(..., fft_length // 2 + 1)`.

    >>> ops.rfft([1.0, 0.0, 0.0, 0.0])
    (array([1., 1., 1.], dtype=float32), array([0., 0., 0.], dtype=float32))

    Raises:
        ValueError: `x` is a scalar, or `fft_length` is not positive.
    """
    x = at_least_float32(to_float_array(x))
    _check_length("rfft", fft_length)
    if not x.shape:
        raise ShapeError("rfft: x must have at least one axis; got a scalar.")
    y: Any = _of_real(x if fft_length is None else _fit_last(x, fft_length))
    return y


@composite
def irfft(x: Sequence[TensorLike], fft_length: int | None = None) -> Tensor:
    """Return the real tensor of shape `(..., fft_length)` whose `rfft` is `x`.

    Args:
        x: the real and the imaginary part, floats of shape `(..., m)`. Half precision is computed in float32.
        fft_length: the length of the result; `2 * (m - 1)` by default.

    >>> ops.irfft(([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]))
    array([1., 0., 0., 0.], dtype=float32)

    Raises:
        ValueError: `x` is no pair of floats of one shape, or `fft_length` is not positive.
    """
    _check_length("irfft", fft_length)
    real, imag = _pair("irfft", x, 1)
    n = 2 * (real.shape[-1] - 1) if fft_length is None else fft_length
    return _to_real(_fit_last(real, n // 2 + 1), _fit_last(imag, n // 2 + 1), n=n)
