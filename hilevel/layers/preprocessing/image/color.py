"""The base of layers that change the values of pixels, but do not move them."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Function, Tensor
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions, value_range_of

BYTES = (0, 255)
"""The range of values in which colours are often computed."""


class Color(BaseImagePreprocessingLayer):
    """The base of layers that change colours. Labels, bounding boxes and masks stay as they are."""

    value_range: tuple[float, float]

    def __init__(self, value_range: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_of(type(self).__name__, value_range)

    def _over_pixels(self, reduce: Function, images: Tensor) -> Tensor:
        """Return a reduction of each channel. Row by row, NumPy reduces contiguous memory."""
        rows, columns = self._axes
        return reduce(reduce(images, axis=rows, keepdims=True), axis=columns, keepdims=True)

    def _clipped(self, images: Tensor) -> Tensor:
        return ops.clip(images, *self.value_range)


class ColorByFactor(Color):
    """The base of layers that change colours by a factor, which they draw within limits."""

    def __init__(
        self,
        factor: Factor,
        value_range: tuple[float, float] = BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = self._limits("factor", factor)


def rescaled(images: Tensor, source: tuple[float, float], target: tuple[float, float]) -> Tensor:
    """Return images with values of the range `source` mapped to the range `target`."""
    if source == target:
        return images
    unit = (images - source[0]) / (source[1] - source[0])
    return unit * (target[1] - target[0]) + target[0]
