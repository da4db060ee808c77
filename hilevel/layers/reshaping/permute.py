"""Permutation of the axes after the batch axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    bad_setting,
    sizes,
)
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Permute(Layer):
    """A layer that permutes the axes of each sample.

    Args:
        dims: the new order of the axes, which count from 1 without the batch: `(2, 1)` swaps two axes.

    >>> import hilevel
    >>> hilevel.layers.Permute((2, 1))(np.ones((5, 3, 4))).shape
    (5, 4, 3)

    Raises:
        ValueError: `dims` is not a permutation of 1, 2, ...
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.dims = sizes("Permute", "dims", dims, 1)
        if set(self.dims) != set(range(1, len(self.dims) + 1)):
            raise bad_setting("Permute", "dims", "an order of 1, 2, ...", dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs with their axes in the order `(0, *dims)`."""
        return ops.transpose(inputs, (0, *self.dims))
