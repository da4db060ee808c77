"""A layer that applies an activation function."""

from __future__ import annotations

from typing import Unpack

from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    activation_of,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ActivationLike, Options
from hilevel.ops.nn.scores import activate


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: the name of an activation, or an element-wise function of a tensor.

    >>> import hilevel
    >>> hilevel.layers.Activation("relu")(np.array([-1.0, 2.0], "float32"))
    array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: ActivationLike, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activation_of("Activation", "activation", activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activations, in the shape of the inputs."""
        return activate(self.activation, inputs)
