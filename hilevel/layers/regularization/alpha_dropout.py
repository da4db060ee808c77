"""Dropout that keeps mean and variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import rate_of, sizes
from hilevel.layers.base.settings import Options
from hilevel.layers.regularization.base import Noise
from hilevel.random.functions import keep_mask, mask_shape


class AlphaDropout(Noise):
    """Sets a share of its inputs to the lower limit of SELU in training, and rescales all. Klambauer et al., 2017.

    The mean and variance of inputs that are 0 and 1 stay so: with `p = -1.0507 * 1.6733` an input that is kept becomes
    `a * x + b`, another one `a * p + b`, where `a = ((1 - rate) * (1 + rate * p^2))^-0.5` and `b = -a * p * rate`.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        noise_shape: the shape of the mask; 1 where an axis shares it, None for the input's own size.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.AlphaDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("AlphaDropout", rate)
        self.noise_shape = (
            None if noise_shape is None else sizes("AlphaDropout", "noise_shape", noise_shape, 1)
        )

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """The inputs with a share at SELU's limit, rescaled."""
        if self.rate == 0:
            return inputs
        limit = -1.0507009873554805 * 1.6732632423543772
        a = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        b = -a * limit * self.rate
        keep = keep_mask(mask_shape(inputs, self.noise_shape), self.rate, self.seed_generator)
        return ops.where(keep, ops.add(ops.multiply(inputs, a), b), a * limit + b)
