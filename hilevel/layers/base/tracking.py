"""Tracking of the layers, Variables, seed generators and metrics in the attributes of an object.

Lists, dicts, tuples and sets in attributes are searched, too. `structure.version` counts the assignments that may
change the result; a layer caches its result for one version.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from hilevel.engine.context import context
from hilevel.engine.variables import Variable
from hilevel.random.seed import SeedGenerator

T = TypeVar("T")


class _Structure:
    version = 0


structure = _Structure()


def changed() -> None:
    """Mark the cached results of all objects as invalid."""
    structure.version += 1


def _counting(name: str, base: Any) -> Callable[..., Any]:
    method = getattr(base, name)

    def count(self: Any, *args: Any, **kwargs: Any) -> Any:
        changed()
        return method(self, *map(tracked, args), **kwargs)

    count.__name__, count.__doc__ = name, method.__doc__
    return count


class TrackedList(list[Any]):
    """A list in an attribute of a layer, whose changes are tracked."""


class TrackedDict(dict[Any, Any]):
    """A dict in an attribute of a layer, whose changes are tracked."""


class TrackedOrderedDict(OrderedDict[Any, Any]):
    """An OrderedDict in an attribute of a layer, whose changes are tracked."""


class TrackedSet(set[Any]):
    """A set in an attribute of a layer, whose changes are tracked."""


_OF_DICTS = "__setitem__ __delitem__ __ior__ clear pop popitem setdefault update"
_CHANGING = {
    TrackedList: "__setitem__ __delitem__ __iadd__ append clear extend insert pop remove reverse sort",
    TrackedDict: _OF_DICTS,
    TrackedOrderedDict: f"{_OF_DICTS} move_to_end",
    TrackedSet: "__iand__ __ior__ __isub__ __ixor__ add clear difference_update discard intersection_update pop "
    "remove symmetric_difference_update update",
}
for _class, _names in _CHANGING.items():
    for _name in _names.split():
        setattr(_class, _name, _counting(_name, _class.__base__))


def tracked(value: Any) -> Any:
    """Return a value with tracked copies of the lists, dicts and sets in it, also within tuples."""
    kind = type(value)
    if kind in (dict, OrderedDict):
        made = TrackedDict if kind is dict else TrackedOrderedDict
        return made((k, tracked(v)) for k, v in value.items())
    if kind is list:
        return TrackedList(map(tracked, value))
    if isinstance(value, tuple):
        items = [tracked(item) for item in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            return kind(*items) if hasattr(value, "_fields") else kind(items)
        return value
    return TrackedSet(value) if kind is set else value


_PLAIN = (bool, int, float, str, type(None))
_STRUCTURES = (list, tuple, dict, set)


class Tracker:
    """The base of layers, which tracks the objects in its attributes."""

    _changes = 0
    """The number of changes of plain values in attributes, on which a captured step may depend."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not context.interpreter.is_plain:
            context.interpreter.refuse(f'it sets the attribute "{name}" of a {type(self).__name__}')
        before = self.__dict__.get(name)
        if isinstance(value, _PLAIN) and value != getattr(self, name, value):
            object.__setattr__(self, "_changes", self._changes + 1)
        if is_trackable(value) or is_trackable(before):
            changed()
            value = tracked(value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        changed()
        object.__delattr__(self, name)


def is_trackable(value: object) -> bool:
    """Whether a value is, or may contain, a tracked object."""
    return isinstance(value, (Tracker, Variable, SeedGenerator, *_STRUCTURES)) or hasattr(
        value, "reset_state"
    )


def children(owner: object) -> Iterator[Any]:
    """Yield the objects in the attributes of an object, and in their lists, dicts, tuples and sets.

    They come in the order of assignment; the objects of a set in the order of their names.
    """
    for value in list(owner.__dict__.values()):  # another thread may add some
        if isinstance(value, _STRUCTURES):
            yield from _leaves(value)
        elif type(value) not in _PLAIN:
            yield value


def _leaves(value: object) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, set):
        yield from sorted(value, key=lambda item: str(getattr(item, "name", "")))
    else:
        yield value


def holds_state(value: object) -> bool:
    """Return whether a value is a layer or Variable, or a list, tuple or dict that contains one."""
    return any(isinstance(x, (Tracker, Variable)) for x in _leaves(value))


def unique(items: Iterable[T]) -> list[T]:
    """Return the items in order, each object once."""
    return list({id(item): item for item in items}.values())
