"""Upsampling of spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.allowance import claim
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.types import Array, Function, Sizes, Tensor
from hilevel.layers.base.checks import one_of, positive
from hilevel.layers.base.settings import Options
from hilevel.layers.reshaping.spatial import BaseSpatial
from hilevel.ops.nn.windows import per_axis


class UpSampling1D(BaseSpatial):
    """A layer that repeats each step.

    Args:
        size: the number of repetitions.

    >>> import hilevel
    >>> hilevel.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]]))[0, :, 0]
    array([1., 1., 2., 2.], dtype=float32)

    Raises:
        ValueError: `size` is not a positive integer.
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.configure("channels_last")
        self.size = positive("UpSampling1D", "size", size)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the repeated steps: shape `(batch, steps, channels)` to `(batch, steps * size, channels)`."""
        return ops.repeat(inputs, self.size, axis=1)


class UpSampling2D(BaseSpatial):
    """A layer that enlarges images.

    Args:
        size: the factors of height and width, or one factor for both.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.
        interpolation: `"nearest"` repeats the elements. `"bilinear"`, `"bicubic"` (Keys, 1981), `"lanczos3"` and
            `"lanczos5"` interpolate between them.

    >>> import hilevel
    >>> layer = hilevel.layers.UpSampling2D((1, 2), interpolation="bilinear")
    >>> layer(np.array([1.0, 3.0]).reshape(1, 1, 2, 1))[0, 0, :, 0]
    array([1. , 1.5, 2.5, 3. ], dtype=float32)

    Raises:
        ValueError: a setting is invalid.
    """

    rank = 2

    def __init__(
        self,
        size: Sizes = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.configure(data_format)
        self.size = per_axis("UpSampling2D", "size", size, 2)
        self.interpolation = one_of("UpSampling2D", "interpolation", interpolation, ("nearest", *_KERNELS))

    def call(self, inputs: Tensor) -> Tensor:
        """Return images with `size` times the height and width."""
        x = inputs
        for axis, factor in enumerate(self.size, start=self._first_axis):
            if self.interpolation == "nearest":
                x = ops.repeat(x, factor, axis=axis)
            else:
                weights = interpolation_weights(x.shape[axis], factor, *_KERNELS[self.interpolation])
                product = ops.matmul(ops.moveaxis(x, axis, -1), constant(x, weights, x.dtype))
                x = ops.moveaxis(product, -1, axis)
        return x


class UpSampling3D(BaseSpatial):
    """A layer that repeats the elements of volumes along each spatial axis.

    Args:
        size: the number of repetitions along each axis, or one number for all.
        data_format: `"channels_last"` for `(batch, *spatial, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.UpSampling3D(2)(np.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)

    Raises:
        ValueError: `size` is neither a positive integer nor three of them.
    """

    rank = 3

    def __init__(
        self, size: Sizes = (2, 2, 2), data_format: str | None = None, **kwargs: Unpack[Options]
    ) -> None:
        super().__init__(**kwargs)
        self.configure(data_format)
        self.size = per_axis("UpSampling3D", "size", size, 3)

    def call(self, inputs: Tensor) -> Tensor:
        """Return volumes with `size` times the spatial axes."""
        x = inputs
        for axis, factor in enumerate(self.size, start=self._first_axis):
            x = ops.repeat(x, factor, axis=axis)
        return x


def interpolation_weights(n: int, factor: int, kernel: Function, radius: float) -> np.ndarray[Any, Any]:
    """Return the weights of `n` elements in `n * factor` interpolated elements, `(n, n * factor)`.

    A weight is the kernel of the distance, scaled so that the weights of an interpolated element have the sum 1.
    """
    claim(40 * n * n * factor, f"size={factor}")
    positions = (np.arange(n * factor) + 0.5) / factor - 0.5
    distance = np.abs(positions - np.arange(n)[:, None])
    weights = np.where(distance < radius, kernel(distance), 0.0)
    return weights / weights.sum(axis=0)


def _cubic(x: Array) -> Array:
    """Return the cubic kernel. Keys, "Cubic convolution interpolation for digital image processing", 1981."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, far)


_KERNELS: dict[str, tuple[Function, float]] = {
    "bilinear": (lambda x: 1 - x, 1.0),
    "bicubic": (_cubic, 2.0),
    "lanczos3": (lambda x: np.sinc(x) * np.sinc(x / 3), 3.0),
    "lanczos5": (lambda x: np.sinc(x) * np.sinc(x / 5), 5.0),
}
