"""Dropout that preserves mean and variance."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops
from hilevel.engine.types import ShapeLike, Tensor
from hilevel.layers.base.checks import rate_of, sizes
from hilevel.layers.base.settings import Options
from hilevel.layers.regularization.base import Noise
from hilevel.random.functions import keep_mask, mask_shape


class AlphaDropout(Noise):
    """Dropout to the lower limit of SELU, which preserves mean 0 and variance 1. Klambauer et al., 2017.

    In training, with `p = -1.0507 * 1.6733`, `a = ((1 - rate) * (1 + rate * p^2))^-0.5` and `b = -a * p * rate`, a
    kept input becomes `a * x + b`, and a dropped input `a * p + b`.

    Args:
        rate: the fraction, from 0 to 1 without 1, rounded to a multiple of 1/65536.
        noise_shape: the shape of the mask: 1 for an axis that shares it, None for the input's size.
        seed: an integer for the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.AlphaDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: ShapeLike | None = None,
        seed: int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("AlphaDropout", rate)
        self.noise_shape = (
            None if noise_shape is None else sizes("AlphaDropout", "noise_shape", noise_shape, 1)
        )

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """Return the inputs with a fraction at the limit of SELU, rescaled."""
        if self.rate == 0:
            return inputs
        limit = -1.0507009873554805 * 1.6732632423543772
        a = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        b = -a * limit * self.rate
        keep = keep_mask(mask_shape(inputs, self.noise_shape), self.rate, self.seed_generator)
        return ops.where(keep, ops.add(ops.multiply(inputs, a), b), a * limit + b)
