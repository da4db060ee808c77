"""Pooling to a fixed output size."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Unpack

from hilevel import ops
from hilevel.engine.types import Sizes, Tensor
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.ops.nn.windows import channels_come_first, per_axis


class BaseAdaptivePooling(Layer):
    """The base of layers that pool to a fixed size."""

    rank: ClassVar[int]
    pool: ClassVar[Callable[..., Tensor]]

    def __init__(self, output_size: Sizes, data_format: str | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        cls = type(self).__name__
        self.output_size = per_axis(cls, "output_size", output_size, self.rank)
        self.data_format = "channels_first" if channels_come_first(cls, data_format) else "channels_last"
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the pooled inputs: shape `(batch, ..., channels)` to `(batch, *output_size, channels)`."""
        return type(self).pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """The means of a fixed number of windows of steps.

    Window `i` of `n` reaches from `floor(i * length / n)` to `ceil((i + 1) * length / n)`.

    Args:
        output_size: the number of windows.
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.AdaptiveAveragePooling1D(2)(np.array([[[1.0], [3.0], [5.0]]]))[0, :, 0]
    array([2., 4.], dtype=float32)

    Raises:
        ValueError: `output_size` is not a positive integer.
    """

    rank, pool = 1, ops.adaptive_average_pool


class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """The means of a fixed number of windows of an image.

    Args:
        output_size: the numbers of windows along the two spatial axes, or one number for all.
        data_format: as in `AdaptiveAveragePooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AdaptiveAveragePooling2D((2, 3))(np.ones((1, 5, 7, 3))).shape
    (1, 2, 3, 3)
    """

    rank, pool = 2, ops.adaptive_average_pool


class AdaptiveAveragePooling3D(BaseAdaptivePooling):
    """The means of a fixed number of windows of a volume.

    Args:
        output_size: the numbers of windows along the three spatial axes, or one number for all.
        data_format: as in `AdaptiveAveragePooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AdaptiveAveragePooling3D(2)(np.ones((1, 5, 4, 3, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank, pool = 3, ops.adaptive_average_pool


class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """The maxima of a fixed number of windows of steps, the windows of `AdaptiveAveragePooling1D`.

    Args:
        output_size, data_format: as in `AdaptiveAveragePooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AdaptiveMaxPooling1D(2)(np.array([[[1.0], [3.0], [5.0]]]))[0, :, 0]
    array([3., 5.], dtype=float32)
    """

    rank, pool = 1, ops.adaptive_max_pool


class AdaptiveMaxPooling2D(BaseAdaptivePooling):
    """The maxima of a fixed number of windows of an image.

    Args:
        output_size: the numbers of windows along the two spatial axes, or one number for all.
        data_format: as in `AdaptiveAveragePooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AdaptiveMaxPooling2D(2)(np.ones((1, 5, 7, 3))).shape
    (1, 2, 2, 3)
    """

    rank, pool = 2, ops.adaptive_max_pool


class AdaptiveMaxPooling3D(BaseAdaptivePooling):
    """The maxima of a fixed number of windows of a volume.

    Args:
        output_size: the numbers of windows along the three spatial axes, or one number for all.
        data_format: as in `AdaptiveAveragePooling1D`.

    >>> import hilevel
    >>> hilevel.layers.AdaptiveMaxPooling3D(2)(np.ones((1, 5, 4, 3, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank, pool = 3, ops.adaptive_max_pool
