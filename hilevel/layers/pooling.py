"""Poolings: the largest number, or the mean, of each window, over one, two and three axes."""

from __future__ import annotations

from typing import Any, ClassVar

from hilevel import ops
from hilevel._types import Tensor
from hilevel.layers.checks import data_format_of, one_of
from hilevel.layers.input_spec import InputSpec
from hilevel.layers.layer import Layer
from hilevel.ops.windows import per_axis


class BasePooling(Layer):
    """Base of poolings."""

    rank: ClassVar[int]

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        cls = type(self).__name__
        super().__init__(name=name, **kwargs)
        self.pool_size = per_axis(cls, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else per_axis(cls, "strides", strides, self.rank)
        self.padding = one_of(cls, "padding", padding, ("valid", "same"))
        self.data_format = data_format_of(cls, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)


class BaseMaxPooling(BasePooling):
    """Base of `MaxPooling1D`, `MaxPooling2D` and `MaxPooling3D`."""

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """The largest number of each window."""
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class BaseAveragePooling(BasePooling):
    """Base of `AveragePooling1D`, `AveragePooling2D` and `AveragePooling3D`."""

    def call(self, inputs: Tensor) -> Tensor:
        """The mean of each window."""
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling1D(BaseMaxPooling):
    """The largest number of each window of steps, channel by channel.

    Args:
        pool_size: how many steps a window has.
        strides: how far it is from one window to the next; by default `pool_size`.
        padding: `"valid"` for none, `"same"` for as many windows as there are steps (divided by the strides).
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.MaxPooling1D()(np.array([[[1.0], [3.0], [2.0], [0.0]]]))[0, :, 0]
    array([3., 2.], dtype=float32)

    Raises:
        ValueError: a setting is none of what is expected.
        ShapeError: at a call, a window is larger than the input.
    """

    rank = 1


class MaxPooling2D(BaseMaxPooling):
    """The largest number of each window of an image, channel by channel.

    Args:
        pool_size: the height and width of the windows; one number for both.
        strides: how far it is from one window to the next; by default `pool_size`.
        padding: `"valid"` for none, `"same"` for as many windows as there are elements (divided by the strides).
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.MaxPooling2D()(np.ones((1, 8, 7, 3))).shape
    (1, 4, 3, 3)

    Raises:
        ValueError: a setting is none of what is expected.
        ShapeError: at a call, a window is larger than the input.
    """

    rank = 2


class MaxPooling3D(BaseMaxPooling):
    """The largest number of each window of a volume, channel by channel. The arguments are those of `MaxPooling2D`,
    with three axes in place of two.

    >>> import hilevel
    >>> hilevel.layers.MaxPooling3D()(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


class AveragePooling1D(BaseAveragePooling):
    """The mean of each window of steps, channel by channel; padding does not count. The arguments are those of
    `MaxPooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]]))[0, :, 0]
    array([2., 1.], dtype=float32)
    """

    rank = 1


class AveragePooling2D(BaseAveragePooling):
    """The mean of each window of an image, channel by channel; padding does not count. The arguments are those of
    `MaxPooling2D`.

    >>> import hilevel
    >>> hilevel.layers.AveragePooling2D(2)(np.ones((1, 8, 7, 3))).shape
    (1, 4, 3, 3)
    """

    rank = 2


class AveragePooling3D(BaseAveragePooling):
    """The mean of each window of a volume, channel by channel; padding does not count. The arguments are those of
    `MaxPooling2D`, with three axes in place of two.

    >>> import hilevel
    >>> hilevel.layers.AveragePooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
