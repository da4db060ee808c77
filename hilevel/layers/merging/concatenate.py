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
    """The concatenation of the inputs along an axis.

    Args:
        axis: the axis; the sizes of all other axes must be equal.

    >>> import hilevel
    >>> hilevel.layers.Concatenate()([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """

    def __init__(self, axis: int = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.axis = integer("Concatenate", "axis", axis)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the concatenated inputs."""
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(
        self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None
    ) -> Tensor | None:
        """Return the concatenated masks if they have the axis, else their conjunction."""
        self._check_masks(inputs, mask)
        found = [m for m in mask or () if m is not None]
        axis = self.axis % len(inputs[0].shape)
        if not found or axis >= len(found[0].shape):
            return masks.all_of(found)
        rank = len(found[0].shape)
        joined = [
            ops.ones(x.shape[:rank], "bool") if m is None else m
            for x, m in zip(inputs, mask or (), strict=True)
        ]
        return ops.concatenate(joined, axis=axis)


def concatenate(inputs: Sequence[Tensor], axis: int = -1, **kwargs: Any) -> Tensor:
    """Return the result of a new layer `Concatenate`.

    Args:
        inputs: tensors, whose sizes are equal along all axes but `axis`.
        axis: the axis.

    >>> import hilevel
    >>> hilevel.layers.concatenate([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
