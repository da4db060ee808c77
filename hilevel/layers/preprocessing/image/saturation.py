"""Hue, saturation and greyscale of images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.settings import settings
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import number
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, batch_of, per_image
from hilevel.layers.preprocessing.image.color import BYTES, Color, ColorByFactor, rescaled
from hilevel.layers.preprocessing.image.contrast import RandomBrightness, RandomContrast
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions, factor_limits
from hilevel.random.seed import SeedLike


class _Hsv(ColorByFactor):
    """The base of layers that change hue or saturation."""

    _factor_bounds = (0.0, 1.0)

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images in other colours."""
        axis = self._channel_axis
        unit = rescaled(images, self.value_range, (0, 1))
        hsv = ops.image.rgb_to_hsv(unit, data_format=self.data_format)
        hue, saturation, value = (ops.take(hsv, [i], axis=axis) for i in range(3))
        factor = ops.cast(per_image(transformation["factor"], images), images.dtype)
        hue, saturation = self.changed(hue, saturation, factor)
        rgb = ops.image.hsv_to_rgb(
            ops.concatenate([hue, saturation, value], axis=axis), data_format=self.data_format
        )
        return rescaled(ops.clip(rgb, 0.0, 1.0), (0, 1), self.value_range)

    def changed(self, hue: Tensor, saturation: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        """Return hue and saturation, both from 0 to 1, after a change by a factor."""
        raise NotImplementedError(f"{type(self).__name__} has no changed(hue, saturation, factor).")


class RandomHue(_Hsv):
    """A layer that turns the hue of each image in training.

    Args:
        factor: the limits of the turn, from 0 to 1, where 1 is half a circle. A number `f` stands for `(0, f)`. The
            direction is random.
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same turns in every run.

    >>> import hilevel
    >>> hilevel.layers.RandomHue((1.0, 1.0), value_range=(0, 1))(np.array([[[[1.0, 0.0, 0.0]]]]))
    array([[[[0., 1., 1.]]]], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the turns, of which 1 is the whole circle."""
        batch = (batch_of(shape),)
        sign = ops.where(self._uniform(seed, batch) > 0.5, -1.0, 1.0)
        return {"factor": self._uniform(seed, batch, self.factor) * sign * 0.5}

    def changed(self, hue: Tensor, saturation: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        """Return the turned hue, and the saturation."""
        turned = hue + factor
        turned = ops.where(turned > 1.0, turned - 1.0, turned)
        return ops.where(turned < 0.0, turned + 1.0, turned), saturation


class RandomSaturation(_Hsv):
    """A layer that changes the saturation of each image in training.

    Args:
        factor: the limits of the factor, from 0 to 1: 0 gives grey, 0.5 no change, 1 full colours. A number `f` stands
            for `(0, f)`.
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same factors in every run.

    >>> import hilevel
    >>> hilevel.layers.RandomSaturation((0.0, 0.0), value_range=(0, 1))(np.array([[[[1.0, 0.0, 0.5]]]]))
    array([[[[1., 1., 1.]]]], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the factors of the saturation."""
        factor = self._uniform(seed, (batch_of(shape),), self.factor)
        return {"factor": factor / (1 - factor + settings.epsilon)}

    def changed(self, hue: Tensor, saturation: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        """Return the hue, and the scaled saturation."""
        return hue, ops.clip(saturation * factor, 0.0, 1.0)


class RandomGrayscale(BaseImagePreprocessingLayer):
    """A layer that makes some images grey in training. They keep their three channels.

    Args:
        factor: the probability, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same choices in every run.

    >>> import hilevel
    >>> hilevel.layers.RandomGrayscale(1.0)(np.array([[[[1.0, 0.0, 0.0]]]])).round(3)
    array([[[[0.299, 0.299, 0.299]]]], dtype=float32)

    Raises:
        ValueError: the factor is no number from 0 to 1.
    """

    _keeps_dtype = True

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = number("RandomGrayscale", "factor", factor, 0, 1)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> Tensor:
        """Return which images become grey."""
        return self._per_image(seed, shape) < self.factor

    def augment(self, images: Tensor, transformation: Tensor) -> Tensor:
        """Return the images, some of them grey."""
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return ops.where(transformation, ops.cast(grey, images.dtype), images)


class RandomColorDegeneration(ColorByFactor):
    """A layer that mixes each image with its greyscale in training.

    Args:
        factor: the limits of the fraction of grey, from -1 to 1. A number `f` stands for `(-f, f)`.
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same fractions in every run.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomColorDegeneration((0.5, 0.5), value_range=(0, 1))
    >>> layer(np.array([[[[1.0, 0.0, 0.0]]]])).round(3)
    array([[[[0.649, 0.149, 0.149]]]], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the fractions of grey."""
        return {"factor": self._per_image(seed, shape, self.factor)}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return images with more or less colour."""
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return self._clipped(images + ops.cast(transformation["factor"], images.dtype) * (grey - images))


_STEPS: dict[Any, str] = {
    RandomBrightness: "brightness_factor",
    RandomContrast: "contrast_factor",
    RandomSaturation: "saturation_factor",
    RandomHue: "hue_factor",
}


class RandomColorJitter(Color):
    """A layer that changes brightness, contrast, saturation and hue in training, in this order.

    Args:
        value_range: the least and the largest value of pixels.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: the factors of `RandomBrightness`,
            `RandomContrast`, `RandomSaturation` and `RandomHue`; None for no change.
        seed: an integer for the same changes in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomColorJitter((0, 1), brightness_factor=(0.5, 0.5))
    >>> layer(np.zeros((1, 1, 1, 3)))
    array([[[[0.5, 0.5, 0.5]]]], dtype=float32)

    Raises:
        ValueError: a factor or the range is invalid.
    """

    def __init__(
        self,
        value_range: tuple[float, float] = BYTES,
        brightness_factor: Factor | None = None,
        contrast_factor: Factor | None = None,
        saturation_factor: Factor | None = None,
        hue_factor: Factor | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        more: dict[str, Any] = {"data_format": self.data_format, "seed": seed, "dtype": self.dtype_policy}
        self._steps: list[Color] = []
        for cls, name in _STEPS.items():
            factor = getattr(self, name)
            if factor is not None:
                factor_limits("RandomColorJitter", name, factor, *cls._factor_bounds)
                self._steps.append(cls(factor, self.value_range, **more))

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> list[Any]:
        """Return a transformation for each step."""
        return [step.draw(shape, seed) for step in self._steps]

    def augment(self, images: Tensor, transformation: list[Any]) -> Tensor:
        """Return the images after all steps."""
        for step, drawn in zip(self._steps, transformation, strict=True):
            images = step.augment(images, drawn)
        return images
