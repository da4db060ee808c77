"""Objects as plain data, and the names of one's own classes and functions."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
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


_SPACES: dict[str, Any] = {
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
"""The public modules whose classes and functions are found by name; a name without a module in this order."""


def serialize_keras_object(obj: Any) -> Any:
    """An object - layer, model, loss, optimizer, schedule, function, or a structure of them - as plain data.

    A class or function is described by its public module and its name, one's own by the name it is registered with.

    >>> import hilevel
    >>> hilevel.saving.serialize_keras_object(hilevel.regularizers.L2(0.5))["class_name"]
    'L2'

    Raises:
        ValueError: a lambda, which has no name to be found by.
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


def _described(thing: Any, class_name: str, config: Any) -> dict[str, Any]:
    """The description of an object of the class, or of the function, `thing`."""
    registered = get_registered_name(thing)
    module = next(
        (f"hilevel.{n}" for n, s in _SPACES.items() if getattr(s, thing.__name__, None) is thing), None
    )
    return {
        "module": module or getattr(thing, "__module__", None),
        "class_name": class_name,
        "config": config,
        "registered_name": registered if registered != thing.__name__ else None,
    }


def _name_of_function(function: Any) -> str:
    if function.__name__ == "<lambda>":
        raise ValueError(
            "A lambda cannot be serialized: it has no name to be found by. Define a function with def, and register "
            "it with hilevel.saving.register_keras_serializable."
        )
    return get_registered_name(function)


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that `serialize_keras_object` wrote down; what describes no object is returned as it is.

    `custom_objects` are further classes and functions by name, for objects within objects as well.

    >>> import hilevel
    >>> hilevel.saving.deserialize_keras_object({"class_name": "Dense", "config": {"units": 2}}).units
    2
    >>> relu = hilevel.saving.serialize_keras_object(hilevel.activations.relu)
    >>> hilevel.saving.deserialize_keras_object(relu) is hilevel.activations.relu
    True

    Raises:
        UnknownNameError: nothing of that name is known.
    """
    with custom_object_scope(custom_objects or {}):
        return _restored(config)


def _restored(config: Any) -> Any:
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
    """A class or function: one's own, of the module that is named, else of the first that has it."""
    own = get_registered_object(name)
    if own is not None:
        return own
    for space in _spaces(module):
        found = _in(space, name)
        if found is not None:
            return found
    raise unknown_name("class or function", name, [*_all_names(), *get_custom_objects()])


def _spaces(module: str | None) -> Iterator[Any]:
    """The module of a description, if it is one of ours or Keras's, then all."""
    exact = _SPACES.get((module or "").removeprefix("hilevel.").removeprefix("keras."))
    yield from (exact, *_SPACES.values()) if exact is not None else _SPACES.values()


def _in(space: Any, name: str) -> Any:
    """Return what a module names so in its public list or registry, else None."""
    if name in space.__all__:
        found = getattr(space, name)
        return found if callable(found) else None
    registry = getattr(space, "_registry", None)
    return registry.find(name) if registry is not None and registry.has(name) else None


def _all_names() -> list[str]:
    return sorted({name for space in _SPACES.values() for name in space.__all__})
