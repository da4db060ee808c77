"""Normalization to unit norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import masks, ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import integers
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.normalization.base import (
    at_least_float32,
    in_dtype,
)


class UnitNormalization(Layer):
    """A layer that scales vectors to norm 1: `x / sqrt(sum(x^2))`.

    Args:
        axis: the axis or axes of the sum.

    >>> import hilevel
    >>> hilevel.layers.UnitNormalization()(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]], dtype=float32)

    Raises:
        ValueError: `axis` is neither an integer nor a list of integers.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.autocast = False
        self.supports_masking = True
        self.axis = integers("UnitNormalization", "axis", axis)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the normalized inputs, in the same shape; masked steps give 0."""
        x = at_least_float32(self, inputs)
        x = x if mask is None else masks.masked(x, mask)
        return in_dtype(self.compute_dtype, ops.normalize(x, axis=self.axis, order=2, epsilon=1e-12))
