"""Random boxes in images that are erased, or replaced by other images."""

from __future__ import annotations

from typing import Any, NamedTuple

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, batch_of
from hilevel.random.seed import SeedLike


class Regions(NamedTuple):
    """A box in each image: its left, right, top and bottom, `(batch,)` each."""

    left: Tensor
    right: Tensor
    top: Tensor
    bottom: Tensor

    @classmethod
    def draw(
        cls, layer: BaseImagePreprocessingLayer, seed: SeedLike, shape: tuple[int, ...], *fractions: Tensor
    ) -> Regions:
        """Return boxes at random places. Their widths and heights are fractions `(batch,)` of the images'."""
        ends: list[Any] = []
        for size, fraction in zip(reversed(layer._size(shape)), fractions, strict=True):
            length = fraction * size
            start = layer._uniform(seed, (batch_of(shape),)) * (size - length)
            ends += [start, start + length]
        return cls(*ends)

    def mask(self, layer: BaseImagePreprocessingLayer, shape: tuple[int, ...]) -> Tensor:
        """Return which pixels lie in the boxes: booleans that broadcast against the images."""
        height, width = layer._size(shape)
        x, y = ops.arange(width, dtype="float32"), ops.arange(height, dtype="float32")[:, None]
        left, right, top, bottom = (end[:, None, None] for end in self)
        inside = ops.logical_and(ops.logical_and(x >= left, x < right), ops.logical_and(y >= top, y < bottom))
        return ops.expand_dims(inside, layer._channel_axis)

    def fraction(self, layer: BaseImagePreprocessingLayer, shape: tuple[int, ...]) -> Tensor:
        """Return the fraction of each image that its box covers."""
        height, width = layer._size(shape)
        return (self.right - self.left) * (self.bottom - self.top) / (height * width)
