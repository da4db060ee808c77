"""Objects as plain data, and the registered names of a user's classes and functions."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from hilevel import (
    activations,
    constraints,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
)
from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.api.registry import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    plain,
    register_keras_serializable,
)
from hilevel.engine.types import Config, Function
from hilevel.errors import unknown_name
from hilevel.optimizers import schedules

CustomObjectScope = custom_object_scope

_install_getattr(__name__)
__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
    "serialize_keras_object",
]


_SPACES: dict[str, ModuleType] = {
    "layers": layers,
    "models": models,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
    "optimizers.schedules": schedules,
    "initializers": initializers,
    "regularizers": regularizers,
    "constraints": constraints,
    "activations": activations,
    "random": random,
    "dtype_policies": dtype_policies,
    "ops": ops,
}
"""The public modules whose classes and functions are found by name, in the order of the search."""


def serialize_keras_object(obj: object) -> Any:
    """Return an object as plain data, from which `deserialize_keras_object` makes it again.

    A class or function is described by its public module and name, a user's own by its registered name.

    Args:
        obj: a layer, model, loss, metric, optimizer, schedule or function, or a structure of them.

    >>> import hilevel
    >>> hilevel.saving.serialize_keras_object(hilevel.regularizers.L2(0.5))["class_name"]
    'L2'

    Raises:
        ValueError: a lambda, which has no name to find it by.
    """
    if isinstance(obj, (list, tuple)):
        return type(obj)(map(serialize_keras_object, obj))
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if inspect.isclass(obj):
        return plain(obj)
    if hasattr(obj, "get_config"):
        return _described(type(obj), type(obj).__name__, obj.get_config())
    if callable(obj) and hasattr(obj, "__name__"):
        return _described(obj, "function", _name_of_function(obj))
    return plain(obj)


def _described(target: Any, class_name: str, config: object) -> Config:
    """Return the description of an object of the class, or of the function, `target`."""
    registered = get_registered_name(target)
    module = next(
        (f"hilevel.{n}" for n, s in _SPACES.items() if getattr(s, target.__name__, None) is target), None
    )
    return {
        "module": module or getattr(target, "__module__", None),
        "class_name": class_name,
        "config": config,
        "registered_name": registered if registered != target.__name__ else None,
    }


def _name_of_function(function: Function) -> str:
    if function.__name__ == "<lambda>":
        raise ValueError(
            "A lambda cannot be serialized, because it has no name to find it by. Define a function with def, and "
            "register it with hilevel.saving.register_keras_serializable."
        )
    return get_registered_name(function)


def deserialize_keras_object(
    config: object, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """Return the object that `serialize_keras_object` described. Other data is returned unchanged.

    Args:
        config: the result of `serialize_keras_object`.
        custom_objects: further classes and functions by name, for nested objects too.
        safe_mode, kwargs: ignored; for compatibility with Keras.

    >>> import hilevel
    >>> hilevel.saving.deserialize_keras_object({"class_name": "Dense", "config": {"units": 2}}).units
    2
    >>> relu = hilevel.saving.serialize_keras_object(hilevel.activations.relu)
    >>> hilevel.saving.deserialize_keras_object(relu) is hilevel.activations.relu
    True

    Raises:
        UnknownNameError: no class or function has the name.
    """
    with custom_object_scope(custom_objects or {}):
        return _restored(config)


def _restored(config: object) -> Any:
    if isinstance(config, (list, tuple)):
        return type(config)(map(_restored, config))
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: _restored(value) for key, value in config.items()}
    if config["class_name"] == "function":
        return _found(config["config"], config.get("module"))
    cls = _found(config.get("registered_name") or config["class_name"], config.get("module"))
    inner = config.get("config") or {}
    return cls.from_config(inner) if hasattr(cls, "from_config") else cls(**inner)


def _found(name: str, module: str | None) -> Any:
    """Return a class or function: a registered one, else one of the named module, else of the first module that has
    it."""
    own = get_registered_object(name)
    if own is not None:
        return own
    for space in _spaces(module):
        found = _in(space, name)
        if found is not None:
            return found
    raise unknown_name("class or function", name, [*_all_names(), *get_custom_objects()])


def _spaces(module: str | None) -> Iterator[ModuleType]:
    """Yield the module of a description, if it is a public module of hilevel or Keras, then all modules."""
    exact = _SPACES.get((module or "").removeprefix("hilevel.").removeprefix("keras."))
    yield from (exact, *_SPACES.values()) if exact is not None else _SPACES.values()


def _in(space: ModuleType, name: str) -> Any:
    """Return the object with a name in the public list or registry of a module, else None."""
    if name in space.__all__:
        found = getattr(space, name)
        return found if callable(found) else None
    registry = getattr(space, "_registry", None)
    return registry.find(name) if registry is not None and registry.has(name) else None


def _all_names() -> list[str]:
    return sorted({name for space in _SPACES.values() for name in space.__all__})
