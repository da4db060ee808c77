"""A layer that returns its inputs."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Identity(Layer):
    """A layer that returns its inputs, of any shape.

    >>> import hilevel
    >>> hilevel.layers.Identity()(np.array([1.0], "float32"))
    array([1.], dtype=float32)
    """

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs
