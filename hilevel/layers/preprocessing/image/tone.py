"""Inversion, solarization and posterization of images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor
from hilevel.layers.preprocessing.image.base import batch_of, per_image
from hilevel.layers.preprocessing.image.color import BYTES, Color, ColorByFactor, rescaled
from hilevel.layers.preprocessing.image.settings import ColorOptions, Factor, ImageOptions
from hilevel.random.seed import SeedLike


class RandomInvert(Color):
    """A layer that inverts some images in training: a pixel `p` becomes `value_range[1] - p`.

    Args:
        factor: the limits of the probability, from 0 to 1. A number `f` stands for `(0, f)`.
        value_range: the least and the largest value of pixels.
        seed: an integer for the same choices in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> hilevel.layers.RandomInvert((1.0, 1.0))(np.array([[[[0.0, 100.0, 255.0]]]]))
    array([[[[255., 155.,   0.]]]], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: tuple[float, float] = BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.factor = self._limits("factor", factor)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return which images are inverted."""
        return {"apply_inversion": self._chosen(seed, shape, self.factor)}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, some of them inverted."""
        apply = per_image(transformation["apply_inversion"], images)
        return ops.where(apply, self.value_range[1] - images, images)


class Solarization(Color):
    """A layer that adds a random value to each image in training, and inverts pixels above a random threshold.

    Args:
        addition_factor: the limits of the value, as fractions of the range, from 0 to 1. A number `f` stands for
            `(0, f)`.
        threshold_factor: the limits of the threshold, as fractions of the range, from 0 to 1.
        value_range: the least and the largest value of pixels.
        seed: an integer for the same values in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> hilevel.layers.Solarization(0.0, (0.5, 0.5), seed=1)(np.array([[[[0.0, 100.0, 200.0]]]])).shape
    (1, 1, 1, 3)

    Raises:
        ValueError: a factor or the range is invalid.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        addition_factor: Factor = 0.0,
        threshold_factor: Factor = 0.0,
        value_range: tuple[float, float] = BYTES,
        seed: int | None = None,
        **kwargs: Unpack[ColorOptions],
    ) -> None:
        super().__init__(value_range, seed=seed, **kwargs)
        self.addition_factor = self._limits("addition_factor", addition_factor, strict=True)
        self.threshold_factor = self._limits("threshold_factor", threshold_factor, strict=True)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the values to add and the thresholds, for pixels from 0 to 255."""
        factors = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {
            name: self._per_image(seed, shape, (low * 255.0, high * 255.0))
            for name, (low, high) in factors.items()
        }

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return solarized images."""
        additions, thresholds = (
            ops.cast(transformation[name], images.dtype) for name in ("additions", "thresholds")
        )
        bright = ops.clip(rescaled(images, self.value_range, BYTES) + additions, 0, 255)
        return rescaled(ops.where(bright < thresholds, bright, 255 - bright), BYTES, self.value_range)


class RandomPosterization(ColorByFactor):
    """A layer that keeps a random number of bits of each image in training.

    Args:
        factor: the limits of the number of bits, from 1 to 8: the lower one included, the upper one not. A number `f`
            stands for `(1, f)`.
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same bits in every run.

    >>> import hilevel
    >>> hilevel.layers.RandomPosterization((1, 1))(np.array([[[[0.0, 100.0, 200.0]]]]))
    array([[[[  0.,   0., 128.]]]], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    _factor_bounds = (1, 8)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the number of bits that each image loses."""
        low, high = (int(limit) for limit in self.factor)
        kept = random.randint((batch_of(shape),), low, max(high, low + 1), seed=seed)
        return {"shift_factor": 8 - kept}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return images of fewer tones."""
        shift = ops.cast(per_image(transformation["shift_factor"], images), "int32")
        tones = ops.cast(rescaled(images, self.value_range, BYTES), "int32")
        tones = ops.bitwise_left_shift(ops.bitwise_right_shift(tones, shift), shift)
        return rescaled(ops.cast(tones, self.compute_dtype), BYTES, self.value_range)
