"""The maximum of each window."""

from __future__ import annotations

from typing import Any

from hilevel import ops
from hilevel.engine.types import Sizes, Tensor
from hilevel.layers.pooling.base import BasePooling


class BaseMaxPooling(BasePooling):
    """The base of `MaxPooling1D`, `MaxPooling2D` and `MaxPooling3D`."""

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the maximum of each window, `(batch, ..., channels)`."""
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling1D(BaseMaxPooling):
    """The maximum of each window of steps, channel by channel.

    Args:
        pool_size: the number of steps in a window.
        strides: the step from one window to the next; by default `pool_size`.
        padding: `"valid"` for none; `"same"` for `steps / strides` windows, rounded up.
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.MaxPooling1D()(np.array([[[1.0], [3.0], [2.0], [0.0]]]))[0, :, 0]
    array([3., 2.], dtype=float32)

    Raises:
        ValueError: a setting is invalid.
        ShapeError: at a call, a window is larger than the input.
    """

    rank = 1


class MaxPooling2D(BaseMaxPooling):
    """The maximum of each window of an image, channel by channel.

    Args:
        pool_size: the height and width of the windows, or one size for both.
        strides: the step from one window to the next; by default `pool_size`.
        padding: `"valid"` for none; `"same"` for `size / strides` windows along each axis, rounded up.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.MaxPooling2D()(np.ones((1, 8, 7, 3))).shape
    (1, 4, 3, 3)

    Raises:
        ValueError: a setting is invalid.
        ShapeError: at a call, a window is larger than the input.
    """

    rank = 2


class MaxPooling3D(BaseMaxPooling):
    """The maximum of each window of a volume, channel by channel.

    Args:
        pool_size, strides, padding, data_format: as in `MaxPooling2D`, for three axes.

    >>> import hilevel
    >>> hilevel.layers.MaxPooling3D()(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
