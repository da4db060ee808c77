"""Normalization to unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

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
    """`x / sqrt(sum(x^2))`: vectors of length 1.

    Args:
        axis: the axis, or axes, over which the sum is taken.

    >>> import hilevel
    >>> hilevel.layers.UnitNormalization()(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]], dtype=float32)

    Raises:
        TypeError: `axis` is no integer, nor several.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.autocast = False
        self.supports_masking = True
        self.axis = integers("UnitNormalization", "axis", axis)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        """The normalised inputs, of their shape; zeros where `mask` leaves steps out."""
        x = at_least_float32(self, inputs)
        x = x if mask is None else masks.masked(x, mask)
        return in_dtype(self.compute_dtype, ops.normalize(x, axis=self.axis, order=2, epsilon=1e-12))
