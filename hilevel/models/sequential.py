"""`Sequential`: one layer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel import masks, tree
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.types import Config, Shape
from hilevel.layers import deserialize, serialize
from hilevel.layers.base.layer import Layer
from hilevel.layers.core.input_layer import Input, InputLayer
from hilevel.models.model import Model


class Sequential(Model):
    """Layers called one after the other.

    Args:
        layers: the layers; the first may be an `Input`, which tells the shape of the data.
        trainable: whether its weights are trained.
        name: its name.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(2)])
    >>> model(np.ones((3, 4))).shape
    (3, 2)
    """

    _builds_on_call = True

    def __init__(
        self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        self._chain: list[Layer] = []
        self._start: SymbolicTensor | None = None
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer at the end.

        Raises:
            TypeError: it is not a layer.
            ValueError: its name is taken, or an Input comes after other layers.
        """
        if isinstance(layer, SymbolicTensor) and layer.node is not None:
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise TypeError(f"Sequential expects layers; got {type(layer).__name__}: {layer!r}.")
        if isinstance(layer, InputLayer):
            if self._chain or self._start is not None:
                raise ValueError(f"{self._label()}: an Input can only come first, and once.")
            self._start = layer.output
        else:
            if any(layer.name == other.name for other in self._chain):
                raise ValueError(
                    f'{self._label()} has a layer named "{layer.name}" already; give this one another name.'
                )
            if not self._chain and self._start is None:
                self._start = _hinted(layer)
            self._chain.append(layer)
        if rebuild:
            self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer away, and return it."""
        if not self._chain:
            raise ValueError(f"{self._label()} has no layer to take away.")
        layer = self._chain.pop()
        if rebuild:
            self._rebuild()
        return layer

    def _rebuild(self) -> None:
        """Build the graph anew, where the input's shape is known."""
        self._graph = None
        self._built = False
        self._set_paths()
        if self._start is not None and self._chain:
            x: Any = self._start
            for layer in self._chain:
                x = layer(x)
            self._set_graph(self._start, x)

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        super()._set_graph(inputs, outputs)
        del self._graph_layers

    def build(self, input_shape: Shape | None = None) -> None:
        """Make the weights for inputs of this shape, the batch included."""
        if self._graph is None and input_shape is not None and self._chain:
            if isinstance(input_shape, (dict, list)) and tree.is_nested(input_shape[0]):
                return
            self._start = Input(batch_shape=(None, *input_shape[1:]))
            self._rebuild()

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The output of the last layer."""
        if self._graph is not None:
            (inputs,) = self._graph.standardize(inputs)
        with masks.using_masks(inputs, mask):
            for layer in self._chain:
                inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._chain)

    def get_config(self) -> Config:
        """The layers' configs, from which `from_config` makes a model like this one."""
        layers = [] if self._start is None else [serialize(self._start.node.operation)]  # type: ignore[union-attr]
        return {
            "name": self.name,
            "trainable": self._trainable,
            "layers": layers + [serialize(layer) for layer in self._chain],
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Any:
        """A model as `get_config` describes it."""
        layers = [deserialize(c, custom_objects) for c in config["layers"]]
        return cls(layers, config.get("trainable", True), config.get("name"))


def _hinted(layer: Layer) -> SymbolicTensor | None:
    """The input of a first layer that is told its shape; of a model, that of the model."""
    if layer._input_shape_hint is not None:
        return Input(batch_shape=layer._input_shape_hint)
    if isinstance(layer, Model) and len(layer.inputs) == 1:
        x = layer.inputs[0]
        return Input(batch_shape=x.shape, dtype=x.dtype)
    return None
