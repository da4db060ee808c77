"""What a layer holds: weights, layers, seed generators and metrics; and the backend all of it lives on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hilevel.backends import current_backend, get_backend
from hilevel.errors import ShapeError
from hilevel.layers.tracking import Tracker, changed, held, structure, unique
from hilevel.protocol import Backend
from hilevel.random.seed import SeedGenerator
from hilevel.variables import Variable


class Holder(Tracker):
    """Base of `Layer`: finds what is held in attributes, and moves, reads and sets it."""

    name: str
    built: bool
    _backend: Backend | None
    _trainable: bool
    _hidden_cache: tuple[int, dict[str, Any]]

    def _home(self) -> Backend:
        """The backend this layer belongs to: the one in force when its first weight was made."""
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

    def _collect(self, what: str, find: Callable[[], list[Any]]) -> list[Any]:
        """A list of things the layer holds, remembered until any layer changes."""
        version, cache = self._hidden_cache
        if version != structure.version:
            cache = {}
            object.__setattr__(self, "_hidden_cache", (structure.version, cache))
        if what not in cache:
            cache[what] = find()
        return list(cache[what])

    def _held(self) -> list[Any]:
        return self._collect("held", lambda: unique(held(self)))

    @property
    def _layers(self) -> list[Holder]:
        return [x for x in self._held() if isinstance(x, Holder)]

    def _flatten_layers(self) -> list[Holder]:
        """The layer itself and all layers in it, each once."""

        def find() -> list[Holder]:
            found: dict[int, Holder] = {id(self): self}
            for layer in self._layers:
                found.update((id(x), x) for x in layer._flatten_layers())
            return list(found.values())

        return self._collect("layers", find)

    def _own_variables(self) -> list[Variable]:
        carried = {id(v) for v in self._carried()}
        own = self._collect(
            "own", lambda: [x for x in self._held() if isinstance(x, Variable) and id(x) not in carried]
        )
        return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]

    def _carried(self) -> list[Variable]:
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
        """The weights that are trained: those made trainable, in layers that are."""
        found = self._collect(
            "trainable",
            lambda: unique(v for layer in self._trainable_layers() for v in layer._own_variables()),
        )
        return [v for v in found if v.trainable]

    def _trainable_layers(self) -> list[Holder]:
        if not self.trainable:
            return []
        found: dict[int, Holder] = {id(self): self}
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
        return [x for layer in self._flatten_layers() for x in layer._held() if isinstance(x, SeedGenerator)]

    @property
    def metrics(self) -> list[Any]:
        """The metrics that the layer, or a layer in it, holds."""
        return self._collect(
            "metrics",
            lambda: unique(x for layer in self._flatten_layers() for x in layer._held() if _is_metric(x)),
        )

    @property
    def metrics_variables(self) -> list[Variable]:
        """The Variables of those metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def variables(self) -> list[Variable]:
        """Everything that changes: weights, states of seed generators, metrics."""
        return unique(iter([*self.weights, *self._states, *self.metrics_variables]))

    @property
    def _states(self) -> list[Variable]:
        """The states of seed generators and of stateful layers."""
        return self._collect(
            "states",
            lambda: unique(
                iter(
                    [g.state for g in self._seed_generators]
                    + [v for layer in self._flatten_layers() for v in layer._carried()]
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
        for v, value in zip(mine, weights, strict=True):
            if tuple(np.shape(value)) != v.shape:
                raise ShapeError(
                    f'{type(self).__name__} "{self.name}": the weight "{v.path}" has shape {v.shape}; set_weights '
                    f"got an array of shape {np.shape(value)} for it."
                )
        for v, value in zip(mine, weights, strict=True):
            v.assign(value)


def _is_metric(x: Any) -> bool:
    return hasattr(x, "update_state") and hasattr(x, "reset_state")
