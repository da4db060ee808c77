"""Objects as plain data in the format of Keras 2, which packages around Keras still use for their own classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hilevel.api import serialization
from hilevel.api.custom_objects import get_registered_name, get_registered_object
from hilevel.engine.types import Config
from hilevel.errors import UnknownNameError, closest


def serialize_keras_object(instance: Any) -> Config | str | None:
    """Return the class name and the config of an object, or the name of a function.

    Args:
        instance: an object with `get_config`, a function, or None.

    >>> import hilevel
    >>> hilevel.utils.legacy.serialize_keras_object(hilevel.regularizers.L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}

    Raises:
        ValueError: the object has neither a config nor a name.
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        with serialization.sharing():
            config = {k: serialization.serialize(v) for k, v in instance.get_config().items()}
        return {"class_name": get_registered_name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"Expected an object with get_config, or a function; got {instance!r:.80}.")


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Return the object that `serialize_keras_object` described.

    Args:
        identifier: the class name and the config, a name, or None. Functions are returned unchanged.
        module_objects, custom_objects: classes and functions by name. They come before the registered ones.
        printable_module_name: the kind of the object, for errors.

    >>> import hilevel
    >>> config = {"class_name": "Dense", "config": {"units": 2}}
    >>> hilevel.utils.legacy.deserialize_keras_object(config, {"Dense": hilevel.layers.Dense}).units
    2

    Raises:
        UnknownNameError: there is no such class or function.
        ValueError: the identifier is something else.
    """
    if identifier is None or callable(identifier):
        return identifier
    described = isinstance(identifier, dict) and "class_name" in identifier and "config" in identifier
    if not described and not isinstance(identifier, str):
        raise ValueError(
            f"Expected the class name and the config of an {printable_module_name}; got {identifier!r:.80}."
        )
    name = identifier["class_name"] if described else identifier
    objects = {**(module_objects or {}), **(custom_objects or {})}
    found = get_registered_object(name, objects)
    if found is None:
        near = closest(name, objects)
        raise UnknownNameError(
            f'There is no {printable_module_name} "{name}".' + f' Did you mean "{near}"?' * bool(near)
        )
    if not described:
        return found() if isinstance(found, type) else found
    return (
        found.from_config(identifier["config"])
        if hasattr(found, "from_config")
        else found(**identifier["config"])
    )
