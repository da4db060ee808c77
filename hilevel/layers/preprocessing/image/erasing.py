"""Erased parts of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import bad_setting, is_numeric
from hilevel.layers.preprocessing.image.base import batch_of, per_image
from hilevel.layers.preprocessing.image.color import BYTES, Color
from hilevel.layers.preprocessing.image.regions import Regions
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions
from hilevel.random.seed import SeedLike


class RandomErasing(Color):
    """A layer that erases a random box of some images in training. Zhong et al., 2020.

    Args:
        factor: the limits of the probability, from 0 to 1. A number `f` stands for `(0, f)`.
        scale: the limits of the square of the box's width, and of its height, as fractions of the image. A number `s`
            stands for `(0, s)`.
        fill_value: the new value of the pixels: a number, or one for each of three channels. By default the pixels get
            normal random values.
        value_range: the least and the largest value of pixels.
        seed: an integer for the same boxes in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0, seed=1)
    >>> layer(np.ones((1, 4, 4, 1)))[0, :, :, 0].sum()
    np.float32(12.0)

    Raises:
        ValueError: an argument is invalid.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = (0.02, 0.33),
        fill_value: float | Sequence[float] | None = None,
        value_range: tuple[float, float] = BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.factor, self.scale = self._limits("factor", factor), self._limits("scale", scale)
        pixel = isinstance(fill_value, (list, tuple)) and len(fill_value) == 3 and is_numeric(fill_value)
        if (
            fill_value is not None
            and not pixel
            and not (is_numeric(fill_value) and not hasattr(fill_value, "__len__"))
        ):
            raise bad_setting("RandomErasing", "fill_value", "a number, three of them, or None", fill_value)
        self.fill_value = fill_value

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return which images are changed, the pixels of the boxes, and their new values."""
        sides = ops.sqrt(self._uniform(seed, (batch_of(shape), 2), self.scale))
        mask = Regions.draw(self, seed, shape, sides[:, 0], sides[:, 1]).mask(self, shape)
        apply = self._chosen(seed, shape, self.factor)
        return {"apply_erasing": apply, "batch_masks": mask, "fill_value": self._fill(shape, seed)}

    def _fill(self, shape: tuple[int, ...], seed: SeedLike) -> Tensor:
        """Return the new values of pixels, which broadcast against the images."""
        if self.fill_value is None:
            return self._clipped(random.normal(shape, 0.0, 1.0, "float32", seed) * self.value_range[1])
        value = ops.cast(self.fill_value, "float32")
        if len(value.shape) == 1 and self._channel_axis == -3:
            value = value[:, None, None]
        return self._clipped(value)

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, some of them with an erased box."""
        apply = per_image(transformation["apply_erasing"], images)
        erased = ops.logical_and(apply, transformation["batch_masks"])
        return ops.where(erased, ops.cast(transformation["fill_value"], images.dtype), images)
