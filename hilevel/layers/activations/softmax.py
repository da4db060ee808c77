"""Softmax along axes, with a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import masks, ops
from hilevel.engine.spec import broadcast
from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import integers
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.ops.nn.scores import activate


class Softmax(Layer):
    """The softmax over one axis or several. Masked elements give 0.

    Args:
        axis: the axis or axes.

    >>> import hilevel
    >>> hilevel.layers.Softmax()(np.array([[0.0, 0.0]], "float32"))
    array([[0.5, 0.5]], dtype=float32)
    """

    activation = ops.softmax

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = integers("Softmax", "axis", axis, none=True)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the softmax, in the shape of the inputs.

        `mask` broadcasts to the inputs, or has their first axes. False, or a number up to 0.5, masks an element.
        """
        if mask is None:
            return activate(ops.softmax, inputs) if self.axis == -1 else ops.softmax(inputs, axis=self.axis)
        keep = _expand_mask(mask if mask.dtype == bool else mask > 0.5, tuple(inputs.shape))
        inputs = ops.where(keep, inputs, -3e4 if inputs.dtype.itemsize == 2 else -1e9)
        return ops.where(keep, ops.softmax(inputs, axis=self.axis), 0.0)


def _expand_mask(mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a mask that broadcasts to the shape, with trailing axes if necessary."""
    mine, more = tuple(mask.shape), len(shape) - len(mask.shape)
    if mine == shape[: len(mine)] and mine != shape[more:]:
        return masks.expand_to_rank(mask, len(shape))
    if broadcast(mine, shape) != shape:
        raise ShapeError(f"Softmax: a mask of shape {mine} cannot be broadcast to inputs of shape {shape}.")
    return mask
