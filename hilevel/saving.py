"""Objects as plain data, and the names of one's own classes and functions."""

from __future__ import annotations

from typing import Any

from hilevel import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from hilevel._lazy import install_getattr as _install_getattr
from hilevel.errors import unknown_name
from hilevel.registry import (
    Registry,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    plain,
    register_keras_serializable,
)

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


def serialize_keras_object(obj: Any) -> Any:
    """An object - layer, loss, optimizer, function, or a structure of them - as plain data.

    >>> import hilevel
    >>> hilevel.saving.serialize_keras_object(hilevel.regularizers.L2(0.5))["class_name"]
    'L2'
    """
    return plain(obj)


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that `serialize_keras_object` wrote down.

    >>> import hilevel
    >>> hilevel.saving.deserialize_keras_object({"class_name": "Dense", "config": {"units": 2}}).units
    2

    Raises:
        UnknownNameError: nothing of that name is known.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(c, custom_objects) for c in config)
    if not isinstance(config, dict) or "class_name" not in config:
        return config
    families = (layers, losses, metrics, optimizers, initializers, regularizers, constraints, activations)
    name = config.get("registered_name") or config["class_name"]
    found: list[Registry] = [f._registry for f in families]
    for registry in found:
        if registry.knows(name) or name in {**(custom_objects or {}), **get_custom_objects()}:
            return registry.deserialize(config, custom_objects)
    raise unknown_name("class", name, [n for r in found for n in r.names()])
