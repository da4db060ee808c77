"""Spectrograms on the mel scale."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.layers.base.checks import bad_setting, flags, number, positive
from hilevel.layers.base.settings import Options
from hilevel.layers.preprocessing.data_layer import DataLayer
from hilevel.layers.preprocessing.stft_spectrogram import window_of


class MelSpectrogram(DataLayer):
    """A layer that converts audio signals to spectrograms on the mel scale.

    S. Davis, P. Mermelstein, Comparison of parametric representations for monosyllabic word recognition in continuously
    spoken sentences, 1980.

    Args:
        fft_length: the length of the Fourier transform.
        sequence_stride: the number of samples from one frame to the next.
        sequence_length: the length of the window; `fft_length` by default.
        window: `"hann"`, `"hamming"`, the values of the window, of shape `(sequence_length,)`, or None.
        sampling_rate: the number of samples per second.
        num_mel_bins: the number of bands.
        min_freq: the lowest frequency in Hz.
        max_freq: the highest frequency in Hz; half the sampling rate by default.
        power_to_db: whether to convert the power to decibels.
        top_db: the largest difference to the maximum of all signals, in decibels; None for no limit.
        mag_exp: the exponent of the magnitude, 2 for the power.
        min_power: the smallest power that is converted.
        ref_power: the power of 0 decibels.

    Input shape:
        `(batch, time)` or `(time,)`.

    Output shape:
        `(batch, num_mel_bins, frames)` or `(num_mel_bins, frames)`.

    >>> import hilevel
    >>> hilevel.layers.MelSpectrogram(64, 16, num_mel_bins=8)(np.ones((1, 160), "float32")).shape
    (1, 8, 11)

    Raises:
        ValueError: an argument is not valid.
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str | TensorLike | None = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float | None = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        name = "MelSpectrogram"
        self.fft_length = positive(name, "fft_length", fft_length)
        self.sequence_stride = positive(name, "sequence_stride", sequence_stride)
        self.sequence_length = positive(
            name, "sequence_length", fft_length if sequence_length is None else sequence_length
        )
        if self.fft_length < self.sequence_length:
            raise bad_setting(
                name, "fft_length", f"at least sequence_length={self.sequence_length}", fft_length
            )
        if isinstance(window, str) and window not in ("hann", "hamming"):
            raise bad_setting(name, "window", "'hann', 'hamming', an array or None", window)
        self.window = window_of(name, window)
        self.sampling_rate = positive(name, "sampling_rate", sampling_rate)
        self.num_mel_bins = positive(name, "num_mel_bins", num_mel_bins)
        self.min_freq = number(name, "min_freq", min_freq, 0)
        self.max_freq = number(
            name, "max_freq", sampling_rate / 2 if max_freq is None else max_freq, min_freq
        )
        flags(name, power_to_db=power_to_db)
        self.power_to_db = power_to_db
        self.top_db = None if top_db is None else number(name, "top_db", top_db, 0)
        self.mag_exp = number(name, "mag_exp", mag_exp)
        self.min_power, self.ref_power = (
            number(name, "min_power", min_power),
            number(name, "ref_power", ref_power),
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the spectrograms."""
        x = ops.cast(inputs, self.compute_dtype)
        real, imag = ops.stft(
            x, self.sequence_length, self.sequence_stride, self.fft_length, window=self.window, center=True
        )
        magnitude = ops.sqrt(ops.square(real) + ops.square(imag))
        weights = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq
        )
        power = ops.matmul(magnitude**self.mag_exp, ops.cast(weights, magnitude.dtype))
        y = ops.swapaxes(self._decibels(power) if self.power_to_db else power, -1, -2)
        return ops.cast(y, self.compute_dtype)

    def _decibels(self, power: Tensor) -> Tensor:
        reference = float(np.log10(max(self.min_power, self.ref_power)))
        y = 10.0 * (ops.log10(ops.maximum(power, self.min_power)) - reference)
        return y if self.top_db is None else ops.maximum(y, ops.max(y) - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: int = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: DTypeLike = "float32",
    ) -> Any:
        """Return the weights of frequencies in each band: triangles that overlap by half on the mel scale.

        Args:
            num_mel_bins: the number of bands.
            num_spectrogram_bins: the number of frequencies from 0 to half the sampling rate.
            sampling_rate: the number of samples per second.
            lower_edge_hertz, upper_edge_hertz: the begin of the first and the end of the last band.
            dtype: the dtype of the result.

        Returns:
            An array of NumPy of shape `(num_spectrogram_bins, num_mel_bins)`.
        """
        frequencies = _mel(np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins))[1:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        weights = np.maximum(0.0, np.minimum(rising, falling))
        return np.pad(weights, ((1, 0), (0, 0))).astype(dtype)  # frequency 0 has no weight


def _mel(hertz: Any) -> Any:
    """Convert frequencies to the mel scale."""
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
