"""What an object holds: layers, Variables, seed generators and metrics in its attributes, and in lists and dicts there.

What is found is remembered until something that counts is set anywhere; `structure.version` counts these events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hilevel._context import context
from hilevel.autodiff.capture import attributes
from hilevel.variables import Variable


class _Structure:
    version = 0


structure = _Structure()


def changed() -> None:
    """Note that some object now holds other things than before."""
    structure.version += 1


def _counting(name: str, base: type) -> Callable[..., Any]:
    method = getattr(base, name)

    def count(self: Any, *args: Any, **kwargs: Any) -> Any:
        changed()
        return method(self, *args, **kwargs)

    count.__name__, count.__doc__ = name, method.__doc__
    return count


class TrackedList(list[Any]):
    """A list in an attribute of a layer; it tells when it changes."""


class TrackedDict(dict[Any, Any]):
    """A dict in an attribute of a layer; it tells when it changes."""


for _name in [
    "append",
    "extend",
    "insert",
    "pop",
    "remove",
    "clear",
    "__setitem__",
    "__delitem__",
    "__iadd__",
    "reverse",
    "sort",
]:
    setattr(TrackedList, _name, _counting(_name, list))
for _name in ["__setitem__", "__delitem__", "clear", "pop", "popitem", "setdefault", "update", "__ior__"]:
    setattr(TrackedDict, _name, _counting(_name, dict))


_PLAIN = (bool, int, float, str, type(None))


class Tracker:
    """Base of layers: remembers what its attributes hold."""

    _holds = False

    def __setattr__(self, name: str, value: Any) -> None:
        if context.capture is not None:
            context.capture.refuse(f'it sets the attribute "{name}" of a {type(self).__name__}')
        before = self.__dict__.get(name)
        if isinstance(value, _PLAIN) and value != getattr(self, name, value):
            attributes.changes += 1
        if not name.startswith("_hidden") and (is_trackable(value) or is_trackable(before)):
            changed()
            if type(value) is list:
                value = TrackedList(value)
            elif type(value) is dict:
                value = TrackedDict(value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        changed()
        object.__delattr__(self, name)


def is_trackable(value: Any) -> bool:
    """Whether something that counts may be in it."""
    return isinstance(value, (Tracker, Variable, list, dict, tuple)) or hasattr(value, "_tracked_state")


def held(owner: Any) -> Iterator[Any]:
    """Everything in the attributes of an object, lists and dicts opened, in the order in which it was set."""
    for name, value in list(owner.__dict__.items()):  # another thread may add some
        if not name.startswith("_hidden"):
            yield from _open(value)


def _open(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _open(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _open(item)
    else:
        yield value


def unique(items: Iterator[Any]) -> list[Any]:
    """The items without repetitions, by identity, in order."""
    return list({id(item): item for item in items}.values())
