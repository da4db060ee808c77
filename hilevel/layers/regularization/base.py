"""The base of layers that add noise in training."""

from __future__ import annotations

from typing import Any

from hilevel import random
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import seed_of
from hilevel.layers.base.layer import Layer


class Noise(Layer):
    """The base of layers that add noise in training, and return their inputs otherwise."""

    def __init__(self, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seed = seed_of(type(self).__name__, seed)
        self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return the inputs, in training with noise, in the same shape."""
        return self.apply_noise(inputs) if training else inputs

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """Return the inputs with noise."""
        raise NotImplementedError(f"{type(self).__name__} has no apply_noise(inputs), which adds the noise.")
