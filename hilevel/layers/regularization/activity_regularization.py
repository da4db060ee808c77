"""A penalty on activations."""

from __future__ import annotations

from typing import Unpack

from hilevel import regularizers
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    number,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import BaseOptions


class ActivityRegularization(Layer):
    """A layer that adds `l1 * sum(|x|) + l2 * sum(x^2)` of its input, of any shape, to the loss.

    Args:
        l1, l2: the factors, not negative.

    >>> import hilevel
    >>> layer = hilevel.layers.ActivityRegularization(l2=0.5)
    >>> _ = layer(np.array([[2.0]]))
    >>> layer.losses
    [np.float32(2.0)]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[BaseOptions]) -> None:
        name = "ActivityRegularization"
        l1, l2 = (number(name, n, 0.0 if v is None else v, 0) for n, v in (("l1", l1), ("l2", l2)))
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs
