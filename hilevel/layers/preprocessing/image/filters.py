"""Sharpness and blur of images."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import bad_setting, is_integer
from hilevel.layers.preprocessing.image.base import batch_of, per_image
from hilevel.layers.preprocessing.image.color import BYTES, Color, ColorByFactor
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions
from hilevel.random.seed import SeedLike

_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13.0
"""The kernel that `RandomSharpness` smooths with."""


class RandomSharpness(ColorByFactor):
    """A layer that blurs or sharpens each image in training.

    Args:
        factor: the limits of the sharpness, from 0 to 1: 0 is smooth, 0.5 unchanged, 1 sharp. A number `f` stands for
            `(0, f)`.
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same factors in every run.

    >>> import hilevel
    >>> x = np.zeros((1, 3, 3, 1))
    >>> x[0, 1, 1] = 13.0
    >>> hilevel.layers.RandomSharpness((0.0, 0.0))(x)[0, 1, :, 0]
    array([1., 5., 1.], dtype=float32)

    Raises:
        ValueError: the factor or the range is invalid.
    """

    _factor_bounds = (0.0, 1.0)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the factors."""
        return {"factor": self._uniform(seed, (batch_of(shape),), self.factor)}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return smoother or sharper images."""
        kernel = np.repeat(_SMOOTH[:, :, None, None], images.shape[self._channel_axis], axis=2)
        smooth = ops.depthwise_conv(
            images, ops.cast(kernel, images.dtype), padding="same", data_format=self.data_format
        )
        factor = ops.cast(per_image(transformation["factor"], images) * 2, images.dtype)
        return self._clipped(images + (1.0 - factor) * (smooth - images))


class RandomGaussianBlur(Color):
    """A layer that blurs some images in training, by a Gaussian filter.

    Args:
        factor: the limits of the probability, from 0 to 1. A number `f` stands for `(0, f)`.
        kernel_size: the size of the filter: an odd number, or two of them.
        sigma: the limits of the standard deviation in pixels, from 0 to 1. A number `s` stands for `(0, s)`.
        value_range: the least and the largest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same choices in every run.

    >>> import hilevel
    >>> hilevel.layers.RandomGaussianBlur(seed=1)(np.ones((1, 4, 4, 3)))[0, 1, 1].round(3)
    array([1., 1., 1.], dtype=float32)

    Raises:
        ValueError: an argument is invalid.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: Any = 3,
        sigma: Factor = 1.0,
        value_range: tuple[float, float] = BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor, self.sigma = self._limits("factor", factor), self._limits("sigma", sigma)
        self.kernel_size = _odd_pair(kernel_size)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return which images are blurred, and the standard deviations for all of them."""
        apply = self._chosen(seed, shape, self.factor)
        return {"should_apply_blur": apply, "blur_factor": self._uniform(seed, (2,), self.sigma) + 1e-6}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, some of them blurred."""
        sigma = ops.cast(transformation["blur_factor"], images.dtype)
        blurred = ops.image.gaussian_blur(
            images, kernel_size=self.kernel_size, sigma=(sigma[0], sigma[1]), data_format=self.data_format
        )
        apply = per_image(transformation["should_apply_blur"], images)
        return self._clipped(ops.where(apply, blurred, images))


def _odd_pair(value: Any) -> tuple[int, int]:
    """Return the size of a filter as two odd integers."""
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) != 2 or not all(is_integer(size, 1) and size % 2 for size in pair):
        raise bad_setting("RandomGaussianBlur", "kernel_size", "an odd integer, or two of them", value)
    return pair[0], pair[1]
