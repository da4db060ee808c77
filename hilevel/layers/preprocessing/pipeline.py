"""Layers one after the other, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.types import Config
from hilevel.layers.base.checks import bad_setting
from hilevel.layers.base.layer import Layer
from hilevel.layers.preprocessing.data_layer import DataLayer


class Pipeline(DataLayer):
    """A layer that applies layers in their order, to any data that they accept.

    Unlike a `Sequential`, it accepts dicts of images, labels and bounding boxes, and works on the host.

    Args:
        layers: the layers.
        name: the name of the layer.

    >>> import hilevel
    >>> layers = [hilevel.layers.CenterCrop(2, 2), hilevel.layers.Rescaling(1 / 255)]
    >>> hilevel.layers.Pipeline(layers)(np.full((1, 4, 4, 3), 255.0)).shape
    (1, 2, 2, 3)

    Raises:
        ValueError: `layers` is no list of layers.
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        if not isinstance(layers, (list, tuple)) or not all(isinstance(layer, Layer) for layer in layers):
            raise bad_setting("Pipeline", "layers", "a list of layers", layers)
        self._steps = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in their order."""
        return self._steps

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        """Return the output of the last layer."""
        for layer in self._steps:
            more = {"mask": mask} if mask is not None and "mask" in layer._call_parameters else {}
            inputs = layer(inputs, training=training, **more)
        return inputs

    def get_config(self) -> Config:
        """Return the name, and the configs of the layers."""
        return {"name": self.name, "layers": super().get_config()["layers"]}
