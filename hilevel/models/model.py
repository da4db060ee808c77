"""`Model`: a layer that can be compiled and trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, overload

from hilevel import masks, tree
from hilevel.api.custom_objects import custom_object_scope
from hilevel.api.lazy import LazyModule
from hilevel.api.serialization import serialize, sharing
from hilevel.engine.graph import abstract_call
from hilevel.engine.types import Config, ShapeLike, Structure
from hilevel.errors import nearest
from hilevel.layers.base.layer import Layer, default_build
from hilevel.layers.base.shapes import symbolic_inputs
from hilevel.models.config import graph_config, graph_from_config
from hilevel.models.graph_run import Graph, Symbols
from hilevel.models.state_tree import get_state_tree, set_state_tree
from hilevel.models.summary import summary_text
from hilevel.training.trainer import Trainer

saving: Any = LazyModule("hilevel.saving")
"""The files of models. Their module is loaded when the first model is saved."""
exporting: Any = LazyModule("hilevel.export.model")
"""The files of models for other programs. Their module is loaded when the first model is exported."""
model_plot_html: Any = LazyModule("hilevel.utils.model_plot_html")
"""The display of models in notebooks. Its module is loaded when the first model is shown."""


def overridable(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method unchanged. For a type checker, subclasses may override it with any parameters."""
    return call


class Model(Trainer):
    """A layer with `compile`, `fit`, `evaluate` and `predict`.

    A functional model is made from symbolic inputs and outputs, `Model(inputs, outputs)`. A subclass makes layers in
    `__init__`, and uses them in `call`. A model stays on the backend on which it was built, even if the default
    changes, until `to` moves it.

    Args:
        inputs: a symbolic tensor of `Input`, or a list or dict of several.
        outputs: a symbolic tensor computed from the inputs, or a list or dict of several.
        trainable: whether the weights are trained.
        name: the name, by default made from the class.

    Raises:
        ValueError: only one of `inputs` and `outputs` is given, or the graph is not connected.
        TypeError: an input or output is not a symbolic tensor.

    >>> import hilevel
    >>> x = hilevel.Input((4,))
    >>> model = hilevel.Model(x, hilevel.layers.Dense(2)(x))
    >>> model.predict(np.ones((3, 4)), verbose=0).shape
    (3, 2)
    """

    _is_whole_model = True

    @overload
    def __init__(self, inputs: Symbols, outputs: Symbols, name: str | None = None, **kwargs: Any) -> None: ...
    @overload
    def __init__(self, **kwargs: Any) -> None: ...
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

    def _set_graph(self, inputs: Symbols, outputs: Symbols) -> None:
        self._graph = Graph(inputs, outputs)
        self._graph_layers = list(self._graph.layers)
        for layer in self._graph_layers:
            self._backend = self._backend or layer._backend
        self._require_backend()
        self._built = True

    @default_build
    def build(
        self, input_shape: ShapeLike | Sequence[ShapeLike] | Mapping[str, ShapeLike] | None = None
    ) -> None:
        """Make the weights of a subclassed model, by a run of `call` on shapes.

        Args:
            input_shape: the shape of the input, with the batch axis, or a list or dict of shapes.

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

    @overridable
    def call(self, inputs: Structure, training: bool | None = None, mask: Structure = None) -> Any:
        """Return the outputs for inputs: a tensor, or a list or dict of tensors."""
        if self._graph is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no call method. Define call(self, inputs), the computation of "
                "the model; or make it from symbolic tensors: Model(inputs, outputs)."
            )
        with masks.using_masks(inputs, mask):
            return self._graph.run(inputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in the model, in order, including the layers of its inputs."""
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
        """The names of the inputs, as keys of a dict of data."""
        return [] if self._graph is None else self._graph.input_names

    @property
    def output_names(self) -> list[str] | None:
        """The names of the outputs, as keys of a dict of targets; None while they are unknown."""
        return None if self._graph is None else self._graph.output_names

    def get_config(self) -> Config:
        """Return the config: of a functional model its layers and calls, of a subclass the arguments of `__init__`."""
        if self._graph is None or type(self) is not Model:
            return super().get_config()
        base = {"name": self.name, "trainable": self._trainable, "dtype": serialize(self.dtype_policy)}
        return base | graph_config(self._graph)

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Self:
        """Return the model that `get_config` described, with new weights.

        Args:
            config: the result of `get_config`.
            custom_objects: further classes and functions, by name.

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
        """Return the input shape of a subclassed or Sequential model; None for a functional model."""
        if self._graph is None or type(self).build is Model.build:
            return super().get_build_config()
        return {"input_shape": self.input_shape}

    @property
    def _class_in_files(self) -> str | None:
        """The class of a functional model in Keras; None for other models, whose names are the same."""
        return "Functional" if type(self) is Model and self._graph is not None else None

    # -- files -------------------------------------------------------------------------------------

    def save(
        self, filepath: str | Path, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Save the model to one file: config, weights, the arguments of `compile`, the state of the optimizer.

        Args:
            filepath: a name that ends in `.keras` (Keras's format; needs h5py) or `.hilevel` (needs only NumPy).
            overwrite, zipped, kwargs: as in `hilevel.saving.save_model`.

        Raises:
            ValueError: the name has another ending.
            FileExistsError: the file exists, and `overwrite` is False.

        >>> import hilevel, tempfile, pathlib
        >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.hilevel"
        >>> model.save(path)
        >>> hilevel.models.load_model(path).count_params()
        3
        """
        saving.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self, filepath: str | Path, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Save the weights, and the state of the optimizer, to a file.

        Args:
            filepath, overwrite, max_shard_size: as in `hilevel.saving.save_weights`; for example a name that ends in
                `.weights.h5`, `.safetensors` or `.weights.npz`.
        """
        saving.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: str | Path, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load the weights, and the state of the optimizer, from a file.

        Args:
            filepath, skip_mismatch, kwargs: as in `hilevel.saving.load_weights`.

        Raises:
            InvalidFileError: the file is damaged, of another format, or does not fit the model.
        """
        saving.load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(
        self, filepath: str | Path, format: str | None = None, verbose: bool | None = None,
        input_signature: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Write the model for predictions to a file of ONNX or StableHLO.

        Args:
            filepath: a name that ends in `.onnx` or `.stablehlo`.
            format, verbose, input_signature, kwargs: as in `hilevel.export.export_model`.

        Raises:
            ExportError: the format is unknown, or a part of the model has no form in it.
            ImportError: a package is not installed.
        """
        exporting.export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """Return the config as JSON text, for `hilevel.models.model_from_json`.

        Args:
            kwargs: arguments of `json.dumps`, such as `indent`.
        """
        with sharing():
            return json.dumps(serialize(self), **kwargs)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict[str, Any]]:
        """Return the values of all Variables, for example for the checkpoints of another library.

        Args:
            value_format: `"backend_tensor"` for arrays of the backend, `"numpy_array"` for NumPy arrays.

        Returns:
            A dict for each of `"trainable_variables"`, `"non_trainable_variables"`, `"optimizer_variables"` and
            `"metrics_variables"`. It has a dict for each part of a Variable's path, down to the copies of the values.
            If several Variables have the same path, the names of the later ones end in `_1`, `_2` and so on.

        Raises:
            ValueError: the format is unknown.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((1,)), hilevel.layers.Dense(1, name="d")], name="m")
        >>> tree = model.get_state_tree("numpy_array")
        >>> tree["trainable_variables"]["m"]["d"]["bias"]
        array([0.], dtype=float32)
        """
        return get_state_tree(self, value_format)

    def set_state_tree(self, state_tree: Mapping[str, Any]) -> None:
        """Set Variables to values of `get_state_tree`. Variables that the tree lacks keep their values.

        Args:
            state_tree: the nested dicts, which may be incomplete.

        Raises:
            ValueError: the tree names a Variable that the model lacks. No Variable is changed then.
            ShapeError: a value has another shape than its Variable. No Variable is changed then.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((1,)), hilevel.layers.Dense(1, name="d")], name="m")
        >>> model.set_state_tree({"trainable_variables": {"m": {"d": {"bias": np.array([5.0])}}}})
        >>> model.get_weights()[1]
        array([5.], dtype=float32)
        """
        set_state_tree(self, state_tree)

    def _needs_graph(self) -> Graph:
        if self._graph is None:
            raise AttributeError(f"{self._label()} has no symbolic inputs: it is subclassed, or not built.")
        return self._graph

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer.

        Args:
            name: the name of the layer.
            index: its index in `layers`, instead of the name.

        Raises:
            ValueError: there is no such layer, or not exactly one argument is given.
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
        positions: object = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: tuple[str, str] | None = None,
        show_flops: bool = False,
    ) -> None:
        """Print a table of the layers, with their names, output shapes and numbers of parameters.

        Args:
            line_length: the width in characters; by default the width of the terminal, at most 100.
            positions: ignored.
            print_fn: a function of the text that replaces `print`.
            expand_nested: whether to list the layers of nested models.
            show_trainable: whether to add a column of the layers that are trained.
            layer_range: the names of the first and the last layer to list; by default all.
            show_flops: whether to add a column of the floating-point operations for one sample, as in
                `hilevel.utils.count_flops`.
        """
        text = summary_text(self, line_length, expand_nested, show_trainable, layer_range, show_flops)
        (print_fn or print)(text)

    def __repr__(self) -> str:
        if "name" not in vars(self):
            return f"<{type(self).__name__}, not initialized>"
        shapes = ", ".join(f"{x.name} {x.shape}" for x in self.inputs)
        size = f"{self.count_params():,} parameters" if self.built else "not built"
        return f"<{self._label()}: {'inputs ' * bool(shapes)}{shapes}{', ' * bool(shapes)}{size}>"

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook shows: a table of the layers, and the picture."""
        return str(model_plot_html.html_of(self))


def _one_or_all(shapes: list[Any]) -> Any:
    return shapes[0] if len(shapes) == 1 else shapes
