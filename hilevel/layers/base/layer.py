"""`Layer`, the base of layers and models."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np

from hilevel import dtype_policies, layers, masks, regularizers, tree
from hilevel.api.configurable import Configurable, argument_names, check_required
from hilevel.api.custom_objects import get_registered_object
from hilevel.api.registry import snake_case
from hilevel.api.serialization import deserialize, making, serialize
from hilevel.api.tracebacks import shorten
from hilevel.dtype_policies import DTypePolicyLike
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import is_float
from hilevel.engine.graph import abstract_call, known_shape, record_call, symbolic_in
from hilevel.engine.interpreter import ARRAYS, EVALUATE, HOST_TYPES
from hilevel.engine.names import unique_name
from hilevel.engine.protocol import Backend
from hilevel.engine.spec import shapes_text
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Config, Shape, Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError, unknown_argument
from hilevel.layers.base.checks import flags
from hilevel.layers.base.input_spec import InputSpec, shape_hint
from hilevel.layers.base.rematerialized import RematerializedCalls
from hilevel.layers.base.settings import FIRST_LAYER_ONLY, RegularizerLike, settings_of
from hilevel.layers.base.shapes import (
    abstract_tensors,
    as_spec,
    as_symbolic,
    has_shape,
    shapes_of,
    symbolic_inputs,
    with_shapes,
)
from hilevel.layers.base.state_container import Record, StateContainer
from hilevel.layers.base.stateless import StatelessCalls

building = threading.RLock()
"""The lock of builds: two threads that use a model for the first time make one set of weights."""
_F = TypeVar("_F", bound=Callable[..., Any])
_BESIDE = (*FIRST_LAYER_ONLY, "inputs", "outputs")
"""Arguments that constructors take although their signatures lack them."""


def default_build(build: _F) -> _F:
    """Mark a `build` as not needed before the first call, because `call` makes the same objects."""
    build.is_default = True  # type: ignore[attr-defined]
    return build


class Layer(StateContainer, StatelessCalls, RematerializedCalls, Configurable):
    """A function with weights: `build` makes the weights, and `call` computes the output.

    Subclass it, and write `__init__` for the settings, `build(input_shape)` for the weights, `call(inputs)` for the
    computation. The layer tracks layers, Variables, seed generators and metrics in its attributes, also in lists,
    dicts, tuples and sets.

    Args:
        activity_regularizer: a penalty on the output, added to the loss; none by default.
        trainable: whether optimizers update its weights.
        dtype: its dtype, or a `DTypePolicy`; by default the global policy.
        autocast: whether float inputs are cast to its compute dtype.
        name: its name; by default the class name in snake case, with a number.

    >>> import hilevel
    >>> class Double(hilevel.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
    ...     def call(self, inputs):
    ...         return 2.0 * self.factor * inputs
    >>> Double()(np.ones((1, 2)))
    array([[2., 2.]], dtype=float32)

    Raises:
        TypeError: an argument is unknown.
        ValueError: the name is no string, or contains a slash.
    """

    _call_parameters: ClassVar[dict[str, inspect.Parameter]]
    _takes_training: ClassVar[bool]
    _makes_masks: ClassVar[bool]
    _builds_on_call: ClassVar[bool] = False
    _built_from_start: ClassVar[bool] = True
    """The default of `built` in a layer without its own `build`, if the layers in it are built."""
    _on_host: ClassVar[bool] = False
    """True in layers of data on the host, which cannot be part of a graph."""
    _not_in_config: ClassVar[tuple[str, ...]] = ()
    """Arguments of `Layer` that the class in Keras does not accept."""
    _declares_shape: ClassVar[bool] = False
    """True in a subclass with its own method for the shape of its output."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._call_parameters = dict(list(inspect.signature(cls.call).parameters.items())[1:])
        cls._takes_training = "training" in cls._call_parameters
        cls._makes_masks = cls.compute_mask is not Layer.compute_mask
        if "build" in cls.__dict__:
            cls.build = _recording_build(cls.build)  # type: ignore[method-assign]
        cls._declares_shape = (
            cls.compute_output_shape is not Layer.compute_output_shape
            or cls.compute_output_spec is not Layer.compute_output_spec
        )
        own_build = not getattr(cls.build, "is_default", False)
        cls._build_parameters = list(inspect.signature(cls.build).parameters)[1:] if own_build else None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls, *args, **kwargs)
        check_required(cls, len(args), kwargs)
        object.__setattr__(layer, "_record", Record(args, kwargs))
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: RegularizerLike = None,
        trainable: bool = True,
        dtype: DTypePolicyLike = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        hint = shape_hint(kwargs)
        if kwargs:
            known = [*argument_names(type(self)), *argument_names(Layer), *_BESIDE]
            raise unknown_argument(type(self).__name__, next(iter(kwargs)), dict.fromkeys(known))
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"A layer's name must be a string without '/'; got {name!r}.")
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._built = False
        flags(type(self).__name__, trainable=trainable, autocast=autocast)
        self.autocast = autocast
        self.supports_masking = False
        self.input_spec: InputSpec | None = None
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._use_policy(dtype_policies.get(dtype))
        self._trainable = bool(trainable)
        self._input_shape_hint: Shape | None = hint
        self._backend: Backend | None = None
        self._adds_losses = False
        self._remat = context.remat

    # -- methods of subclasses --------------------------------------------------------------------

    @default_build
    def build(self, *input_shapes: Any, **named_shapes: Any) -> None:
        """Make the weights for the shapes of the inputs. A layer calls it once, before its first call."""
        self._built = True

    @property
    def built(self) -> bool:
        """True after all weights are made; of a layer without weights and its own `build`, True from the start."""
        if self._built or not self._built_from_start or self._build_parameters is not None:
            return self._built
        return all(layer.built for layer in self._layers)

    @built.setter
    def built(self, value: bool) -> None:
        self._built = bool(value)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output of the layer."""
        raise NotImplementedError(
            f"{type(self).__name__} has no call method. Write call(self, inputs), which computes the output."
        )

    # -- dtypes ------------------------------------------------------------------------------------

    def _use_policy(self, policy: dtype_policies.DTypePolicy) -> None:
        self.dtype_policy = policy
        self._compute_dtype = policy.compute
        self._mixed = policy.is_mixed

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def quantization_mode(self) -> str | None:
        """The quantization of the dtype policy; None, as quantization is not implemented."""
        return self.dtype_policy.quantization_mode

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to."""
        return self.compute_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computations."""
        return self.dtype_policy.compute_dtype

    # -- calling -----------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Build the layer if necessary, and compute its output."""
        try:
            home, current = self._backend, context.backend or current_backend()
            if home is not None and home is not current:
                with scope(backend=home):
                    return self(*args, **kwargs)
            if len(args) == 1 and not kwargs and args[0].__class__ in ARRAYS:
                x = args[0]
                on_host = x.__class__ in HOST_TYPES and current.takes_host_arrays
                if x.dtype is not self._compute_dtype or not on_host:
                    args = (self._prepare(x),)
            else:
                if symbolic_in((args, kwargs)):
                    return self._graph_call(args, kwargs)
                args, kwargs = tree.map_structure(self._prepare, (args, kwargs))
            if self.input_spec is not None:
                self.input_spec.check(args[0] if args else self._first(kwargs), self)
            if not self._built and self._build_for(args, kwargs):
                args, kwargs = tree.map_structure(self._prepare, (args, kwargs))
            if masks.table or self._makes_masks or (kwargs and kwargs.get("mask") is not None):
                return self._run_masked(args, kwargs)
            return self._run(args, kwargs)
        except Exception as error:
            shorten(error)
            raise

    def _first(self, kwargs: dict[str, Any]) -> Any:
        """Return the first argument of a call with keyword arguments only."""
        name = next(iter(self._call_parameters), "inputs")
        if name not in kwargs:
            raise TypeError(
                f"{self._label()} needs the argument {name!r}; got {', '.join(kwargs) or 'none'}."
            )
        return kwargs[name]

    def _prepare(self, x: Any) -> Any:
        """Return an input as an array of the layer's backend, floats in its compute dtype."""
        prepared = self._cast(x)
        if masks.table and prepared is not x:
            masks.propagate([x], [prepared])
        return prepared

    def _cast(self, x: Any) -> Any:
        if isinstance(x, Variable) or (x.__class__ not in ARRAYS and not hasattr(x, "__array__")):
            return x
        if not isinstance(x, TensorBase):
            backend = current_backend()
            if x.__class__ not in ARRAYS and not backend.is_array(x):
                x = np.asarray(x)
            if x.__class__ not in HOST_TYPES and not backend.is_array(x):
                x = backend.asarray(to_host(x))
            elif x.__class__ in HOST_TYPES and not backend.takes_host_arrays:
                x = backend.asarray(x)
        if self.autocast and x.dtype is not self._compute_dtype and is_float(x.dtype):
            return x.astype(self._compute_dtype)
        return x

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `call`, with `training` of the outer calls by default, and keep the losses that it adds."""
        if self._declares_shape and context.placeholder_size is not None and context.declaring is not self:
            self._build_inner(args, kwargs)
            return self._finish(self._declared(args, kwargs))
        interpreter = context.interpreter
        if not interpreter.is_plain:
            interpreter.use(self)
        around = context.training
        training = kwargs.get("training")
        if training is None:
            training = around
        if self._takes_training:
            if training is not None:
                kwargs["training"] = training
        elif "training" in kwargs and "kwargs" not in self._call_parameters:
            del kwargs["training"]
        call = self.call if self._remat is None else self.rematerialized_call(self.call, *args, **kwargs)
        try:
            if (
                training is around
                and context.losses is not None
                and not self._mixed
                and context.autocast is None
            ):
                return self._finish(call(*args, **kwargs))
            cast = self._compute_dtype if self._mixed else None
            losses = [] if context.losses is None else context.losses
            with scope(training=training, losses=losses, autocast=cast):
                return self._finish(call(*args, **kwargs))
        except Exception as error:
            explained = isinstance(error, ShapeError) or current_backend().is_out_of_memory(error)
            if explained and not getattr(error, "__notes__", None):
                error.add_note(f"In {self._label()}, called with inputs of shape {shapes_text(args)}.")
            raise
        finally:
            if not interpreter.is_plain:
                interpreter.leave(self)

    def _run_masked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `_run` with the masks of the inputs, and set the masks of the outputs."""
        named = self._bind(args, kwargs)
        first = next(iter(named.values()))
        previous = masks.mask_of_all(first)
        for i, (name, value) in enumerate(named.items()):
            slots = [s for s in (f"{name}_mask", *["mask"] * (i == 0)) if s in self._call_parameters]
            if slots and kwargs.get(slots[0]) is None:
                mask = masks.consume(value)
                kwargs |= {} if mask is None else {slots[0]: mask}
        if previous is None:
            previous = kwargs.get("mask")
        outputs = self._run(args, kwargs)
        self._mask_outputs(first, outputs, previous)
        return outputs

    def _mask_outputs(self, inputs: Any, outputs: Any, previous: Any) -> None:
        """Set the masks of the outputs by `compute_mask`, and warn if a mask is lost."""
        if self.supports_masking or self._makes_masks:
            masks.consume(inputs)
            flat = tree.flatten(outputs)
            computed = self.compute_mask(inputs, previous)
            several = computed if isinstance(computed, (list, tuple)) else [computed] * len(flat)
            for output, mask in zip(flat, several, strict=False):
                if mask is not None and masks.mask_of(output) is None and masks.matches(mask, output):
                    masks.set_mask(output, mask)
        elif previous is not None:
            masks.warn_if_lost(self._label(), inputs, outputs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the output for an input and its mask.

        By default it is the mask of the input. A layer without `supports_masking` does not call the default.
        """
        return previous_mask

    def _finish(self, outputs: Any) -> Any:
        if self.activity_regularizer is not None and context.placeholder_size is None:
            for output in tree.flatten(outputs):
                samples = output.shape[0] if output.shape else 1
                self.add_loss(self.activity_regularizer(output) / max(samples, 1))
        losses = context.losses
        if losses or self._adds_losses:
            self._keep_losses(losses)
        if context.interpreter.infers_shapes:
            shapes = [known_shape(x.shape) for x in tree.flatten(outputs) if hasattr(x, "shape")]
            self._record.output_shapes = shapes
        return outputs

    def _keep_losses(self, losses: Any) -> None:
        """Store the losses of a call for the property `losses` in the same thread."""
        self.__dict__["_adds_losses"] = True
        context.added_losses[self] = losses

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Call `build` with the shapes of the inputs, in one thread only. Return whether the dtype policy changed."""
        with building:
            if self._built:
                return False
            policy = self.dtype_policy
            if isinstance(policy, dtype_policies.DTypePolicyMap):
                self._use_policy(policy[self._record.path or "/".join((*context.name_scopes, self.name))])
            names = self._build_parameters
            self._require_backend()
            shapes = shapes_of(self._bind(args, kwargs))
            if names is None and self._layers:
                self._record.build_shapes = dict(shapes)
            elif names is not None:
                with scope(
                    interpreter=EVALUATE, autocast=None, overlay=None, placeholder_size=None, ranges=None
                ):
                    self._build(shapes, names)
            self._built = True
            return self.dtype_policy is not policy

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the tensor arguments of a call by name."""
        positional = dict(zip(self._call_parameters, args, strict=False))
        named = {k: v for k, v in (positional | kwargs).items() if has_shape(v)}
        return named or {"inputs": args[0] if args else None}

    def _build(self, shapes: dict[str, Any], names: list[str]) -> None:
        with_shapes(self.build, names, shapes)

    def _build_inner(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build the layers in a layer without `build` by a call; one that cannot run on shapes leaves them unbuilt."""
        if self._build_parameters is None and not all(layer.built for layer in self._layers):
            with suppress(Exception):
                self.call(*args, **kwargs)

    def _declared(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return TensorSpecs of the output by the layer's own `compute_output_spec` or `compute_output_shape`."""
        size = context.placeholder_size
        with scope(declaring=self):
            if type(self).compute_output_spec is not Layer.compute_output_spec:
                args, kwargs = tree.map_structure(as_symbolic, (args, kwargs))
                spec = self.compute_output_spec(*args, **kwargs)
                return tree.map_structure(lambda s: as_spec(s.shape, s.dtype, size), spec)
            names = list(inspect.signature(self.compute_output_shape).parameters)
            shapes = shapes_of(self._bind(args, kwargs))
            return abstract_tensors(
                with_shapes(self.compute_output_shape, names, shapes), self.compute_dtype, size
            )

    def get_build_config(self) -> Config | None:
        """Return the shapes that the layer was built with, for `build_from_config`.

        Returns:
            A dict with a single shape under `"input_shape"`, or with a dict of several shapes under `"shapes_dict"`,
            by the parameters of `build`. None if `build` was not called.

        >>> import hilevel
        >>> layer = hilevel.layers.Dense(3)
        >>> layer.build((None, 4))
        >>> layer.get_build_config()
        {'input_shape': (None, 4)}
        """
        shapes = self._record.build_shapes
        if not shapes:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}

    def build_from_config(self, config: Config | None) -> None:
        """Build the layer with the shapes of a config of `get_build_config`; do nothing for None."""
        if config and config.get("input_shape") is not None:
            self._build_from(_as_shapes(config["input_shape"]))
        elif config and "shapes_dict" in config:
            shapes = {name: _as_shapes(shape) for name, shape in config["shapes_dict"].items()}
            if self._build_parameters is None:
                self._build_from(*shapes.values())
            else:
                self.build(**shapes)

    def _build_from(self, *shapes: Any) -> None:
        """Build the layer for shapes; a layer without its own `build` by a run of `call` on shapes."""
        if self._build_parameters is None and type(self).build is Layer.build:
            self._require_backend()
            inputs = [symbolic_inputs(shape, self.compute_dtype) for shape in shapes]
            abstract_call(lambda *xs: self._run(xs, {}), tuple(inputs), {})
        else:
            self.build(*shapes)
        self._built = True

    def _graph_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Build the layer, and record the call on symbolic tensors as a node of the graph."""
        if self.input_spec is not None:
            self.input_spec.check(args[0] if args else self._first(kwargs), self)
        if not self._built:
            self._build_for(args, kwargs)
        outputs = record_call(self, args, kwargs, self.name)
        self._record.calls.append((args, outputs))
        return outputs

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic outputs of a call on symbolic tensors."""
        return self._graph_call(args, kwargs)

    def _raise_missing(self, name: str) -> Any:
        if name in ("_backend", "_built"):
            raise AttributeError(
                f"{type(self).__name__}: call super().__init__() before anything else in __init__."
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    if not TYPE_CHECKING:  # checkers report the attributes that a class lacks
        __getattr__ = _raise_missing

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _label(self) -> str:
        return f'{type(self).__name__} "{self.name}"'

    # -- shapes ------------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's only call in a graph."""
        args, _ = self._single_call()
        return args[0] if len(args) == 1 else list(args)

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's only call in a graph."""
        return self._single_call()[1]

    def _single_call(self) -> Any:
        if len(self._record.calls) != 1:
            raise AttributeError(
                f"{self._label()} was called on symbolic tensors {len(self._record.calls)} times; input "
                "and output exist only for a layer that was called once."
            )
        return self._record.calls[0]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors with the shapes and dtypes of the outputs for symbolic inputs.

        The shapes come from the subclass's `compute_output_shape`, if there is one, else from a run of `call` on
        shapes.
        """
        return abstract_call(self, args, kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the output for shapes of inputs.

        Override it in a layer whose `call` cannot run on shapes.
        """
        inputs = [symbolic_inputs(shape, self.compute_dtype) for shape in (*args, *kwargs.values())]
        return tree.map_structure(lambda s: s.shape, abstract_call(self, inputs, {}))

    # -- losses ------------------------------------------------------------------------------------

    def add_loss(self, loss: TensorLike) -> None:
        """Add a scalar, or a list of scalars, to the loss of the model. Call it in `call`.

        Args:
            loss: the scalar or scalars.
        """
        collected = context.losses
        if collected is None:
            collected = context.added_losses.get(self) or []
            self._keep_losses(collected)
        collected += [(self, value) for value in tree.flatten(loss)]

    @property
    def losses(self) -> list[Tensor]:
        """The losses of the last call in this thread, by `add_loss` and regularizers, with the layers inside."""
        layers = {id(layer) for layer in self._flatten_layers()}
        kept = context.added_losses.get(self) or ()
        added = [loss for layer, loss in kept if id(layer) in layers]
        penalties = [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]
        return added + penalties

    # -- configuration -----------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Return the arguments of the constructor as plain data, for `from_config`.

        Each argument of `__init__` is read from the attribute of its name. If the attribute is missing, or contains
        layers or Variables made of the argument, the config has the argument itself.
        """
        base = {"name": self.name, "trainable": self._trainable, "dtype": serialize(self.dtype_policy)}
        config = base | {k: v for k, v in super().get_config().items() if k not in base}
        return {k: v for k, v in config.items() if k not in self._not_in_config}

    def _settings(self) -> dict[str, Any]:
        return settings_of(self, Layer)

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer, with the layers in it, from a config of `get_config`."""
        with making():
            return cls(**{k: _with_layers(v) for k, v in config.items()})


def _recording_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap `build`, so that a direct call also marks the layer as built and stores the shapes."""

    @functools.wraps(build)
    def build_and_record(self: Layer, *args: Any, **kwargs: Any) -> None:
        with scope(name_scopes=(self._set_paths(),)):
            build(self, *args, **kwargs)
        shapes = dict(zip(type(self)._build_parameters or (), args, strict=False)) | kwargs
        self._record.build_shapes = {k: v for k, v in shapes.items() if v is not None}
        self._built = self._built or not self._builds_on_call

    return build_and_record


def _as_shapes(shape: Any) -> Any:
    """Return a shape, or a structure of shapes, with tuples in place of the lists of JSON."""
    if isinstance(shape, dict):
        return {name: _as_shapes(part) for name, part in shape.items()}
    if isinstance(shape, (list, tuple)):
        is_shape = all(size is None or isinstance(size, int) for size in shape)
        return tuple(shape) if is_shape else [_as_shapes(part) for part in shape]
    return shape


def _with_layers(value: Any) -> Any:
    """Return a value of a config with layers and functions in place of their descriptions."""
    if isinstance(value, (list, tuple)):
        return [_with_layers(v) for v in value] if any(isinstance(v, dict) for v in value) else value
    if not isinstance(value, dict):
        return value
    if not {"class_name", "config"} <= set(value):
        return {key: _with_layers(v) for key, v in value.items()}
    name = str(value["class_name"])
    found = get_registered_object(value.get("registered_name") or name) or getattr(layers, name, None)
    is_layer = isinstance(found, type) and issubclass(found, Layer)
    return deserialize(value, "layers") if is_layer or name in ("function", "Functional") else value
