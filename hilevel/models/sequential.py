"""`Sequential`: a chain of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from hilevel import masks, tree
from hilevel.api.serialization import serialize
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.spec import agree
from hilevel.engine.types import Config, Shape, ShapeLike, Structure
from hilevel.errors import ShapeError
from hilevel.layers import deserialize
from hilevel.layers.base.layer import Layer
from hilevel.layers.core.input_layer import Input, InputLayer
from hilevel.models.graph_run import Symbols
from hilevel.models.model import Model, overridable


class Sequential(Model):
    """A model of layers in a chain, each of which is called on the output of the layer before it.

    Args:
        layers: the layers. The first may be an `Input`, with the shape of the data.
        trainable: whether the weights are trained.
        name: the name, by default made from the class.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(2)])
    >>> model(np.ones((3, 4))).shape
    (3, 2)
    """

    _builds_on_call = True

    def __init__(
        self,
        layers: Sequence[Layer | SymbolicTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        self._chain: list[Layer] = []
        self._start: SymbolicTensor | None = None
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Layer | SymbolicTensor, rebuild: bool = True) -> None:
        """Append a layer.

        Raises:
            ValueError: the object is not a layer, the name is taken, or an `Input` follows other layers.
        """
        if isinstance(layer, SymbolicTensor) and layer.node is not None:
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise ValueError(f"Sequential expects layers; got {type(layer).__name__}: {layer!r}.")
        if isinstance(layer, InputLayer):
            if self._chain or self._start is not None:
                raise ValueError(f"{self._label()}: an Input must be the first layer, and the only one.")
            self._start = layer.output
        else:
            if any(layer.name == other.name for other in self._chain):
                raise ValueError(
                    f'{self._label()} has a layer named "{layer.name}" already; give this one another name.'
                )
            if not self._chain and self._start is None:
                self._start = _input_for(layer)
            self._chain.append(layer)
        if rebuild:
            self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer, and return it."""
        if not self._chain:
            raise ValueError(f"{self._label()} has no layer to remove.")
        layer = self._chain.pop()
        if rebuild:
            self._rebuild()
        return layer

    def _rebuild(self) -> None:
        """Rebuild the graph, if the shape of the input is known."""
        self._graph = None
        self._built = False
        self._set_paths()
        if self._start is not None and self._chain and not self._has_host_layers:
            x: Any = self._start
            for layer in self._chain:
                _check_call(layer)
                x = layer(x)
            self._set_graph(self._start, x)

    def _set_graph(self, inputs: Symbols, outputs: Symbols) -> None:
        super()._set_graph(inputs, outputs)
        del self._graph_layers

    def build(
        self, input_shape: ShapeLike | Sequence[ShapeLike] | Mapping[str, ShapeLike] | None = None
    ) -> None:
        """Make the weights for inputs of this shape, with the batch axis."""
        shape: Any = input_shape
        if self._has_host_layers:
            self._built = True
        elif self._start is not None and shape is not None and _is_other(shape, self._start.shape):
            raise ShapeError(
                f"{self._label()} has an Input of shape {self._start.shape}; it was built on {shape}."
            )
        elif self._graph is None and shape is not None and self._chain:
            if isinstance(shape, Mapping) or any(map(tree.is_nested, shape)):
                return  # the first layer takes several inputs: it is built when they are there
            self._start = Input(batch_shape=(None, *shape[1:]))
            self._rebuild()

    @overridable
    def call(self, inputs: Structure, training: bool | None = None, mask: Structure = None) -> Any:
        """Return the output of the last layer.

        Raises:
            ValueError: there are no layers.
        """
        if not self._chain:
            raise ValueError(f"{self._label()} has no layers. Add one with add.")
        if self._graph is not None:
            (inputs,) = self._graph.standardize(inputs)
        with masks.using_masks(inputs, mask):
            for layer in self._chain:
                inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the `Input`."""
        return list(self._chain)

    def get_config(self) -> Config:
        """Return the configs of the layers, for `from_config`."""
        layers = [] if self._start is None else [serialize(self._start.node.operation)]  # type: ignore[union-attr]
        return {
            "name": self.name,
            "trainable": self._trainable,
            "layers": layers + [serialize(layer) for layer in self._chain],
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Self:
        """Return the model that `get_config` described, with new weights."""
        on_device = [c for c in config["layers"] if c.get("config", {}).get("dtype") != "string"]
        layers = [deserialize(c, custom_objects) for c in on_device]  # Input("string") is only of Keras
        return cls(layers, config.get("trainable", True), config.get("name"))


def _check_call(layer: Layer) -> None:
    """Raise ValueError if a layer cannot be called with one input alone."""
    others = list(layer._call_parameters.values())[1:]
    needed = [p.name for p in others if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if needed:
        raise ValueError(
            f"{layer._label()} needs the arguments {', '.join(needed)} besides its input. In a Sequential a layer gets "
            "one input."
        )


def _is_other(shape: Any, known: Shape) -> bool:
    """Return whether two shapes of one tensor disagree."""
    if isinstance(shape, Mapping) or any(map(tree.is_nested, shape)):
        return False
    return not agree(shape, known)


def _input_for(layer: Layer) -> SymbolicTensor | None:
    """Return the input for a first layer with an argument for its shape, or for a model; else None."""
    if layer._input_shape_hint is not None:
        return Input(batch_shape=layer._input_shape_hint)
    if isinstance(layer, Model) and len(layer.inputs) == 1:
        x = layer.inputs[0]
        return Input(batch_shape=x.shape, dtype=x.dtype)
    return None
