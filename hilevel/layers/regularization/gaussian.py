"""Gaussian noise, added or multiplied."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import number, rate_of
from hilevel.layers.base.settings import Options
from hilevel.layers.regularization.base import Noise


class GaussianDropout(Noise):
    """Multiplies by normal numbers of mean 1 and variance `rate / (1 - rate)` in training. Srivastava et al., 2014.

    Args:
        rate: as in `Dropout`.
        seed: an integer, to draw the same numbers in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("GaussianDropout", rate)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """The inputs times noise."""
        stddev = (self.rate / (1 - self.rate)) ** 0.5
        noise = random.normal(inputs.shape, 1.0, stddev, inputs.dtype.name, self.seed_generator)
        return inputs * noise


class GaussianNoise(Noise):
    """Adds normal numbers of mean 0 in training.

    Args:
        stddev: their standard deviation, not negative.
        seed: an integer, to draw the same numbers in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianNoise(0.1)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = number("GaussianNoise", "stddev", stddev, 0)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """The inputs plus noise."""
        noise = random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype.name, self.seed_generator)
        return ops.add(inputs, noise)
