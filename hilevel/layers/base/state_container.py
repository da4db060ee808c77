"""The state of a layer: weights, layers, seed generators and metrics; and the backend of their arrays."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast, overload

import numpy as np

from hilevel import constraints as constraints_, initializers, regularizers
from hilevel.dtype_policies import DTypePolicy
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import as_dtype, is_float
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.names import distinct
from hilevel.engine.protocol import Backend
from hilevel.engine.types import DTypeLike, ShapeLike
from hilevel.engine.variables import Variable, store_variables
from hilevel.errors import ShapeError
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, RegularizerLike
from hilevel.layers.base.tracking import Tracker, changed, children, structure, unique
from hilevel.random.seed import SeedGenerator

T = TypeVar("T")


def _named_first(add: Callable[..., Variable]) -> Callable[..., Variable]:
    """Let `add_weight` take the name first, and read the other settings from the layer's attributes."""

    @functools.wraps(add)
    def add_weight(layer: StateContainer, *args: Any, **kwargs: Any) -> Variable:
        if args and isinstance(args[0], str):
            kwargs = {"name": args[0]} | layer._weight_settings(args[0]) | kwargs
            args = args[1:]
        return add(layer, *args, **kwargs)

    return add_weight


class Record:
    """The internal state of a layer, kept apart from its attributes, which belong to the user.

    Attributes:
        arguments: the positional and the keyword arguments of the constructor.
        build_shapes: the shapes that `build` was called with, by parameter.
        calls: the arguments and results of the calls on symbolic tensors.
        cache: the version of the structure of all layers, and the objects found for it.
        output_shapes: the shapes of the outputs of the last call on shapes.
        path: the path of the layer in its model.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.arguments = args, kwargs
        self.build_shapes: dict[str, Any] = {}
        self.calls: list[tuple[Any, Any]] = []
        self.cache: tuple[int, dict[str, Any]] = (-1, {})
        self.output_shapes: list[Any] = []
        self.path: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"cache": (-1, {})}  # valid in this process only


class StateContainer(Tracker):
    """The base of `Layer`, which finds the Variables in its attributes, and moves, reads and sets them."""

    name: str
    built: bool
    dtype_policy: DTypePolicy
    _backend: Backend | None
    _trainable: bool
    _on_host: ClassVar[bool]
    _build_parameters: ClassVar[list[str] | None] = None
    _record: Record

    # -- paths -------------------------------------------------------------------------------------

    @property
    def path(self) -> str | None:
        """The path of the layer in its model, a prefix of the paths of its weights; None before it is built.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1, name="last")], name="small")
        >>> model.layers[0].path, model.layers[0].kernel.path
        ('small/last', 'small/last/kernel')
        """
        return self._record.path if self.built else None

    def _set_paths(self) -> str:
        """Return the path of this layer; set the paths of layers in it, and make the weights' paths distinct."""
        record = self._record
        path = record.path = record.path or "/".join((*context.name_scopes, self.name))
        for layer, name in self._named_layers():
            if not layer.built or layer._record.path is None:
                layer._record.path = f"{path}/{name}"
        counts = Counter([v.path for v in self.weights])
        if len(counts) < len(self.weights):
            self._separate_paths(path, {p for p, n in counts.items() if n > 1})
        return path

    def _named_layers(self) -> Iterator[tuple[StateContainer, str]]:
        """Yield the layers in this one with distinct names."""
        taken: set[str] = set()
        for layer in self._layers:
            taken.add(name := distinct(layer.name, taken))
            yield layer, name

    def _separate_paths(self, path: str, paths: set[str]) -> None:
        """Replace paths that several weights share by paths through the layers of the weights."""
        for layer, name in self._named_layers():
            layer._separate_paths(f"{path}/{name}", paths)
        mine = self._own_variables()
        for v in [v for v in mine if v.path in paths]:
            v.path = distinct(f"{path}/{v.path.rpartition('/')[2]}", {w.path for w in mine if w is not v})

    # -- the backend -------------------------------------------------------------------------------

    def _require_backend(self) -> Backend:
        """Return the layer's backend, which is the active backend when its first weight is made.

        A layer without its own `build` sets the paths of its layers here, other layers when they are built.
        """
        if self._build_parameters is None:
            self._set_paths()
        if self._backend is None:
            self._backend = current_backend()
        return self._backend

    @property
    def backend(self) -> str:
        """The name of the backend that the layer computes on."""
        return (self._backend or current_backend()).name

    def to(self, backend: str | Backend) -> Self:
        """Move all Variables of the layer, and of the layers in it, to a backend. Return the layer.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
        >>> model.to("numpy").backend
        'numpy'
        """
        target = get_backend(backend)
        for layer in self._flatten_layers():
            layer._backend = target
        for variable in self._all_variables:
            variable.to(target)
        return self

    @overload
    def add_weight(self, name: str, shape: ShapeLike = (), /, **settings: Any) -> Variable: ...
    @overload
    def add_weight(
        self, shape: ShapeLike | None = None, initializer: InitializerLike = None, dtype: DTypeLike = None,
        trainable: bool = True, autocast: bool = True, regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None, aggregation: str = "none", overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable: ...  # fmt: skip
    @_named_first
    def add_weight(
        self,
        shape: ShapeLike | None = None,
        initializer: InitializerLike = None,
        dtype: DTypeLike = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a Variable of this layer.

        With a name first, as in `add_weight("kernel", (3, 4))`, the layer's attributes `kernel_initializer`,
        `kernel_regularizer` and `kernel_constraint` are the defaults of these arguments. For
        `"recurrent_kernel"` they may also be called `recurrent_initializer`, and so on.

        Args:
            shape: the shape of the Variable; a scalar by default.
            initializer: its initializer; by default `"glorot_uniform"` for floats, zeros otherwise.
            dtype: its dtype; by default the layer's variable dtype.
            trainable: whether optimizers update it.
            autocast: whether the layer reads it in the compute dtype.
            regularizer: the penalty on it, added to the loss.
            constraint: the projection of its value after each update.
            aggregation: the way replicas combine updates: stored, but not used.
            overwrite_with_gradient: whether optimizers assign its gradient to it.
            name: its name.
        """
        dtype = as_dtype(dtype or self.dtype_policy.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) and shape else "zeros"
        start = initializers.get(initializer)
        home, path = self._backend or self._require_backend(), self._record.path or self._set_paths()
        with scope(interpreter=EVALUATE, autocast=None, backend=home, name_scopes=(path,)):
            variable = Variable(
                start,
                shape=tuple(cast(Sequence[int], shape or ())),
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name or "variable",
            )
        added: list[Variable] = self.__dict__.setdefault("_added", [])
        variable.path = distinct(variable.path, {v.path for v in added})
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints_.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        variable.trainable = variable.trainable and self._trainable
        added.append(variable)
        changed()
        return variable

    add_variable = add_weight

    def _weight_settings(self, name: str) -> dict[str, Any]:
        """Return the layer's initializer, regularizer and constraint for a weight of the name."""
        prefixes = (name, name.removesuffix("_kernel"))
        kinds = ("initializer", "regularizer", "constraint")
        return {k: v for k in kinds for p in prefixes if (v := getattr(self, f"{p}_{k}", None)) is not None}

    def _collect(self, key: str, find: Callable[[], list[T]]) -> list[T]:
        """Return a list of objects of the layer, cached until any layer changes."""
        version, cache = self._record.cache
        if version != structure.version:
            cache = {}
            self._record.cache = structure.version, cache
        if key not in cache:
            cache[key] = find()
        return list(cache[key])

    def _children(self) -> list[Any]:
        return self._collect("children", lambda: unique(children(self)))

    @property
    def _layers(self) -> list[StateContainer]:
        return [x for x in self._children() if isinstance(x, StateContainer)]

    def _flatten_layers(self, include_self: bool = True) -> list[StateContainer]:
        """Return the layer, unless `include_self` is False, and all layers in it, each once."""

        def find() -> list[StateContainer]:
            found: dict[int, StateContainer] = {id(self): self}
            for layer in self._layers:
                found.update((id(x), x) for x in layer._flatten_layers())
            return list(found.values())

        return self._collect("layers", find)[not include_self :]

    @property
    def _has_host_layers(self) -> bool:
        """True if the layer, or one in it, works on data on the host. Then it runs without a graph or program."""
        return bool(self._collect("host", lambda: [x for x in self._flatten_layers() if x._on_host]))

    def _own_variables(self) -> list[Variable]:
        state = {id(v) for v in self._state_variables()}
        own = self._collect(
            "own", lambda: [x for x in self._children() if isinstance(x, Variable) and id(x) not in state]
        )
        return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]

    def _state_variables(self) -> list[Variable]:
        """Return Variables that are no weights but persist between calls: the states of stateful layers."""
        return []

    @property
    def weights(self) -> list[Variable]:
        """The weights of the layer, and of the layers in it; of each layer the trainable weights first."""
        return self._collect(
            "weights",
            lambda: unique(v for layer in self._flatten_layers() for v in layer._own_variables()),
        )

    @property
    def trainable_weights(self) -> list[Variable]:
        """The trainable weights of the trainable layers."""
        found = self._collect(
            "trainable",
            lambda: unique(v for layer in self._trainable_layers() for v in layer._own_variables()),
        )
        return [v for v in found if v.trainable]

    def _trainable_layers(self) -> list[StateContainer]:
        if not self.trainable:
            return []
        found: dict[int, StateContainer] = {id(self): self}
        for layer in self._layers:
            found.update((id(x), x) for x in layer._trainable_layers())
        return list(found.values())

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The other weights than `trainable_weights`."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    trainable_variables = trainable_weights

    @property
    def _seed_generators(self) -> list[SeedGenerator]:
        return [
            x for layer in self._flatten_layers() for x in layer._children() if isinstance(x, SeedGenerator)
        ]

    @property
    def metrics(self) -> list[Any]:
        """The metrics of the layer and of the layers in it."""
        return self._collect(
            "metrics",
            lambda: unique(x for layer in self._flatten_layers() for x in layer._children() if _is_metric(x)),
        )

    @property
    def metrics_variables(self) -> list[Variable]:
        """The Variables of `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def variables(self) -> list[Variable]:
        """The weights, and the states of seed generators and layers; `metrics_variables` are not among them."""
        return unique(iter([*self.weights, *self._states]))

    @property
    def _all_variables(self) -> list[Variable]:
        """The Variables, and the Variables of metrics."""
        return unique(iter([*self.variables, *self.metrics_variables]))

    @property
    def _states(self) -> list[Variable]:
        """The states of seed generators and of stateful layers."""
        return self._collect(
            "states",
            lambda: unique(
                iter(
                    [g.state for g in self._seed_generators]
                    + [v for layer in self._flatten_layers() for v in layer._state_variables()]
                )
            ),
        )

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The other Variables than `trainable_weights`."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def trainable(self) -> bool:
        """The flag that makes the weights trainable. It is set for all layers inside, too.

        Weights made with `trainable=False` stay so.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        changed()
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            for v in layer._own_variables():
                v.trainable = v.made_trainable and layer._trainable

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return sum(v.size for v in self.weights)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Return copies of the weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights.

        Args:
            weights: an array for each weight, in the order of the attribute `weights`.

        Raises:
            ValueError: the number of arrays is not the number of weights.
            ShapeError: the shape of an array is not the shape of its weight. No weight is set then.
        """
        mine = self.weights
        if len(weights) != len(mine):
            raise ValueError(
                f'{type(self).__name__} "{self.name}" has {len(mine)} weights; set_weights got {len(weights)} arrays.'
            )
        self._assign(mine, weights, "set_weights")

    def _assign(self, variables: Sequence[Variable], values: Sequence[Any], caller: str) -> None:
        """Assign values to Variables, if all shapes agree."""
        for v, value in zip(variables, values, strict=True):
            if tuple(np.shape(value)) != v.shape:
                raise ShapeError(
                    f'{type(self).__name__} "{self.name}": the weight "{v.path}" has shape {v.shape}; {caller} '
                    f"got an array of shape {np.shape(value)} for it."
                )
        for v, value in zip(variables, values, strict=True):
            v.assign(value)

    # -- storage -----------------------------------------------------------------------------------

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Save the layer's own Variables, without the layers in it, to a mapping.

        Override it and `load_own_variables` in a layer with other arrays.

        Args:
            store: the mapping. It gets NumPy arrays with the keys `"0"`, `"1"`, ..., trainable weights first.

        >>> import hilevel
        >>> layer, store = hilevel.layers.BatchNormalization(), {}
        >>> layer.build((None, 2))
        >>> layer.save_own_variables(store)
        >>> sorted(store), store["0"]
        (['0', '1', '2', '3'], array([1., 1.], dtype=float32))
        """
        store_variables(self._own_variables(), store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load the layer's own Variables from a mapping that `save_own_variables` filled.

        Args:
            store: the mapping.

        Raises:
            ValueError: the number of arrays is not the number of Variables; or the layer is not built.
            ShapeError: the shape of an array is not the shape of its Variable. No Variable is set then.
        """
        mine = self._own_variables()
        if len(store) != len(mine):
            label = f'{type(self).__name__} "{self.name}"'
            if not mine and not self.built:
                raise ValueError(
                    f"{label} is not built, so it has no Variables; load_own_variables got {len(store)} arrays. Build "
                    "it first: layer.build(input_shape) or layer.build_from_config(config). If it is in another layer, "
                    "that layer's build method has to build it."
                )
            names = ", ".join(v.name for v in mine) or "none"
            raise ValueError(
                f"{label} has {len(mine)} Variables ({names}); load_own_variables got {len(store)} arrays."
            )
        self._assign(mine, [store[str(i)] for i in range(len(mine))], "load_own_variables")

    def save_assets(self, dir_path: str | Path) -> None:
        """Save other data than Variables, such as a vocabulary, to files in an existing folder; by default none."""

    def load_assets(self, dir_path: str | Path) -> None:
        """Load the files that `save_assets` wrote to a folder."""


def _is_metric(x: object) -> bool:
    return hasattr(x, "update_state") and hasattr(x, "reset_state") and hasattr(x, "result")
