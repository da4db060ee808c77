"""Layers that disturb their inputs in training, so that networks generalise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel import ops, random
from hilevel._types import Tensor
from hilevel.layers.layer import Layer


class Noise(Layer):
    """Base of layers that are random in training and do nothing otherwise."""

    def __init__(self, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """The inputs, disturbed in training."""
        return self.disturb(inputs) if training else inputs

    def disturb(self, inputs: Tensor) -> Tensor:
        """What becomes of the inputs in training."""
        raise NotImplementedError(f"{type(self).__name__} has to say what disturb(inputs) is.")


def _rate(layer: str, rate: float) -> float:
    if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise ValueError(f"{layer}: rate must be a number from 0 up to, but not including, 1; got {rate!r}.")
    return float(rate)


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
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = _rate("Dropout", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs with a share of zeros."""
        if self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)


class GaussianDropout(Noise):
    """Multiplies by normal numbers of mean 1 and variance `rate / (1 - rate)` in training. Srivastava et al., 2014.

    Args:
        rate: as in `Dropout`.
        seed: an integer, to draw the same numbers in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = _rate("GaussianDropout", rate)

    def disturb(self, inputs: Tensor) -> Tensor:
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

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        if not isinstance(stddev, (int, float)) or stddev < 0:
            raise ValueError(f"GaussianNoise: stddev must be a number, not negative; got {stddev!r}.")
        self.stddev = float(stddev)

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs plus noise."""
        noise = random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype.name, self.seed_generator)
        return ops.add(inputs, noise)
