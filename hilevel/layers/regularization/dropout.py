"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import random
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import rate_of, sizes
from hilevel.layers.base.settings import Options
from hilevel.layers.regularization.base import Noise


class Dropout(Noise):
    """Sets a share of its inputs to zero in training, and divides the others by what is left. Srivastava et al., 2014.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        noise_shape: the shape of the mask; 1 where an axis shares it, None for the input's own size.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.Dropout(0.5)(np.ones((1, 2)))
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
        self.rate = rate_of("Dropout", rate)
        self.noise_shape = None if noise_shape is None else sizes("Dropout", "noise_shape", noise_shape, 1)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """The inputs with a share of zeros."""
        if self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)
