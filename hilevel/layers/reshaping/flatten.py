"""Flattening of the axes after the batch axis."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    data_format_of,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Flatten(Layer):
    """A layer that flattens all axes but the batch to one.

    Args:
        data_format: `"channels_last"`, or `"channels_first"` to move the channels to the end first.

    >>> import hilevel
    >>> hilevel.layers.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of("Flatten", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the flattened inputs: shape `(batch, ...)` to `(batch, features)`."""
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        size = int(np.prod(inputs.shape[1:], dtype=np.int64))
        return ops.reshape(inputs, (inputs.shape[0], size))
