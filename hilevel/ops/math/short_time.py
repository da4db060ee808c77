"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine.dtypes import is_float
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.spec import agree
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.math.fourier import irfft, rfft
from hilevel.ops.nn.unfolding import extract_sequences
from hilevel.ops.numpy.creation import ones
from hilevel.ops.numpy.elementwise import square, where
from hilevel.ops.numpy.indexing import scatter_add
from hilevel.ops.numpy.reduction import at_least_float32
from hilevel.ops.numpy.shaping import broadcast_to, pad

_WINDOWS = {"hann": np.hanning, "hamming": np.hamming}


def _window(
    name: str, window: str | TensorLike | None, sequence_length: int, stride: int, fft_length: int
) -> Tensor:
    """Return the window in the middle of `fft_length` values; ones for None.

    Raises:
        ValueError: a length, the stride or the window is not valid.
    """
    for label, n in (("sequence_length", sequence_length), ("sequence_stride", stride)):
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"{name}: {label} must be a positive integer; got {n!r}.")
    if fft_length < sequence_length:
        raise ValueError(
            f"{name}: fft_length must be at least sequence_length; got {fft_length} and {sequence_length}."
        )
    if window is None:
        return ones(fft_length)
    if isinstance(window, str):
        if window not in _WINDOWS:
            raise ValueError(f"{name}: window must be 'hann', 'hamming', a tensor or None; got {window!r}.")
        values: Any = _WINDOWS[window](sequence_length + 1)[:-1]
    else:
        values = to_float_array(window)
    if not agree(values.shape, (sequence_length,)):
        raise ShapeError(f"{name}: the window must have the shape ({sequence_length},); got {values.shape}.")
    before = (fft_length - sequence_length) // 2
    return pad(values, ((before, fft_length - sequence_length - before),))


@composite
def stft(
    x: TensorLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | TensorLike | None = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return the short-time Fourier transform: the `rfft` of overlapping pieces of the last axis.

    Args:
        x: floats of shape `(..., time)`. Half precision is computed in float32.
        sequence_length: the length of the window.
        sequence_stride: the step from the start of one piece to the start of the next.
        fft_length: the length of a piece, at least `sequence_length`. The window is in its middle.
        window: `"hann"`, `"hamming"`, a tensor of shape `(sequence_length,)`, or None for ones of length `fft_length`.
        center: whether the signal is reflected at both ends, so that the first piece has its middle at time 0.

    Returns:
        The real and the imaginary part, of shape `(..., pieces, fft_length // 2 + 1)`.

    >>> ops.stft(np.ones(8, "float32"), 4, 2, 4)[0].shape
    (5, 3)

    Raises:
        TypeError: `x` is no float.
        ValueError: a length, the stride or the window is not valid.
    """
    x = to_array(x)
    if not is_float(x.dtype):
        raise TypeError(f"stft: x must be a float tensor; got {x.dtype}.")
    x = at_least_float32(x)
    values = _window("stft", window, sequence_length, sequence_stride, fft_length)
    if center:
        border = (fft_length // 2, fft_length // 2)
        x = pad(x, [(0, 0)] * (len(x.shape) - 1) + [border], mode="reflect")
    return rfft(extract_sequences(x, fft_length, sequence_stride) * to_array(values, x.dtype))


@composite
def istft(
    x: Sequence[TensorLike],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | TensorLike | None = "hann",
    center: bool = True,
) -> Tensor:
    """Return the signal whose short-time Fourier transform is `x`, by least squares.

    The pieces are multiplied by the window, added, and divided by the sum of the squared windows. D. Griffin, J. Lim,
    Signal estimation from modified short-time Fourier transform, 1984.

    Args:
        x: the real and the imaginary part, floats of shape `(..., pieces, fft_length // 2 + 1)`.
        sequence_length: the length of the window.
        sequence_stride: the step from the start of one piece to the start of the next.
        fft_length: the length of a piece, at least `sequence_length`.
        length: the length of the result, which is cut, or padded with zeros; by default the pieces determine it.
        window: `"hann"`, `"hamming"` or a tensor of shape `(sequence_length,)`. With None, pieces are only added: it
            suits an `x` whose windows add up to one.
        center: whether the first piece has its middle at time 0. Then `fft_length // 2` elements are cut off each end.

    >>> ops.istft(ops.stft(np.array([1.0, 2.0, 3.0, 4.0]), 4, 2, 4), 4, 2, 4).round(6)
    array([1., 2., 3., 4.])

    Raises:
        ValueError: a length, the stride or the window is not valid, or `x` is no pair of floats of one shape.
    """
    values = _window("istft", window, sequence_length, sequence_stride, fft_length)
    pieces = irfft(x, fft_length)
    if len(pieces.shape) < 2:
        raise ShapeError(f"istft: both parts must have at least two axes; got {len(pieces.shape)}.")
    signal = _overlapped(pieces * to_array(values, pieces.dtype), sequence_stride)
    if window is not None:
        squares = broadcast_to(square(to_array(values, pieces.dtype)), pieces.shape[-2:])
        weights = _overlapped(squares, sequence_stride)
        signal = signal / where(weights > 1e-11, weights, 1.0)
    start = fft_length // 2 if center else 0
    stop = signal.shape[-1] - start if length is None else start + length
    missing = max(stop - signal.shape[-1], 0)
    return pad(signal, [(0, 0)] * (len(signal.shape) - 1) + [(0, missing)])[..., start:stop]


def _overlapped(pieces: Tensor, stride: int) -> Tensor:
    """Return the sum of the pieces, `(..., pieces, n)`, each shifted by a stride from the one before."""
    count, n = pieces.shape[-2:]
    positions = np.arange(count)[:, None] * stride + np.arange(n)
    shape = (*pieces.shape[:-2], (count - 1) * stride + n)
    return scatter_add(pieces, (..., positions), shape=shape)
