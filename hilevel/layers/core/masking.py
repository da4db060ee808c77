"""Masking of padded steps."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import masks, ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import number
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Masking(Layer):
    """A layer that masks each step whose features all equal a value, and sets it to 0.

    Args:
        mask_value: the value of padding.

    >>> import hilevel
    >>> x = np.array([[[1.0, 2.0], [0.0, 0.0]]])
    >>> hilevel.layers.LSTM(3, return_sequences=True)(hilevel.layers.Masking()(x)).shape
    (1, 2, 3)
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.mask_value = number("Masking", "mask_value", mask_value)
        self.supports_masking = True

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Any:
        """Return the mask of the steps, `(batch, steps)`, combined with the mask of the inputs."""
        return masks.all_of([mask, ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)])

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs, of shape `(batch, steps, features)`, with masked steps set to 0."""
        return masks.masked(inputs, self.compute_mask(inputs))
