"""Names for layers and other objects: `dense`, `dense_1`, `dense_2`, ..."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from hilevel.engine.context import context, scope

_used: dict[str, Iterator[int]] = {}


def unique_name(prefix: str) -> str:
    """Return the prefix, with a counter as suffix from its second use on."""
    number = next(_used.setdefault(prefix, count()))
    return f"{prefix}_{number}" if number else prefix


def get_uid(prefix: str = "") -> int:
    """Return 1, 2, ... for the calls with a prefix. `clear_session` resets the counters.

    Args:
        prefix: a name. The names that are generated from it share its counter.

    >>> import hilevel
    >>> hilevel.backend.get_uid("run"), hilevel.backend.get_uid("run")
    (1, 2)
    """
    return next(_used.setdefault(prefix, count())) + 1


def distinct(name: str, taken: Container[str]) -> str:
    """Return the name, with a suffix such as `_2` if the name itself is taken.

    >>> from hilevel.engine.names import distinct
    >>> distinct("dense", {"dense", "dense_1"})
    'dense_2'
    """
    return next(n for i in count() if (n := f"{name}_{i}" if i else name) not in taken)


def clear_session(free_memory: bool = True) -> None:
    """Reset the counters of generated names, the only state that models share.

    Args:
        free_memory: accepted as in Keras, without effect.

    >>> import hilevel
    >>> hilevel.utils.clear_session()
    >>> hilevel.layers.Dense(1).name, hilevel.layers.Dense(1).name
    ('dense', 'dense_1')
    """
    _used.clear()


@contextmanager
def name_scope(name: str, **kwargs: Any) -> Iterator[None]:
    """Return a block that prepends its name to the paths of the Variables created in it.

    Args:
        name: the name, a string without "/" that is not empty.
        kwargs: accepted as in Keras, without effect.

    >>> import hilevel
    >>> with hilevel.name_scope("head"):
    ...     hilevel.Variable(0.0, name="bias").path
    'head/bias'

    Raises:
        ValueError: the name is empty, has a "/", or is not a string.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"name_scope expects a name without '/'; got {name!r}.")
    with scope(name_scopes=(*context.name_scopes, name)):
        yield
