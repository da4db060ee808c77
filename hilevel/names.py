"""Names for layers and other objects: `dense`, `dense_1`, `dense_2`, ..."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from hilevel._context import context, scope

_used: dict[str, Iterator[int]] = {}


def unique_name(prefix: str) -> str:
    """The prefix, with a number from its second use on."""
    number = next(_used.setdefault(prefix, count()))
    return f"{prefix}_{number}" if number else prefix


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
