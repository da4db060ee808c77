"""Brightness and contrast of images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.preprocessing.image.color import BYTES, Color, rescaled
from hilevel.layers.preprocessing.image.settings import ColorOptions, Factor
from hilevel.random.seed import SeedLike


class RandomBrightness(Color):
    """A layer that adds a random value to each image in training, and clips the result.

    Args:
        factor: the limits of the value, as fractions of the range, from -1 to 1. A number `f` stands for `(-f, f)`.
        value_range: the least and the largest value of pixels.
        seed: an integer for the same values in every run.

    >>> import hilevel
    >>> hilevel.layers.RandomBrightness((0.5, 0.5), value_range=(0, 1))(np.array([[[[0.0, 0.25, 1.0]]]]))
    array([[[[0.5 , 0.75, 1.  ]]]], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: tuple[float, float] = BYTES,
        seed: int | None = None,
        **kwargs: Unpack[ColorOptions],
    ) -> None:
        super().__init__(value_range, seed=seed, **kwargs)
        self.factor = self._limits("factor", factor)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the values to add."""
        low, high = self.value_range
        return {"rgb_delta": self._per_image(seed, shape, self.factor) * (high - low)}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return brighter or darker images."""
        return self._clipped(images + ops.cast(transformation["rgb_delta"], images.dtype))


class RandomContrast(Color):
    """A layer that scales the differences from the mean of each channel in training, and clips the result.

    Args:
        factor: the limits `(lower, upper)` of the change, from 0 to 1: the scale is drawn from `1 - lower` to
            `1 + upper`. A number `f` stands for `(0, f)`.
        value_range: the least and the largest value of pixels.
        seed: an integer for the same scales in every run.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomContrast((0.0, 0.5), value_range=(0, 1), seed=1)
    >>> layer(np.full((2, 4, 4, 3), 0.5)).max()
    np.float32(0.5)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Factor,
        value_range: tuple[float, float] = BYTES,
        seed: int | None = None,
        **kwargs: Unpack[ColorOptions],
    ) -> None:
        super().__init__(value_range, seed=seed, **kwargs)
        self.factor = self._limits("factor", factor)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the scales."""
        lower, upper = self.factor
        return {"contrast_factor": self._per_image(seed, shape, (1.0 - lower, 1.0 + upper))}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return images of another contrast."""
        mean = self._over_pixels(ops.mean, images)
        factor = ops.cast(transformation["contrast_factor"], images.dtype)
        return self._clipped((images - mean) * factor + mean)


class AutoContrast(Color):
    """A layer that stretches each channel of each image to the whole range, in training and in inference.

    Constant channels stay as they are.

    Args:
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> hilevel.layers.AutoContrast()(np.array([10.0, 20.0, 30.0]).reshape(1, 1, 3, 1))[0, 0, :, 0]
    array([  0. , 127.5, 255. ], dtype=float32)

    Raises:
        ValueError: the range is invalid.
    """

    _is_random = False
    _in_inference = True

    def __init__(self, value_range: tuple[float, float] = BYTES, **kwargs: Unpack[ColorOptions]) -> None:
        super().__init__(value_range, **kwargs)

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return images of the whole range."""
        low, high = self._over_pixels(ops.min, images), self._over_pixels(ops.max, images)
        spread = high - low
        unit = (images - low) / ops.where(spread == 0, 1.0, spread)
        return ops.where(spread == 0, images, self._clipped(rescaled(unit, (0, 1), self.value_range)))
