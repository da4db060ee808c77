"""Spectrograms by convolutions, whose kernels can be trained."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel import initializers, ops
from hilevel.engine.dtypes import is_float
from hilevel.engine.types import Shape, Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.initializers.fourier import plain_window
from hilevel.layers.base.checks import bad_setting, data_format_of, flags, one_of, positive
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_EPSILON = 1e-7
"""The smallest power of which the logarithm is computed."""


def window_of(layer: str, window: str | TensorLike | None) -> str | list[float] | None:
    """Return a window as layers store it.

    Raises:
        ArgumentError: there is no window of that name, or the values are no vector.
    """
    try:
        return plain_window(window)
    except ValueError:
        raise bad_setting(
            layer, "window", "the name of a window function, a vector or None", window
        ) from None


class STFTSpectrogram(Layer):
    """A layer that computes the short-time Fourier transform of signals, by two convolutions.

    Their kernels are weights, initialized by `initializers.STFT`. Each channel is transformed alone. `frames` is the
    number of outputs of a convolution, `f` is `fft_length // 2 + 1`, twice that for the mode `"stft"`.

    Args:
        mode: the result: `"real"` or `"imag"` for a part, `"stft"` for both, `"magnitude"`, `"log"` for its logarithm,
            `"angle"`, or `"psd"` for the power spectral density.
        frame_length: the number of samples of a frame.
        frame_step: the step from one frame to the next; half the length by default.
        fft_length: the length of the transform; by default the smallest power of two that is at least the length.
        window: the name of a window function of SciPy, the values of the window, or None.
        periodic: whether the window is a period of a periodic function, instead of symmetric.
        scaling: the scaling of the window, `"density"`, `"spectrum"` or None.
        padding: `"valid"` or `"same"`.
        expand_dims: whether the channels are an axis of their own.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    Input shape:
        Floats of shape `(batch, time, channels)`, or `(batch, channels, time)`.

    Output shape:
        `(batch, frames, channels * f)`, or `(batch, frames, f, channels)` with `expand_dims`. With channels first
        `(batch, channels * f, frames)`, or `(batch, channels, frames, f)`.

    >>> import hilevel
    >>> hilevel.layers.STFTSpectrogram(frame_length=8)(np.ones((1, 32, 1), "float32")).shape
    (1, 7, 5)

    Raises:
        ValueError: an argument is not valid.
        TypeError: in a call, the inputs are no floats.
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: str | TensorLike | None = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        name = "STFTSpectrogram"
        self.mode = one_of(name, "mode", mode, _MODES)
        self.frame_length = positive(name, "frame_length", frame_length)
        self.frame_step, self.fft_length = frame_step, fft_length
        self._step = positive(
            name, "frame_step", frame_length // 2 or 1 if frame_step is None else frame_step
        )
        self._size = positive(
            name, "fft_length", 2 ** (frame_length - 1).bit_length() if fft_length is None else fft_length
        )
        if self._step > frame_length:
            raise bad_setting(name, "frame_step", f"at most frame_length={frame_length}", frame_step)
        if self._size < frame_length:
            raise bad_setting(name, "fft_length", f"at least frame_length={frame_length}", fft_length)
        flags(name, periodic=periodic, expand_dims=expand_dims)
        self.periodic, self.expand_dims = periodic, expand_dims
        self.padding = one_of(name, "padding", padding, ("valid", "same"))
        self.data_format = data_format_of(name, data_format)
        self.scaling = one_of(name, "scaling", scaling, ("density", "spectrum", None))
        self.window = window_of(name, window)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Shape) -> None:
        """Make the kernels of the parts that the mode needs."""
        shape = (self.frame_length, 1, self._size // 2 + 1)
        self.real_kernel: Variable | None = None
        self.imag_kernel: Variable | None = None
        for side in ("real", "imag"):
            if self.mode in (side, *set(_MODES) - {"real", "imag"}):
                made = initializers.STFT(side, self.window, self.scaling, self.periodic)
                kernel = self.add_weight(shape=shape, initializer=made, name=f"{side}_kernel")
                setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the spectrograms."""
        if not is_float(inputs.dtype):
            raise TypeError(f"STFTSpectrogram: the inputs must be floats; got {inputs.dtype}.")
        x = ops.transpose(inputs, (0, 2, 1)) if self.data_format == "channels_last" else inputs
        batch, channels, time = x.shape
        x = ops.reshape(x, (batch * channels, time, 1))
        y = self._spectrum(*(self._part(x, kernel) for kernel in (self.real_kernel, self.imag_kernel)))
        return self._arranged(ops.reshape(y, (batch, channels, *y.shape[1:])))

    def _part(self, x: Tensor, kernel: Variable | None) -> Tensor | None:
        if kernel is None:
            return None
        return ops.conv(x, kernel, self._step, self.padding, "channels_last")

    def _spectrum(self, real: Tensor | None, imag: Tensor | None) -> Tensor:
        """Return the result of the mode for both parts, of shape `(rows, frames, f)`."""
        if real is None or imag is None:
            part: Any = imag if real is None else real
            return part
        if self.mode == "stft":
            return ops.concatenate([real, imag], axis=-1)
        if self.mode == "angle":
            return ops.arctan2(imag, real)
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":
            return power * ops.cast(self._sides(), power.dtype)
        if self.mode == "log":
            return ops.log(ops.maximum(power, _EPSILON)) / 2
        return ops.sqrt(ops.maximum(power, _EPSILON))

    def _sides(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the number of frequencies, with either sign, that each one represents."""
        factors = np.full(self._size // 2 + 1, 2.0)
        factors[[0, -1]] = 1.0
        return factors

    def _arranged(self, y: Tensor) -> Tensor:
        """Return spectrograms of shape `(batch, channels, frames, f)` in the order of the output."""
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(y, (0, 2, 3, 1)) if last else y
        batch, channels, frames, f = y.shape
        if last:
            return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (batch, frames, channels * f))
        return ops.reshape(ops.transpose(y, (0, 1, 3, 2)), (batch, channels * f, frames))
