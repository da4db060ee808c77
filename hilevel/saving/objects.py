"""Objects as plain data in Keras's format, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hilevel.api import serialization
from hilevel.api.custom_objects import custom_object_scope
from hilevel.engine.allowance import Allowance, allowing
from hilevel.errors import InvalidFileError
from hilevel.saving.limits import CONFIG_SIZE


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
        TypeError: an object without a plain form.
    """
    return serialization.serialize(obj)


def deserialize_keras_object(
    config: object,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    max_size: float = CONFIG_SIZE,
    module_objects: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Return the object that `serialize_keras_object` described. Other data is returned unchanged.

    Args:
        config: the result of `serialize_keras_object`; or a name in `custom_objects`, or in `module_objects`, of whose
            classes an instance is made.
        custom_objects: further classes and functions by name, for nested objects too.
        safe_mode: whether to refuse Python code in the config.
        max_size: the size of the largest model, in gigabytes.
        module_objects: further classes and functions by name, after the others.
        kwargs: ignored; for compatibility with Keras.

    >>> import hilevel
    >>> hilevel.saving.deserialize_keras_object({"class_name": "Dense", "config": {"units": 2}}).units
    2
    >>> relu = hilevel.saving.serialize_keras_object(hilevel.activations.relu)
    >>> hilevel.saving.deserialize_keras_object(relu) is hilevel.activations.relu
    True

    Raises:
        UnknownNameError: no class or function has the name.
        UnsafeContentError: the config contains Python code, in safe mode, or describes a larger model.
        InvalidFileError: the config has not the form of a description.
    """
    own, of_module = custom_objects or {}, module_objects or {}
    if isinstance(config, str) and (config in own or config in of_module):
        found = own.get(config, of_module.get(config))
        return found() if isinstance(found, type) and config not in own else found
    try:
        return from_plain(config, None, {**of_module, **own}, safe_mode, max_size)
    except (ValueError, TypeError, ImportError):  # of the classes that are made
        raise
    except Exception as error:
        raise InvalidFileError(f"The config cannot be read: {type(error).__name__}: {error}") from error


def from_plain(
    config: object,
    package: str | None,
    custom_objects: Mapping[str, Any] | None,
    safe_mode: bool,
    max_size: float,
) -> Any:
    """Return the object of a config, with new weights. The arguments are as in `deserialize_keras_object`."""
    limit = Allowance(int(max_size * 2**30), f"a config with max_size={max_size} GB")
    with custom_object_scope(custom_objects), serialization.restoring(safe_mode), allowing(limit):
        made = serialization.deserialize(config, package)
    limit.initialize()
    return made
