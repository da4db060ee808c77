"""The user's classes and functions by name: registered ones, and the objects of the scopes in this thread."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from hilevel.engine.types import Function

T = TypeVar("T", bound=Callable[..., Any])

_registered: dict[str, Any] = {}
_scoped: ContextVar[Mapping[str, Any]] = ContextVar("custom objects", default={})  # noqa: B039 - never changed


def get_custom_objects() -> dict[str, Any]:
    """Return the dict of the user's registered classes and functions by name. Changes of it register others.

    >>> import hilevel
    >>> hilevel.saving.get_custom_objects()
    {}
    """
    return _registered


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Return a block in which the given classes and functions are found by name as well, in this thread.

    Args:
        custom_objects: the classes and functions, by name.

    >>> import hilevel
    >>> with hilevel.saving.custom_object_scope({"double": lambda x: 2 * x}):
    ...     hilevel.activations.get("double")(2.0)
    4.0
    """
    token = _scoped.set({**_scoped.get(), **(custom_objects or {})})
    try:
        yield
    finally:
        _scoped.reset(token)


CustomObjectScope = custom_object_scope


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Register a class or function under the name `package>name`, as a decorator.

    Args:
        package: the prefix.
        name: the name; by default the name of the class or function.

    Raises:
        ValueError: a class has no method `get_config`.

    >>> import hilevel
    >>> @hilevel.saving.register_keras_serializable("docs")
    ... def twice(x):
    ...     return 2 * x
    >>> hilevel.saving.get_registered_name(twice)
    'docs>twice'
    >>> _ = hilevel.saving.get_custom_objects().pop("docs>twice")
    """

    def register(thing: T) -> T:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"{thing.__name__} has no method get_config, so that it cannot be serialized.")
        _registered[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def get_registered_name(obj: Function) -> str:
    """Return the name under which a class or function is registered, else its own name.

    Args:
        obj: the class or function.

    >>> import hilevel
    >>> hilevel.saving.get_registered_name(len)
    'len'
    """
    tables = (_scoped.get(), _registered)
    return next((k for table in tables for k, v in table.items() if v is obj), obj.__name__)


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return the class or function registered under a name, else None.

    Args:
        name: the name, such as `"package>name"`.
        custom_objects, module_objects: more classes and functions, by name.

    >>> import hilevel
    >>> hilevel.saving.get_registered_object("nothing")
    """
    for table in (custom_objects or {}, _scoped.get(), _registered, module_objects or {}):
        if name in table:
            return table[name]
    return None


def custom_names() -> list[str]:
    """Return the names of all custom objects, for suggestions in error messages."""
    return sorted({*_registered, *_scoped.get()})
