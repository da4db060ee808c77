"""Window functions of signal processing, and the Bessel function that one of them needs."""

from __future__ import annotations

import numpy as np

from hilevel.engine.op import op, to_array
from hilevel.engine.settings import settings
from hilevel.engine.spec import like
from hilevel.engine.types import Function, Namespace, Tensor, TensorLike
from hilevel.ops.core.conversion import convert_to_numpy


def _window(window: Function, x: TensorLike, *options: TensorLike) -> Tensor:
    """Return a window of NumPy of length `x`, in floatx."""
    length, *rest = (v if isinstance(v, int | float) else convert_to_numpy(v).item() for v in (x, *options))
    return to_array(window(int(length), *rest), settings.floatx)


def hanning(x: TensorLike) -> Tensor:
    """Return the Hann window, `0.5 - 0.5 cos(2 pi n / (x - 1))`, of shape `(x,)` in floatx.

    Args:
        x: the length, an integer scalar.

    >>> ops.hanning(5)
    array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window(np.hanning, x)


def hamming(x: TensorLike) -> Tensor:
    """Return the Hamming window, `0.54 - 0.46 cos(2 pi n / (x - 1))`, of shape `(x,)` in floatx.

    Args:
        x: the length, an integer scalar.

    >>> ops.hamming(3)
    array([0.08, 1.  , 0.08], dtype=float32)
    """
    return _window(np.hamming, x)


def bartlett(x: TensorLike) -> Tensor:
    """Return the Bartlett window, a triangle that is zero at both ends, of shape `(x,)` in floatx.

    Args:
        x: the length, an integer scalar.

    >>> ops.bartlett(5)
    array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window(np.bartlett, x)


def blackman(x: TensorLike) -> Tensor:
    """Return the Blackman window, of shape `(x,)` in floatx.

    It is `0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1))`.

    Args:
        x: the length, an integer scalar.

    >>> ops.blackman(4)[1:]
    array([ 6.3000000e-01,  6.3000000e-01, -1.3877788e-17], dtype=float32)
    """
    return _window(np.blackman, x)


def kaiser(x: TensorLike, beta: TensorLike) -> Tensor:
    """Return the Kaiser window, `i0(beta sqrt(1 - (2 n / (x - 1) - 1)^2)) / i0(beta)`, of shape `(x,)` in floatx.

    Args:
        x: the length, an integer scalar.
        beta: the shape of the window, a scalar: 0 gives a rectangle, larger values a narrower peak.

    >>> ops.kaiser(3, 0.0)
    array([1., 1., 1.], dtype=float32)
    """
    return _window(np.kaiser, x, beta)


@op(dtype="float", shape=like)
def i0(xp: Namespace, x: TensorLike) -> Tensor:
    """Return the modified Bessel function of the first kind, of order 0.

    Args:
        x: a tensor of any shape.

    >>> ops.i0(np.array([0.0, 1.0]))
    array([1.        , 1.26606588])
    """
    return xp.i0(x).astype(x.dtype)


@op(shape=lambda x, power: like(x))
def bessel_moment(xp: Namespace, x: Tensor, /, power: int) -> Tensor:
    """Return the mean of `exp(x cos t) cos(t)^power` over the angles `t`: the derivatives of `i0`.

    The mean over equally spaced angles is exact to the precision of float64 up to `x = 900` (L. Trefethen, J. Weideman,
    The exponentially convergent trapezoidal rule, 2014).
    """
    cosines = [float(c) for c in np.cos((np.arange(128) + 0.5) * np.pi / 128)]
    y = xp.zeros_like(x)
    for cosine in cosines:
        y = y + xp.exp(x * cosine) * (cosine**power / len(cosines))
    return y


bessel_moment.gradient(lambda xp, g, y, x, power: g * bessel_moment(x, power=power + 1))
i0.gradient(lambda xp, g, y, x: g * bessel_moment(x, power=1))
