"""Gaussian noise, added or multiplied."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import number, rate_of
from hilevel.layers.base.settings import Options
from hilevel.layers.regularization.base import Noise


class GaussianDropout(Noise):
    """A layer that multiplies its inputs by normal noise in training, in their shape. Srivastava et al., 2014.

    The noise has mean 1 and variance `rate / (1 - rate)`.

    Args:
        rate: the dropout rate with the same variance, from 0 to 1 without 1.
        seed: an integer for the same noise in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("GaussianDropout", rate)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """Return the inputs times noise."""
        stddev = (self.rate / (1 - self.rate)) ** 0.5
        noise = random.normal(inputs.shape, 1.0, stddev, inputs.dtype.name, self.seed_generator)
        return inputs * noise


class GaussianNoise(Noise):
    """A layer that adds normal noise with mean 0 to its inputs in training, in their shape.

    Args:
        stddev: the standard deviation of the noise, not negative.
        seed: an integer for the same noise in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianNoise(0.1)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = number("GaussianNoise", "stddev", stddev, 0)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """Return the inputs plus noise."""
        noise = random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype.name, self.seed_generator)
        return ops.add(inputs, noise)
