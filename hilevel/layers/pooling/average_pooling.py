"""The mean of each window."""

from __future__ import annotations

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.pooling.base import BasePooling


class BaseAveragePooling(BasePooling):
    """The base of `AveragePooling1D`, `AveragePooling2D` and `AveragePooling3D`."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return the mean of each window, `(batch, ..., channels)`."""
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class AveragePooling1D(BaseAveragePooling):
    """The mean of each window of steps, channel by channel, without padding.

    Args:
        pool_size, strides, padding, data_format: as in `MaxPooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]]))[0, :, 0]
    array([2., 1.], dtype=float32)
    """

    rank = 1


class AveragePooling2D(BaseAveragePooling):
    """The mean of each window of an image, channel by channel, without padding.

    Args:
        pool_size, strides, padding, data_format: as in `MaxPooling2D`.

    >>> import hilevel
    >>> hilevel.layers.AveragePooling2D(2)(np.ones((1, 8, 7, 3))).shape
    (1, 4, 3, 3)
    """

    rank = 2


class AveragePooling3D(BaseAveragePooling):
    """The mean of each window of a volume, channel by channel, without padding.

    Args:
        pool_size, strides, padding, data_format: as in `MaxPooling2D`, for three axes.

    >>> import hilevel
    >>> hilevel.layers.AveragePooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
