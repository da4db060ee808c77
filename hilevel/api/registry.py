"""Lookup of public objects by name, and their plain data.

`Registry` has the functions `get`, `serialize` and `deserialize` of losses, metrics, optimizers and others.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hilevel.api.custom_objects import custom_names, custom_object_scope, get_registered_object
from hilevel.api.serialization import deserialize, plain
from hilevel.errors import unknown_name

if TYPE_CHECKING:
    from hilevel.engine.types import Config


def snake_case(name: str) -> str:
    """Convert a name: `BatchNormalization` -> `batch_normalization`, `Conv2D` -> `conv2d`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Registry:
    """The public classes and functions of a package, by name. A lookup imports the module of the name.

    Args:
        kind: the kind of object in error messages, such as `"loss"`.
        package: the package that lists the names in its stub. A class is also found by its name in snake case.
        aliases: for more names, the names or dotted paths of the objects.
        skip: public names of objects of other kinds.
        prefer_classes: whether a name such as `"mean_squared_error"` is a class, if a function has the same name.
        any_case: whether upper and lower case are equal.
        default: the name of the object for None; without it, `get(None)` returns None.
        base: the name of the base class of all objects; without it, functions are objects as well.
    """

    def __init__(
        self, kind: str, package: str, aliases: dict[str, str] | None = None, skip: tuple[str, ...] = (),
        prefer_classes: bool = False, any_case: bool = False, default: str | None = None, base: str | None = None,
    ) -> None:  # fmt: skip
        self.kind, self.package, self.default, self.base = kind, package, default, base
        self.aliases, self.skip = aliases or {}, {*skip, "get", "serialize", "deserialize"}
        self.prefer_classes, self.any_case = prefer_classes, any_case

    def functions(self, serialize: str, deserialize: str = "config") -> tuple[Callable[..., Any], ...]:
        """Return `get`, `serialize` and `deserialize`; the names are the first parameters of the latter two."""
        return self.get, _renamed(self.serialize, serialize), _renamed(self.deserialize, deserialize)

    @functools.cached_property
    def targets(self) -> dict[str, str]:
        """The public name, or dotted path, for each name in lookups."""
        public = {n: n for n in sys.modules[self.package].__all__ if n not in self.skip}
        snake = {snake_case(n): n for n in public if n[0].isupper()}
        targets = {**public, **snake} if self.prefer_classes else {**snake, **public}
        if self.any_case:
            targets |= {n.lower(): n for n in public}
        return targets | self.aliases

    def has(self, name: str) -> bool:
        """Return whether an object of this kind has the name."""
        return self._key(name) in self.targets

    def _key(self, name: str) -> str:
        return name.lower() if self.any_case and name.lower() in self.targets else name

    def names(self) -> list[str]:
        """Return the names for suggestions in error messages."""
        return sorted(n for n in self.targets if n == n.lower()) + custom_names()

    def find(self, name: str, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the class or function of a name.

        Raises:
            UnknownNameError: no object has this name; the message suggests a name.
        """
        custom = get_registered_object(name, custom_objects)
        if custom is not None:
            return custom
        if not self.has(name):
            raise unknown_name(self.kind, name, self.names())
        module, _, public = self.targets[self._key(name)].rpartition(".")
        return getattr(importlib.import_module(module or self.package), public)

    def get(self, identifier: Any) -> Any:
        """Return the object that an identifier describes.

        Args:
            identifier: the name, config or class of an object, or the object itself, which is returned unchanged.
                None gives None, or `linear` for activations.

        >>> import hilevel
        >>> hilevel.optimizers.get("adam").beta_1, hilevel.losses.get("mse").__name__
        (0.9, 'mean_squared_error')

        Raises:
            UnknownNameError: no object has this name; the message suggests a name.
            TypeError: the identifier is of another type.
        """
        if identifier is None:
            return None if self.default is None else self.find(self.default)
        if isinstance(identifier, dict):
            found = self.deserialize(identifier)
        else:
            found = self.find(identifier) if isinstance(identifier, str) else identifier
            found = found() if inspect.isclass(found) else found
        if self.base is not None and not isinstance(found, self.find(self.base)):
            raise TypeError(
                f'Expected an {self.kind}: a name such as "adam", a config or an object; got {identifier!r}.'
            )
        if callable(found) or hasattr(found, "get_config"):
            return found
        raise TypeError(
            f"Expected a {self.kind}: a name, a config, a function or an object; got {identifier!r}."
        )

    def serialize(self, obj: object) -> Any:
        """Return plain data from which `deserialize` restores an object: its name, or its class and config.

        Args:
            obj: an object of this package, or a function. The data have the shapes of a built layer, but no weights.

        >>> import hilevel
        >>> hilevel.regularizers.serialize(hilevel.regularizers.L2(0.5))["config"]
        {'l2': 0.5}
        """
        return plain(obj)

    def deserialize(self, config: str | Config | None, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the object that plain data describe. A layer is built for the shapes in them, with new weights.

        Args:
            config: the name, or a dict with `"class_name"` and `"config"`.
            custom_objects: more classes and functions, by name.

        >>> import hilevel
        >>> hilevel.layers.deserialize({"class_name": "Dense", "config": {"units": 3}}).units
        3

        Raises:
            UnknownNameError: no object has this name; the message suggests a name.
        """
        if config is None:
            return None
        if isinstance(config, str):
            found = self.find(config, custom_objects)
            return found() if inspect.isclass(found) else found
        with custom_object_scope(custom_objects):
            return deserialize(config, self.package.removeprefix("hilevel."))


def _renamed(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a method as a function whose first parameter, also in the docstring, has another name."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return method(kwargs.pop(name), **kwargs) if name in kwargs else method(*args, **kwargs)

    signature = inspect.signature(method)
    first, *others = signature.parameters.values()
    call.__signature__ = signature.replace(parameters=[first.replace(name=name), *others])  # type: ignore[attr-defined]
    call.__doc__ = str(method.__doc__).replace(f" {first.name}: ", f" {name}: ")
    return call
