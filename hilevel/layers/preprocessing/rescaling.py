"""Rescaling of values."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import (
    bad_setting,
    is_numeric,
)
from hilevel.layers.base.settings import Options
from hilevel.layers.preprocessing.data_layer import DataLayer
from hilevel.ops.nn.windows import channels_come_first


class Rescaling(DataLayer):
    """The layer of `x * scale + offset`, in the shape of `x`.

    Args:
        scale: the factor, such as `1 / 255` for images; a number or an array. A vector has a value for each channel, in
            the configured `image_data_format`.
        offset: the summand; a number or an array.

    >>> import hilevel
    >>> hilevel.layers.Rescaling(1 / 255)(np.array([255, 0], "uint8"))
    array([1., 0.], dtype=float32)

    Raises:
        ValueError: `scale` or `offset` is not numeric.
    """

    def __init__(
        self,
        scale: TensorLike,
        offset: TensorLike = 0.0,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        for name, value in (("scale", scale), ("offset", offset)):
            if not is_numeric(value):
                raise bad_setting("Rescaling", name, "a number or a numeric array", value)
        self.scale, self.offset = scale, offset
        self._channels_first = channels_come_first("Rescaling", None)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs times scale plus offset, as floats."""
        x = ops.cast(inputs, self.compute_dtype)
        return ops.add(ops.multiply(x, self._factor(self.scale, x)), self._factor(self.offset, x))

    def _factor(self, value: TensorLike, x: Tensor) -> TensorLike:
        """Return the scale or the offset in a shape that broadcasts against the inputs."""
        if isinstance(value, (int, float)):
            return value
        array = np.asarray(value)
        if array.ndim == 1 and len(x.shape) > 2 and self._channels_first:
            array = array[:, None, None]
        return ops.cast(array, self.compute_dtype)
