"""A layer that applies an activation function."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    activation_of,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: a name, or a function of a tensor.

    >>> import hilevel
    >>> hilevel.layers.Activation("relu")(np.array([-1.0, 2.0], "float32"))
    array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activation_of("Activation", "activation", activation)

    def call(self, inputs: Tensor) -> Tensor:
        """The activation of the inputs."""
        return self.activation(inputs)
