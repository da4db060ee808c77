"""The base of layers around another layer."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import layers
from hilevel.engine.types import Config, Shape
from hilevel.layers.base.checks import bad_setting
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Wrapper(Layer):
    """Base of layers that hold another one and change what it does. Subclasses write `call`.

    Args:
        layer: the other layer.

    >>> import hilevel
    >>> class Twice(hilevel.layers.Wrapper):
    ...     def call(self, inputs):
    ...         return 2.0 * self.layer(inputs)
    >>> Twice(hilevel.layers.ReLU())(np.array([-1.0, 3.0], "float32"))
    array([0., 6.], dtype=float32)

    Raises:
        ValueError: `layer` is none.
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise bad_setting(type(self).__name__, "layer", "a layer to wrap", layer)
        self.layer = layer

    def build(self, input_shape: Shape | None = None) -> None:
        """Build the other layer."""
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Any:
        """A wrapper as `get_config` describes it, and the layer in it."""
        return cls(**config | {"layer": layers.deserialize(config["layer"], custom_objects)})
