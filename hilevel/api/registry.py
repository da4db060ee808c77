"""Lookup of public objects by name, and their plain data: the `get`, `serialize` and `deserialize` of losses, metrics,
optimizers, initializers, ..."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hilevel.errors import unknown_name

_custom_objects: dict[str, Any] = {}


def get_custom_objects() -> dict[str, Any]:
    """The user's own classes and functions that names may stand for, by name.

    >>> import hilevel
    >>> hilevel.saving.get_custom_objects()
    {}
    """
    return _custom_objects


@contextmanager
def custom_object_scope(custom_objects: dict[str, Any]) -> Iterator[None]:
    """A block in which names may stand for the given classes and functions, too.

    >>> import hilevel
    >>> with hilevel.saving.custom_object_scope({"double": lambda x: 2 * x}):
    ...     hilevel.activations.get("double")(2.0)
    4.0
    """
    before = dict(_custom_objects)
    _custom_objects.update(custom_objects)
    try:
        yield
    finally:
        _custom_objects.clear()
        _custom_objects.update(before)


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: make a class or function of one's own known by the name `package>name`.

    >>> import hilevel
    >>> @hilevel.saving.register_keras_serializable("docs")
    ... def twice(x):
    ...     return 2 * x
    >>> hilevel.saving.get_registered_name(twice)
    'docs>twice'
    >>> _ = hilevel.saving.get_custom_objects().pop("docs>twice")
    """

    def register(thing: Any) -> Any:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"{thing.__name__} has no get_config method, so it cannot be written down.")
        _custom_objects[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, else its own.

    >>> import hilevel
    >>> hilevel.saving.get_registered_name(len)
    'len'
    """
    return next((k for k, v in _custom_objects.items() if v is obj), obj.__name__)


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """The class or function registered under a name, else None.

    >>> import hilevel
    >>> hilevel.saving.get_registered_object("nothing")
    """
    for table in (_custom_objects, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def plain(value: Any) -> Any:
    """A value as plain data: objects by class name and config, functions by name, arrays as lists.

    >>> import hilevel
    >>> from hilevel.api.registry import plain
    >>> plain({"activation": hilevel.activations.relu, "mean": np.zeros(2)})
    {'activation': 'relu', 'mean': [0.0, 0.0]}
    """
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value] if isinstance(value, list) else tuple(map(plain, value))
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return {"class_name": get_registered_name(type(value)), "config": value.get_config()}
    if callable(value) and hasattr(value, "__name__"):
        return get_registered_name(value)
    return value.tolist() if hasattr(value, "tolist") else value


def snake_case(name: str) -> str:
    """`BatchNormalization` -> `batch_normalization`, `Conv2D` -> `conv2d`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Registry:
    """The public classes and functions of a package, by name. A module is loaded when a name of it is looked up.

    Args:
        kind: the kind of object, in words: `"loss"`.
        package: the package that lists the names in its stub. A class is found by its snake case name, too.
        aliases: further names, and the names or dotted paths of the objects that they stand for.
        skip: public names that are no objects of this kind.
        prefer_classes: whether `"mean_squared_error"` is the class where a function has that name, too.
        any_case: whether upper and lower case are one.
        default: the name of the object for None; None stays None without it.
        base: the name of the class whose instances alone `get` returns; functions are returned, too, without it.
    """

    def __init__(
        self, kind: str, package: str, aliases: dict[str, str] | None = None, skip: tuple[str, ...] = (),
        prefer_classes: bool = False, any_case: bool = False, default: str | None = None, base: str | None = None,
    ) -> None:  # fmt: skip
        self.kind, self.package, self.default, self.base = kind, package, default, base
        self.aliases, self.skip = aliases or {}, {*skip, "get", "serialize", "deserialize"}
        self.prefer_classes, self.any_case = prefer_classes, any_case

    def functions(self, serialize: str, deserialize: str = "config") -> tuple[Callable[..., Any], ...]:
        """Return `get`, `serialize` and `deserialize`, the last two with these names of their first parameters."""
        return self.get, _renamed(self.serialize, serialize), _renamed(self.deserialize, deserialize)

    @functools.cached_property
    def targets(self) -> dict[str, str]:
        """The public name, or dotted path, for each name that objects are found by."""
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
        """Return the names to suggest to a person."""
        return sorted(n for n in self.targets if n == n.lower()) + sorted(_custom_objects)

    def find(self, name: str, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the class or function of a name.

        Raises:
            UnknownNameError: no object has that name; names the nearest.
        """
        for table in (custom_objects or {}, _custom_objects):
            if name in table:
                return table[name]
        if not self.has(name):
            raise unknown_name(self.kind, name, self.names())
        module, _, public = self.targets[self._key(name)].rpartition(".")
        return getattr(importlib.import_module(module or self.package), public)

    def get(self, identifier: Any) -> Any:
        """Return an object from its name, its config, its class, or itself.

        None stays None, but for activations, where it is `linear`. A function, or its name, gives the function.

        Args:
            identifier: the name, config, class or instance.

        >>> import hilevel
        >>> hilevel.optimizers.get("adam").beta_1, hilevel.losses.get("mse").__name__
        (0.9, 'mean_squared_error')

        Raises:
            UnknownNameError: no object has that name; names the nearest.
            TypeError: the identifier is none of these.
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

    def serialize(self, obj: Any) -> Any:
        """Return plain data from which `deserialize` makes the object again: its name, or its class name and config.

        Args:
            obj: the object or function.

        >>> import hilevel
        >>> hilevel.regularizers.serialize(hilevel.regularizers.L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
        """
        return plain(obj)

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the object that `serialize` described, or that has this name.

        Args:
            config: the name, or a dict with `"class_name"` and `"config"`.
            custom_objects: classes and functions of your own, by name.

        >>> import hilevel
        >>> hilevel.layers.deserialize({"class_name": "Dense", "config": {"units": 3}}).units
        3

        Raises:
            UnknownNameError: no object has that name; names the nearest.
        """
        if config is None:
            return None
        if isinstance(config, str):
            found = self.find(config, custom_objects)
            return found() if inspect.isclass(found) else found
        name = config.get("registered_name") or config["class_name"]
        cls = self.find(name, custom_objects)
        inner = config.get("config", {})
        if not inspect.isclass(cls):
            return cls
        return cls.from_config(inner) if hasattr(cls, "from_config") else cls(**inner)


def _renamed(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a method as a function whose first parameter has another name."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return method(kwargs.pop(name), **kwargs) if name in kwargs else method(*args, **kwargs)

    signature = inspect.signature(method)
    first, *others = signature.parameters.values()
    call.__doc__ = (method.__doc__ or "").replace(f"  {first.name}: ", f"  {name}: ")
    call.__signature__ = signature.replace(parameters=[first.replace(name=name), *others])  # type: ignore[attr-defined]
    return call
