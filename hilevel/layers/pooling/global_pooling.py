"""The maximum or mean over all positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import flags
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.ops.nn.windows import channels_come_first


class BaseGlobalPooling(Layer):
    """The base of layers that pool over all spatial axes."""

    rank: ClassVar[int]
    reduce: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[Options]
    ) -> None:
        super().__init__(**kwargs)
        first = channels_come_first(type(self).__name__, data_format)
        self.data_format = "channels_first" if first else "channels_last"
        flags(type(self).__name__, keepdims=keepdims)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)
        start = 2 if first else 1
        self._axes = tuple(range(start, start + self.rank))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the pooled inputs: shape `(batch, ..., channels)` to `(batch, channels)`."""
        return type(self).reduce(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(BaseGlobalPooling):
    """The maximum of each channel over all steps.

    Args:
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.
        keepdims: whether to keep the reduced axes with length 1.

    >>> import hilevel
    >>> hilevel.layers.GlobalMaxPooling1D()(np.array([[[1.0], [3.0], [2.0]]]))
    array([[3.]], dtype=float32)
    """

    rank, reduce = 1, ops.max


class GlobalMaxPooling2D(BaseGlobalPooling):
    """The maximum of each channel of an image.

    Args:
        data_format, keepdims: as in `GlobalMaxPooling1D`.

    >>> import hilevel
    >>> hilevel.layers.GlobalMaxPooling2D()(np.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    rank, reduce = 2, ops.max


class GlobalMaxPooling3D(BaseGlobalPooling):
    """The maximum of each channel of a volume.

    Args:
        data_format, keepdims: as in `GlobalMaxPooling1D`.

    >>> import hilevel
    >>> hilevel.layers.GlobalMaxPooling3D()(np.ones((2, 4, 4, 4, 3))).shape
    (2, 3)
    """

    rank, reduce = 3, ops.max


class GlobalAveragePooling1D(BaseGlobalPooling):
    """The mean of each channel over all steps, or over the unmasked steps.

    Args:
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.
        keepdims: whether to keep the reduced axes with length 1.

    >>> import hilevel
    >>> x = np.array([[[1.0], [3.0], [8.0]]])
    >>> hilevel.layers.GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]]))
    array([[2.]], dtype=float32)
    """

    rank, reduce = 1, ops.mean

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[Options]
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the means: shape `(batch, steps, channels)` to `(batch, channels)`.

        `mask` has the shape `(batch, steps)`. A mask of shape `(batch,)` is ignored.
        """
        if mask is None or len(mask.shape) == 1:
            return super().call(inputs)
        counts = ops.expand_dims(ops.cast(mask, "bool"), 3 - self._axes[0])
        total = ops.sum(ops.where(counts, inputs, 0.0), axis=self._axes, keepdims=self.keepdims)
        return total / ops.sum(ops.cast(counts, inputs.dtype), axis=self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        """Return None, because the output has no steps."""


class GlobalAveragePooling2D(BaseGlobalPooling):
    """The mean of each channel of an image. Lin et al., 2013.

    Args:
        data_format, keepdims: as in `GlobalMaxPooling1D`.

    >>> import hilevel
    >>> hilevel.layers.GlobalAveragePooling2D(keepdims=True)(np.ones((2, 4, 4, 3))).shape
    (2, 1, 1, 3)
    """

    rank, reduce = 2, ops.mean


class GlobalAveragePooling3D(BaseGlobalPooling):
    """The mean of each channel of a volume.

    Args:
        data_format, keepdims: as in `GlobalMaxPooling1D`.

    >>> import hilevel
    >>> hilevel.layers.GlobalAveragePooling3D()(np.ones((2, 4, 4, 4, 3))).shape
    (2, 3)
    """

    rank, reduce = 3, ops.mean


GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D


GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D


GlobalAvgPool3D = GlobalAveragePooling3D
