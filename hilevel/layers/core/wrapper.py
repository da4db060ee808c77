"""The base of layers that wrap another layer."""

from __future__ import annotations

from typing import Any, Self, Unpack

from hilevel.api.custom_objects import custom_object_scope
from hilevel.api.serialization import deserialize, making
from hilevel.engine.types import Config, Shape
from hilevel.layers.base.checks import bad_setting
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Wrapper(Layer):
    """The base of layers that wrap another layer. Subclasses define `call`, and so the shape of the output.

    Args:
        layer: the wrapped layer.

    >>> import hilevel
    >>> class Twice(hilevel.layers.Wrapper):
    ...     def call(self, inputs):
    ...         return 2.0 * self.layer(inputs)
    >>> Twice(hilevel.layers.ReLU())(np.array([-1.0, 3.0], "float32"))
    array([0., 6.], dtype=float32)

    Raises:
        ValueError: `layer` is no layer.
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise bad_setting(type(self).__name__, "layer", "a layer to wrap", layer)
        self.layer = layer

    def build(self, input_shape: Shape | None = None) -> None:
        """Build the wrapped layer."""
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Self:
        """Return a wrapper, with its layer, from a config of `get_config`."""
        with custom_object_scope(custom_objects), making():
            return cls(**{**config, "layer": deserialize(config["layer"], "layers")})
