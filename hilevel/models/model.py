"""`Model`: a layer that can be compiled and trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hilevel import masks, tree
from hilevel.api.registry import custom_object_scope
from hilevel.engine.graph import abstract_call
from hilevel.engine.types import Config
from hilevel.errors import nearest
from hilevel.layers.base.layer import Layer, default_build
from hilevel.layers.base.shapes import symbolic_inputs
from hilevel.models.config import graph_config, graph_from_config
from hilevel.models.graph_run import Graph
from hilevel.models.summary import summary_text
from hilevel.training.trainer import Trainer


class Model(Trainer):
    """A layer with `compile`, `fit`, `evaluate` and `predict`.

    Made of symbolic inputs and outputs (`Model(inputs, outputs)`), or subclassed, with layers made in `__init__`
    and used in `call`. A model belongs to the backend it was built on, and stays there whatever the default
    becomes, until `to` moves it.

    Args:
        inputs: what `Input` gave, or a list or dict of several.
        outputs: what came of them, or a list or dict of several.
        trainable: whether its weights are trained.
        name: its name.

    >>> import hilevel
    >>> x = hilevel.Input((4,))
    >>> model = hilevel.Model(x, hilevel.layers.Dense(2)(x))
    >>> model.predict(np.ones((3, 4)), verbose=0).shape
    (3, 2)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = ("inputs", "outputs", "name")
        given = dict(zip(names, args, strict=False)) | kwargs
        inputs, outputs = given.pop("inputs", None), given.pop("outputs", None)
        super().__init__(**given)
        self._graph: Graph | None = None
        if (inputs is None) != (outputs is None):
            raise ValueError("Model expects both inputs and outputs, or neither (to be subclassed).")
        if inputs is not None:
            self._set_graph(inputs, outputs)

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        self._graph = Graph(inputs, outputs)
        self._graph_layers = list(self._graph.layers)
        for layer in self._graph_layers:
            self._backend = self._backend or layer._backend
        self._require_backend()
        self._built = True

    @default_build
    def build(self, input_shape: Any = None) -> None:
        """Make the weights of a subclassed model, by running `call` on an input of this shape.

        Args:
            input_shape: the shape of the input, the batch included, or a list or dict of the shapes of several.

        >>> import hilevel
        >>> class Small(hilevel.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = hilevel.layers.Dense(2)
        ...     def call(self, inputs):
        ...         return self.dense(inputs)
        >>> model = Small()
        >>> model.build((None, 4))
        >>> model.count_params()
        10
        """
        if self._graph is None and input_shape is not None:
            self._require_backend()
            inputs = symbolic_inputs(input_shape, self.compute_dtype)
            abstract_call(lambda x: self._run((x,), {}), (inputs,), {})
        self._built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs for inputs: a tensor, or several in a list or, by name, in a dict."""
        if self._graph is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no call method. Write call(self, inputs), which says what the "
                "model computes; or make it of symbolic tensors: Model(inputs, outputs)."
            )
        with masks.using_masks(inputs, mask):
            return self._graph.run(inputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in the model, in order, that of its inputs included."""
        inputs = [] if self._graph is None else [x.node.operation for x in tree.flatten(self._graph.inputs)]
        return inputs + self._layers

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs."""
        return [] if self._graph is None else tree.flatten(self._graph.inputs)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs."""
        return [] if self._graph is None else tree.flatten(self._graph.outputs)

    @property
    def input(self) -> Any:
        """The symbolic input, or the structure of several."""
        return self._needs_graph().inputs

    @property
    def output(self) -> Any:
        """The symbolic output, or the structure of several."""
        return self._needs_graph().outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of several."""
        return _one_or_all([x.shape for x in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of several."""
        return _one_or_all([x.shape for x in self.outputs])

    @property
    def input_names(self) -> list[str]:
        """The names by which data can be given in a dict."""
        return [] if self._graph is None else self._graph.input_names

    @property
    def output_names(self) -> list[str] | None:
        """The names by which targets can be given in a dict; None before they are known."""
        return None if self._graph is None else self._graph.output_names

    def get_config(self) -> Config:
        """Return the config of a functional model, with its layers and their calls; of a subclass, the arguments of its
        `__init__`."""
        if self._graph is None or type(self) is not Model:
            return super().get_config()
        base = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype_policy.name}
        return base | graph_config(self._graph)

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return a model as `get_config` describes it, with new weights.

        Args:
            config: what `get_config` returned.
            custom_objects: further classes and functions by name.

        >>> import hilevel
        >>> x = hilevel.Input((4,))
        >>> model = hilevel.Model(x, hilevel.layers.Dense(2)(x))
        >>> hilevel.Model.from_config(model.get_config()).output_shape
        (None, 2)
        """
        with custom_object_scope(custom_objects or {}):
            if not {"layers", "input_layers", "output_layers"} <= set(config):
                return super().from_config(config)
            inputs, outputs = graph_from_config(config)
            base = {key: config[key] for key in ("name", "trainable", "dtype") if key in config}
            return cls(inputs, outputs, **base)

    def get_build_config(self) -> Config | None:
        """Return the shape of the input of a subclassed or Sequential model; None for a functional model, which is
        built by its config."""
        if self._graph is None or type(self).build is Model.build:
            return super().get_build_config()
        return {"input_shape": self.input_shape}

    def _needs_graph(self) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"{self._label()} has no symbolic inputs: it is subclassed, or was not built yet."
            )
        return self._graph

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or with that number.

        Raises:
            ValueError: there is none, or not exactly one of the two is given.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError("get_layer expects a name or an index.")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"{self._label()} has {len(layers)} layers; there is no layer {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(
            f'{self._label()} has no layer "{name}".{nearest(str(name), names)} Its layers: {", ".join(names)}.'
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: tuple[str, str] | None = None,
        show_flops: bool = False,
    ) -> None:
        """Print a table of the layers: names, output shapes, numbers of parameters.

        Args:
            line_length: the width in characters; by default that of the terminal, at most 100.
            positions: not used: columns are as wide as they have to be.
            print_fn: a function of the text, instead of `print`.
            expand_nested: whether the layers of models inside are listed.
            show_trainable: whether a column says which layers are trained.
            layer_range: names of the first and the last layer to list.
            show_flops: whether a column has the floating-point operations of a prediction for one sample, as
                `hilevel.utils.count_flops` counts them.
        """
        text = summary_text(self, line_length, expand_nested, show_trainable, layer_range, show_flops)
        (print_fn or print)(text)

    def __repr__(self) -> str:
        if "name" not in vars(self):
            return f"<{type(self).__name__}, not initialised>"
        shapes = ", ".join(f"{x.name} {x.shape}" for x in self.inputs)
        size = f"{self.count_params():,} parameters" if self.built else "not built"
        return f"<{self._label()}: {'inputs ' * bool(shapes)}{shapes}{', ' * bool(shapes)}{size}>"


def _one_or_all(shapes: list[Any]) -> Any:
    return shapes[0] if len(shapes) == 1 else shapes
