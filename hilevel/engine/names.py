"""Names for layers and other objects: `dense`, `dense_1`, `dense_2`, ..."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from hilevel.engine.context import context, scope

_used: dict[str, Iterator[int]] = {}


def unique_name(prefix: str) -> str:
    """The prefix, with a number from its second use on."""
    number = next(_used.setdefault(prefix, count()))
    return f"{prefix}_{number}" if number else prefix


def distinct(name: str, taken: Container[str]) -> str:
    """Return the name, with the first number that makes it another one than those that are taken.

    >>> from hilevel.engine.names import distinct
    >>> distinct("dense", {"dense", "dense_1"})
    'dense_2'
    """
    return next(n for i in count() if (n := f"{name}_{i}" if i else name) not in taken)


def clear_session(free_memory: bool = True) -> None:
    """Begin again with the names of layers. Nothing else is kept from one model to the next.

    >>> import hilevel
    >>> hilevel.utils.clear_session()
    >>> hilevel.layers.Dense(1).name, hilevel.layers.Dense(1).name
    ('dense', 'dense_1')
    """
    _used.clear()


@contextmanager
def name_scope(name: str, **kwargs: Any) -> Iterator[None]:
    """A block whose name stands before the paths of the Variables that are made in it.

    Args:
        name: the name, without "/".
        kwargs: accepted as in Keras; without meaning here.

    >>> import hilevel
    >>> with hilevel.name_scope("head"):
    ...     hilevel.Variable(0.0, name="bias").path
    'head/bias'

    Raises:
        ValueError: the name is not such a string.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"name_scope expects a name without '/'; got {name!r}.")
    with scope(name_scopes=(*context.name_scopes, name)):
        yield
