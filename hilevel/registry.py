"""Looking things up by name, and writing them down as plain data: the `get`, `serialize` and `deserialize` of losses,
metrics, optimizers, initializers, ..."""

from __future__ import annotations

import inspect
import re
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
    >>> from hilevel.registry import plain
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
    """The objects of one kind, by name.

    Args:
        kind: what they are, in words: `"loss"`.
        things: the classes and functions, each known by its own name and, a class, in snake case.
        aliases: further names.
        later: functions that load what is not loaded yet, by name.
    """

    def __init__(
        self,
        kind: str,
        things: list[Any],
        aliases: dict[str, Any] | None = None,
        later: dict[str, Callable[[], Any]] | None = None,
    ) -> None:
        self.kind = kind
        self.later = later or {}
        self.known: dict[str, Any] = {}
        for thing in things:
            self.known[thing.__name__] = thing
            if inspect.isclass(thing):
                self.known.setdefault(snake_case(thing.__name__), thing)
        self.known.update(aliases or {})

    def knows(self, name: str) -> bool:
        """Whether a name is one of these objects'."""
        return name in self.known or name in self.later

    def names(self) -> list[str]:
        """The names to be suggested to a person."""
        return sorted(n for n in {**self.known, **self.later} if n == n.lower()) + sorted(_custom_objects)

    def find(self, name: str, custom_objects: dict[str, Any] | None = None) -> Any:
        """The class or function of a name.

        Raises:
            UnknownNameError: there is none; names the nearest.
        """
        for table in (custom_objects or {}, _custom_objects, self.known):
            if name in table:
                return table[name]
        if name in self.later:
            return self.later[name]()
        raise unknown_name(self.kind, name, self.names())

    def get(self, identifier: Any) -> Any:
        """An object of this kind: from its name, its config, its class, or itself; None stays None."""
        if identifier is None:
            return None
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, str):
            identifier = self.find(identifier)
        if inspect.isclass(identifier):
            return identifier()
        if callable(identifier) or hasattr(identifier, "get_config"):
            return identifier
        raise TypeError(
            f"Expected a {self.kind}: a name, a config, a function or an object; got {identifier!r}."
        )

    def serialize(self, thing: Any) -> Any:
        """Plain data from which `deserialize` makes the object again: its name, or its name and config."""
        return plain(thing)

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """The object that `serialize` wrote down."""
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
