"""Several optimizers for the weights of one model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, Self, TypeAlias, cast

from hilevel.api import serialization
from hilevel.api.custom_objects import custom_object_scope
from hilevel.engine.types import Config, Tensor
from hilevel.engine.variables import Variable
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.loss_scale import LossScaleOptimizer


class OptimizerMap(MutableMapping[str, Optimizer]):
    """A mapping of paths of Variables, or regular expressions of them, to optimizers.

    Args:
        default_optimizer: the optimizer of the other Variables.
        optimizer_map: a dict of the optimizers by path or regular expression, which must match the whole path.

    >>> sgd, adam = hilevel.optimizers.SGD(), hilevel.optimizers.Adam()
    >>> optimizers = hilevel.optimizers.OptimizerMap(sgd, {"encoder/.*": adam})
    >>> optimizers["encoder/dense/kernel"] is adam, optimizers["head/bias"] is sgd
    (True, True)

    Raises:
        TypeError: an argument has another type.
        ValueError: at a lookup, several expressions match.
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"OptimizerMap: default_optimizer must be an Optimizer; got {default_optimizer!r}."
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: optimizer_map must be a dict or None; got {optimizer_map!r}.")
        self._default_optimizer = default_optimizer
        self._optimizers = {} if optimizer_map is None else optimizer_map

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of Variables that no expression matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizers:
            return self._optimizers[key]
        found = [pattern for pattern in self._optimizers if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f'OptimizerMap: {" and ".join(found)} match the path "{key}". Expected one match.'
            )
        return self._optimizers[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: a key must be a string; got {key!r}.")
        if key in self._optimizers:
            raise ValueError(f'OptimizerMap: "{key}" has the optimizer {self._optimizers[key]!r} already.')
        self._optimizers[key] = checked(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._optimizers[key]

    def __len__(self) -> int:
        return len(self._optimizers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a Variable."""
        return self[variable.path]

    def get_config(self) -> Config:
        """Return the optimizers as plain data."""
        return {
            "default_optimizer": serialization.serialize(self._default_optimizer),
            "optimizer_map": serialization.serialize(self._optimizers),
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        """Return the mapping that `get_config` described."""
        return cls(**_restored(config, custom_objects))


OptimizerOf: TypeAlias = Callable[[Variable], Optimizer]
"""A function that returns the optimizer of a Variable."""


class MultiOptimizer(Optimizer):
    """An optimizer that updates each Variable by the optimizer that a mapping gives it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function that returns the optimizer of a Variable.
        loss_scale_factor: the factor of the loss, which replaces the factors of the optimizers.
        name: the name, by default made from the class.

    >>> optimizers = hilevel.optimizers
    >>> table = optimizers.OptimizerMap(optimizers.SGD(0.5), {"fast": optimizers.SGD(2.0)})
    >>> optimizer = optimizers.MultiOptimizer(table)
    >>> w, fast = hilevel.Variable([1.0], name="w"), hilevel.Variable([1.0], name="fast")
    >>> optimizer.apply([np.ones(1, "float32")] * 2, [w, fast])
    >>> w.numpy(), fast.numpy()
    (array([0.5], dtype=float32), array([-1.], dtype=float32))

    Raises:
        ValueError: at `build`, the mapping returns no optimizer, or one that wraps others.
    """

    def __init__(
        self, optimizer_map: OptimizerOf, loss_scale_factor: float | None = None, name: str | None = None
    ) -> None:
        self._optimizers: list[Optimizer] = []
        self._parts: dict[int, Optimizer] = {}
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*dict(optimizer_map.items()).values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def _add(self, optimizer: Optimizer) -> None:
        if not any(optimizer is known for known in self._optimizers):
            optimizer.loss_scale_factor = self.loss_scale_factor
            self._optimizers.append(optimizer)

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Build each optimizer for its Variables."""
        self._parts = {id(v): checked(self.optimizer_map(v)) for v in variables}
        for optimizer in self._parts.values():
            self._add(optimizer)
        for optimizer, own in self._divided(variables):
            optimizer.build(own)
        return [() for _ in variables]

    def _divided(self, variables: Sequence[Variable]) -> list[tuple[Optimizer, list[Variable]]]:
        """Return the optimizers of the Variables, each with its Variables."""
        pairs = [(o, [v for v in variables if self._parts[id(v)] is o]) for o in self._optimizers]
        return [(optimizer, own) for optimizer, own in pairs if own]

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, without repetition, in the order of the mapping."""
        return self._optimizers

    @property
    def variables(self) -> list[Variable]:
        """Its own state, then the states of the optimizers."""
        return [*self._variables, *(v for optimizer in self._optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """Not available, because each optimizer has its own learning rate."""
        raise AttributeError(f'Each of the `optimizers` of "{self.name}" has a learning_rate of its own.')

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(f'Set the learning_rate of each of the `optimizers` of "{self.name}".')

    @property
    def loss_scale_factor(self) -> float | None:
        """The factor of the loss."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._optimizers:
            optimizer.loss_scale_factor = value

    def _apply(self, grads: Sequence[Tensor | None], variables: Sequence[Variable]) -> None:
        gradients = {id(v): g for v, g in zip(variables, grads, strict=True)}
        for optimizer, own in self._divided(variables):
            part = [gradients[id(v)] for v in own]
            if any(g is not None for g in part):
                optimizer.apply(part, own)
        self._iterations.replace(self._iterations.read() + 1)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Call the method of each optimizer."""
        for optimizer, own in self._divided(var_list):
            optimizer.finalize_variable_values(own)

    def get_config(self) -> Config:
        """Return the constructor's arguments, as plain data."""
        return {
            "optimizer_map": serialization.serialize(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        """Return the optimizer that `get_config` described, without its state."""
        return cls(**_restored(config, custom_objects))


def checked(optimizer: object) -> Optimizer:
    """Return an optimizer of Variables.

    Raises:
        ValueError: the object is no optimizer, or an optimizer that wraps others.
    """
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"MultiOptimizer: expected an optimizer that wraps no other; got {optimizer!r}.")
    return optimizer


def _restored(config: Config, custom_objects: Config | None) -> Config:
    with custom_object_scope(custom_objects):
        return cast(Config, serialization.deserialize(config, "optimizers"))
