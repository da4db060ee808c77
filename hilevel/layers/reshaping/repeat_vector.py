"""Repetition of vectors along a new time axis."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    positive,
)
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class RepeatVector(Layer):
    """A layer that repeats each sample along a new axis of steps.

    Args:
        n: the number of steps.

    >>> import hilevel
    >>> hilevel.layers.RepeatVector(3)(np.ones((2, 4))).shape
    (2, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.n = positive("RepeatVector", "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the repeated inputs: shape `(batch, features)` to `(batch, n, features)`."""
        return ops.repeat(inputs[:, None, :], self.n, axis=1)
