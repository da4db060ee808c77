"""Concatenation of inputs along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import masks, ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import integer
from hilevel.layers.base.settings import Options
from hilevel.layers.merging.base import Merge


class Concatenate(Merge):
    """The inputs joined along an axis.

    Args:
        axis: the axis; all others must be equal.

    >>> import hilevel
    >>> hilevel.layers.Concatenate()([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """

    def __init__(self, axis: int = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.axis = integer("Concatenate", "axis", axis)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """The inputs, one after the other."""
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs: Sequence[Tensor], mask: Any = None) -> Any:
        """The masks joined where they have the axis; else what counts in every input that has a mask."""
        found = [m for m in mask or () if m is not None]
        axis = self.axis % len(inputs[0].shape)
        if not found or axis >= len(found[0].shape):
            return masks.all_of(found)
        rank = len(found[0].shape)
        joined = [
            ops.ones(x.shape[:rank], "bool") if m is None else m for x, m in zip(inputs, mask, strict=True)
        ]
        return ops.concatenate(joined, axis=axis)


def concatenate(inputs: Sequence[Tensor], axis: int = -1, **kwargs: Any) -> Tensor:
    """The layer `Concatenate` made and called at once.

    >>> import hilevel
    >>> hilevel.layers.concatenate([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
