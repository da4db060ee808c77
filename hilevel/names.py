"""Names for layers and other objects: `dense`, `dense_1`, `dense_2`, ..."""

from __future__ import annotations

from collections import Counter

_used: Counter[str] = Counter()


def unique_name(prefix: str) -> str:
    """The prefix, with a number from its second use on."""
    _used[prefix] += 1
    count = _used[prefix] - 1
    return f"{prefix}_{count}" if count else prefix


def clear_session(free_memory: bool = True) -> None:
    """Begin again with the names of layers. Nothing else is kept from one model to the next.

    >>> import hilevel
    >>> hilevel.utils.clear_session()
    >>> hilevel.layers.Dense(1).name, hilevel.layers.Dense(1).name
    ('dense', 'dense_1')
    """
    _used.clear()
