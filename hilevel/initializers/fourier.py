"""Kernels of the short-time Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.api.optional import import_optional
from hilevel.engine.types import DTypeLike, TensorLike
from hilevel.errors import ShapeError
from hilevel.initializers.base import Initializer, resolved

_NUMPYS = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "bartlett": np.bartlett}


def window_values(window: str | TensorLike, length: int, periodic: bool) -> np.ndarray[Any, Any]:
    """Return the values of a window function, in float64.

    Args:
        window: a name of `scipy.signal.get_window`, or the values, of shape `(length,)`. SciPy is needed for windows
            other than hann, hamming, blackman and bartlett.
        length: the number of values.
        periodic: whether the window is a period of a periodic function, instead of symmetric.

    >>> from hilevel.initializers.fourier import window_values
    >>> window_values("hann", 4, periodic=True)
    array([0. , 0.5, 1. , 0.5])

    Raises:
        ValueError: there is no such window, or the values have another shape.
    """
    if isinstance(window, str):
        if window in _NUMPYS:
            return _NUMPYS[window](length + 1)[:-1] if periodic else _NUMPYS[window](length)
        signal = import_optional("scipy.signal", "scipy", f"The window {window!r}")
        return np.asarray(signal.get_window(window, length, periodic), np.float64)
    values = ops.convert_to_numpy(window).astype(np.float64)
    if values.shape != (length,):
        raise ShapeError(f"The window must have the shape ({length},); got {values.shape}.")
    return values


def plain_window(window: str | TensorLike | None) -> str | list[float] | None:
    """Return a window for a config: a name, None, or its values as a list.

    Raises:
        ValueError: there is no window of that name, or the values are no vector.
    """
    if window is None:
        return None
    if isinstance(window, str):
        window_values(window, 1, False)
        return window
    values = np.asarray(window)
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise ValueError(f"A window must be a name, a vector or None; got {window!r:.80}.")
    return values.tolist()


class STFT(Initializer):
    """An initializer of kernels with which a convolution computes a part of the short-time Fourier transform.

    The weight has the shape `(n, 1, f)`. It is `cos(2 pi t k / (2 f - 2))` at time `t` and frequency `k`, or the
    negative sine, times the window.

    Args:
        side: `"real"` or `"imag"`, the part of the transform.
        window: the name of a window function of SciPy, the values of the window, or None.
        scaling: `"density"` to divide the window by the root of the sum of its squares, `"spectrum"` to divide it by
            its sum, or None.
        periodic: whether the window is a period of a periodic function, instead of symmetric.

    >>> hilevel.initializers.STFT("real", None)((2, 1, 3))[:, 0].round(6)
    array([[ 1.,  1.,  1.],
           [ 1.,  0., -1.]], dtype=float32)

    Raises:
        ValueError: an argument is not valid.
    """

    def __init__(
        self,
        side: str = "real",
        window: str | TensorLike | None = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: side must be 'real' or 'imag'; got {side!r}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"STFT: scaling must be 'density', 'spectrum' or None; got {scaling!r}.")
        self.side, self.scaling, self.periodic = side, scaling, periodic
        self.window = plain_window(window)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        """Return the kernel.

        Args:
            shape: `(n, 1, f)`.
            dtype: its dtype; floatx by default.

        Raises:
            ShapeError: the shape has not three axes, or the window has another length.
        """
        if len(shape) != 3:
            raise ShapeError(f"STFT makes kernels of shape (n, 1, f); got the shape {tuple(shape)}.")
        times, _, frequencies = (np.arange(n) for n in shape)
        angles = np.outer(times, frequencies / (2 * max(shape[2] - 1, 1))) * (2 * np.pi)
        waves = np.cos(angles) if self.side == "real" else -np.sin(angles)
        values = (waves * self._window(shape[0])[:, None])[:, None, :]
        return np.broadcast_to(values, tuple(shape)).astype(resolved(dtype))

    def _window(self, length: int) -> np.ndarray[Any, Any]:
        """Return the window, scaled; ones without one."""
        if self.window is None:
            return np.ones(length)
        values = window_values(self.window, length, self.periodic)
        if self.scaling is None:
            return values
        return values / (np.sqrt(np.sum(values**2)) if self.scaling == "density" else np.sum(values))


stft = STFTInitializer = STFT
