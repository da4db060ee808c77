"""Dropout."""

from __future__ import annotations

from typing import Unpack

from hilevel import random
from hilevel.engine.types import ShapeLike, Tensor
from hilevel.layers.base.checks import rate_of, sizes
from hilevel.layers.base.settings import Options
from hilevel.layers.regularization.base import Noise


class Dropout(Noise):
    """A layer that sets a fraction of its inputs to 0 in training, and divides the others by `1 - rate`.

    Srivastava et al., 2014.

    Args:
        rate: the fraction, from 0 to 1 without 1, rounded to a multiple of 1/65536.
        noise_shape: the shape of the mask: 1 for an axis that shares it, None for the input's size.
        seed: an integer for the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.Dropout(0.5)(np.ones((1, 2)))
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
        self.rate = rate_of("Dropout", rate)
        self.noise_shape = None if noise_shape is None else sizes("Dropout", "noise_shape", noise_shape, 1)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """Return the inputs with dropout."""
        if self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)
