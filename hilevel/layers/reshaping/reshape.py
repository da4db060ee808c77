"""Reshaping of the axes after the batch axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    bad_setting,
    sizes,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Reshape(Layer):
    """A layer that reshapes each sample.

    Args:
        target_shape: the shape without the batch; one size may be -1, which is inferred.

    >>> import hilevel
    >>> hilevel.layers.Reshape((2, -1))(np.ones((5, 6))).shape
    (5, 2, 3)

    Raises:
        ValueError: `target_shape` is no shape, or has -1 twice.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.target_shape = sizes("Reshape", "target_shape", target_shape, -1)
        if self.target_shape.count(-1) > 1:
            raise bad_setting("Reshape", "target_shape", "a shape with -1 once at most", target_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the reshaped inputs: shape `(batch, ...)` to `(batch, *target_shape)`."""
        return ops.reshape(inputs, (inputs.shape[0], *self.target_shape))
