"""Optimizers: how weights change by their gradients."""

from __future__ import annotations

from typing import Any

from hilevel._lazy import install_getattr as _install_getattr
from hilevel._types import Config
from hilevel.optimizers import schedules
from hilevel.optimizers.adam import Adam, Adamax, AdamW, Nadam
from hilevel.optimizers.adaptive import Adadelta, Adafactor, Adagrad, Ftrl, RMSprop
from hilevel.optimizers.base import Optimizer
from hilevel.optimizers.lamb import Lamb
from hilevel.optimizers.lion import Lion
from hilevel.optimizers.loss_scale import LossScaleOptimizer
from hilevel.optimizers.muon import Muon
from hilevel.optimizers.sgd import SGD
from hilevel.registry import Registry

_ALL: list[type[Optimizer]] = [
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, Muon, Nadam,
    RMSprop, SGD,
]  # fmt: skip
_registry = Registry("optimizer", [], {cls.__name__.lower(): cls for cls in _ALL})


def get(identifier: Any) -> Any:
    """An optimizer from its name, its config, its class or itself; upper and lower case are one.

    >>> hilevel.optimizers.get("adam").beta_1
    0.9

    Raises:
        UnknownNameError: there is no optimizer of that name; says the nearest.
        TypeError: what was given is no optimizer.
    """
    if isinstance(identifier, str):
        identifier = _known(identifier)
    optimizer = _registry.get(identifier) if not isinstance(identifier, dict) else deserialize(identifier)
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(
            f'Expected an optimizer: a name such as "adam", a config or an object; got {identifier!r}.'
        )
    return optimizer


def _known(name: str) -> str:
    """The name as the registry has it."""
    return name.lower() if name.lower() in _registry.known else name


def serialize(optimizer: Any) -> Any:
    """Plain data from which `deserialize` makes the optimizer again, without its state.

    >>> hilevel.optimizers.serialize(hilevel.optimizers.SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    return _registry.serialize(optimizer)


def deserialize(config: Any, custom_objects: Config | None = None) -> Any:
    """The optimizer that `serialize` wrote down.

    >>> hilevel.optimizers.deserialize({"class_name": "SGD", "config": {"momentum": 0.9}}).momentum
    0.9
    """
    if isinstance(config, dict):
        name = config.get("registered_name") or config["class_name"]
        config = {"class_name": _known(name), "config": config.get("config", {})}
    return _registry.deserialize(config, custom_objects)


_install_getattr(__name__)
__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
