"""What a layer holds: weights, layers, seed generators and metrics; and the backend all of it lives on."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, overload

import numpy as np

from hilevel import constraints as constraints_, initializers, regularizers
from hilevel.dtype_policies import DTypePolicy
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import as_dtype, is_float
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.names import distinct
from hilevel.engine.protocol import Backend
from hilevel.engine.types import DTypeLike
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError
from hilevel.layers.base.tracking import Tracker, changed, held, structure, unique
from hilevel.random.seed import SeedGenerator


def _named_first(add: Callable[..., Variable]) -> Callable[..., Variable]:
    """Let `add_weight` take the name first, and the settings of a weight from the layer's attributes of that name."""

    @functools.wraps(add)
    def add_weight(layer: StateContainer, *args: Any, **kwargs: Any) -> Variable:
        if args and isinstance(args[0], str):
            kwargs = {"name": args[0]} | layer._weight_settings(args[0]) | kwargs
            args = args[1:]
        return add(layer, *args, **kwargs)

    return add_weight


class Record:
    """What a layer notes of itself, apart from its attributes, which are the user's.

    Attributes:
        arguments: the arguments of the constructor, those given by position and those given by name.
        build_shapes: the shapes that `build` was called with, by parameter.
        calls: the arguments and results of the calls on symbolic tensors.
        found: the version of the structure of all layers, and what the layer held then.
        output_shapes: the shapes of the outputs of the last call on shapes.
        path: the place of the layer in its model.
    """

    def __init__(self, args: Any, kwargs: Any) -> None:
        self.arguments = args, kwargs
        self.build_shapes: dict[str, Any] = {}
        self.calls: list[tuple[Any, Any]] = []
        self.found: tuple[int, dict[str, Any]] = (-1, {})
        self.output_shapes: list[Any] = []
        self.path: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"found": (-1, {})}  # it holds for this process


class StateContainer(Tracker):
    """Base of `Layer`: finds what is held in attributes, and moves, reads and sets it."""

    name: str
    built: bool
    dtype_policy: DTypePolicy
    _backend: Backend | None
    _trainable: bool
    _build_parameters: ClassVar[list[str] | None] = None
    _record: Record

    # -- paths -------------------------------------------------------------------------------------

    @property
    def path(self) -> str | None:
        """The place of the layer in its model, with which the paths of its weights begin; None before it is built.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1, name="last")], name="small")
        >>> model.layers[0].path, model.layers[0].kernel.path
        ('small/last', 'small/last/kernel')
        """
        return self._record.path if self.built else None

    def _place(self) -> str:
        """Return the path of this layer; set the paths of the layers in it that are not built, and make those of all
        weights distinct."""
        record = self._record
        path = record.path = record.path or "/".join((*context.name_scopes, self.name))
        for layer, name in self._branches():
            if not layer.built or layer._record.path is None:
                layer._record.path = f"{path}/{name}"
        counts = Counter([v.path for v in self.weights])
        if len(counts) < len(self.weights):
            self._separate(path, {p for p, n in counts.items() if n > 1})
        return path

    def _branches(self) -> Iterator[tuple[StateContainer, str]]:
        """Yield the layers in this one with their names, numbered where several have the same."""
        taken: set[str] = set()
        for layer in self._layers:
            taken.add(name := distinct(layer.name, taken))
            yield layer, name

    def _separate(self, path: str, paths: set[str]) -> None:
        """Replace the given paths, which several weights share, by paths through the layers that hold the weights."""
        for layer, name in self._branches():
            layer._separate(f"{path}/{name}", paths)
        mine = self._own_variables()
        for v in [v for v in mine if v.path in paths]:
            v.path = distinct(f"{path}/{v.path.rpartition('/')[2]}", {w.path for w in mine if w is not v})

    # -- the backend -------------------------------------------------------------------------------

    def _home(self) -> Backend:
        """The backend this layer belongs to: the one in force when its first weight was made.

        A layer without a `build` of its own gives the layers inside their paths here, others do so when they are built.
        """
        if self._build_parameters is None:
            self._place()
        if self._backend is None:
            self._backend = current_backend()
        return self._backend

    @property
    def backend(self) -> str:
        """The name of the backend that the layer computes on."""
        return (self._backend or current_backend()).name

    def to(self, backend: str | Backend) -> Any:
        """Move all the layer holds to another backend. Returns itself.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
        >>> model.to("numpy").backend
        'numpy'
        """
        target = get_backend(backend)
        for layer in self._flatten_layers():
            layer._backend = target
        for variable in self.variables:
            variable.to(target)
        return self

    @overload
    def add_weight(self, name: str, shape: Sequence[int] = (), /, **settings: Any) -> Variable: ...
    @overload
    def add_weight(
        self, shape: Sequence[int] | None = None, initializer: Any = None, dtype: DTypeLike = None,
        trainable: bool = True, autocast: bool = True, regularizer: Any = None, constraint: Any = None,
        aggregation: str = "none", overwrite_with_gradient: bool = False, name: str | None = None,
    ) -> Variable: ...  # fmt: skip
    @_named_first
    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: DTypeLike = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a Variable of this layer.

        With a name first, as in `add_weight("kernel", (3, 4))`, the layer's attributes `kernel_initializer`,
        `kernel_regularizer` and `kernel_constraint` are used, where there are such, in place of arguments that are
        not given. Those of `"recurrent_kernel"` may also be called `recurrent_initializer`, and so on.

        Args:
            shape: its shape; a single number by default.
            initializer: name, function or object; by default `"glorot_uniform"` for floats, zeros otherwise.
            dtype: by default the layer's variable dtype.
            trainable: whether optimizers change it.
            regularizer: a penalty on it, added to the loss.
            constraint: a function its value is passed through after each update.
            name: its name.
        """
        dtype = as_dtype(dtype or self.dtype_policy.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) and shape else "zeros"
        start = initializers.get(initializer)
        home, path = self._backend or self._home(), self._record.path or self._place()
        with scope(interpreter=EVALUATE, autocast=None, backend=home, name_scopes=(path,)):
            variable = Variable(
                start,
                shape=tuple(shape or ()),
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
        """Return the initializer, regularizer and constraint that the layer has for a weight of that name."""
        prefixes = (name, name.removesuffix("_kernel"))
        kinds = ("initializer", "regularizer", "constraint")
        return {k: v for k in kinds for p in prefixes if (v := getattr(self, f"{p}_{k}", None)) is not None}

    def _collect(self, what: str, find: Callable[[], list[Any]]) -> list[Any]:
        """A list of things the layer holds, remembered until any layer changes."""
        version, cache = self._record.found
        if version != structure.version:
            cache = {}
            self._record.found = structure.version, cache
        if what not in cache:
            cache[what] = find()
        return list(cache[what])

    def _children(self) -> list[Any]:
        return self._collect("held", lambda: unique(held(self)))

    @property
    def _layers(self) -> list[StateContainer]:
        return [x for x in self._children() if isinstance(x, StateContainer)]

    def _flatten_layers(self) -> list[StateContainer]:
        """The layer itself and all layers in it, each once."""

        def find() -> list[StateContainer]:
            found: dict[int, StateContainer] = {id(self): self}
            for layer in self._layers:
                found.update((id(x), x) for x in layer._flatten_layers())
            return list(found.values())

        return self._collect("layers", find)

    def _own_variables(self) -> list[Variable]:
        carried = {id(v) for v in self._state_variables()}
        own = self._collect(
            "own", lambda: [x for x in self._children() if isinstance(x, Variable) and id(x) not in carried]
        )
        return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]

    def _state_variables(self) -> list[Variable]:
        """Variables that are carried from call to call, but are not weights: the states of stateful layers."""
        return []

    @property
    def weights(self) -> list[Variable]:
        """All weights, those of each layer together, its trainable ones first."""
        return self._collect(
            "weights",
            lambda: unique(v for layer in self._flatten_layers() for v in layer._own_variables()),
        )

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that are trained, which are those made trainable in trainable layers."""
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
        """The weights that are not trained."""
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
        """The metrics that the layer, or a layer in it, holds."""
        return self._collect(
            "metrics",
            lambda: unique(x for layer in self._flatten_layers() for x in layer._children() if _is_metric(x)),
        )

    @property
    def metrics_variables(self) -> list[Variable]:
        """The Variables of those metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def variables(self) -> list[Variable]:
        """All Variables, of weights, seed generators and metrics."""
        return unique(iter([*self.weights, *self._states, *self.metrics_variables]))

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
        """Everything that changes but is not trained."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained. Setting it sets it for all layers inside, and for their weights, apart from
        those made with `trainable=False`."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        changed()
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            for v in layer._own_variables():
                v.trainable = v.made_trainable and layer._trainable

    def count_params(self) -> int:
        """The number of elements of all weights."""
        return sum(v.size for v in self.weights)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """The weights as NumPy arrays of their own."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights, given in the order of `weights`.

        Raises:
            ValueError: there are more or fewer arrays than weights.
            ShapeError: an array has not its weight's shape; nothing has been set then.
        """
        mine = self.weights
        if len(weights) != len(mine):
            raise ValueError(
                f'{type(self).__name__} "{self.name}" has {len(mine)} weights; set_weights got {len(weights)} arrays.'
            )
        self._assign(mine, weights, "set_weights")

    def _assign(self, variables: Sequence[Variable], values: Sequence[Any], caller: str) -> None:
        """Assign values to Variables, if all have the shapes of these."""
        for v, value in zip(variables, values, strict=True):
            if tuple(np.shape(value)) != v.shape:
                raise ShapeError(
                    f'{type(self).__name__} "{self.name}": the weight "{v.path}" has shape {v.shape}; {caller} '
                    f"got an array of shape {np.shape(value)} for it."
                )
        for v, value in zip(variables, values, strict=True):
            v.assign(value)

    # -- storage -----------------------------------------------------------------------------------

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own Variables, without those of the layers in it, into a dict.

        Override it, and `load_own_variables`, where a layer has other arrays to keep.

        Args:
            store: a mapping, which gets NumPy arrays under the keys `"0"`, `"1"`, ..., the trainable ones first.

        >>> import hilevel
        >>> layer, store = hilevel.layers.BatchNormalization(), {}
        >>> layer.build((None, 2))
        >>> layer.save_own_variables(store)
        >>> sorted(store), store["0"]
        (['0', '1', '2', '3'], array([1., 1.], dtype=float32))
        """
        for i, v in enumerate(self._own_variables()):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's own Variables to what `save_own_variables` put into a dict.

        Raises:
            ValueError: there are more or fewer arrays than Variables; or the layer is not built.
            ShapeError: an array has not its Variable's shape; nothing has been set then.
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

    def save_assets(self, dir_path: Any) -> None:
        """Write what the layer keeps beside Variables, such as a vocabulary, to files in a folder that exists. A layer
        that keeps nothing else, as most do, writes no file."""

    def load_assets(self, dir_path: Any) -> None:
        """Read the files that `save_assets` wrote to a folder."""


def _is_metric(x: Any) -> bool:
    return hasattr(x, "update_state") and hasattr(x, "reset_state")
