"""Flat buffers: small weights are contiguous views of one array, so that one call updates all of them.

```text
buffer of a column   | kernel 1 | bias 1 | kernel 2 | bias 2 |    a large kernel 3: an array of its own
slots of an update   one flat buffer for each column: weights, first moments, second moments
```
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

from hilevel.engine.protocol import Update
from hilevel.engine.types import Array, Function, Namespace
from hilevel.optimizers import updates

Rows = Sequence[Sequence[Array]]
Places = dict[int, tuple[Array, int]]
"""For the `id` of a view the buffer and the position of its first element in it."""


def pack(
    xp: Namespace,
    calls: Sequence[Update],
    make: Callable[[Function, Sequence[Group]], Function],
    block: float = math.inf,
    most: float = math.inf,
) -> tuple[dict[int, Array], list[Function]]:
    """Allocate a flat buffer for each column of the updates; see `Backend.pack`.

    Args:
        xp: the array module.
        calls: the updates.
        make: a function of a formula and groups of rows, which returns the update of these rows.
        block: the number of elements of an array that shares a buffer, at most.
        most: the number of rows of a group, at most.
    """
    buffers: dict[int, Array] = {}
    places: Places = {}
    tables = [
        (options["formula"], list(updates.rows(arrays, max(options["width"] - 1, 1))))
        for _, options, arrays in calls
    ]
    for _, rows in sorted(tables, key=lambda table: -len(table[1][0])):
        for column in zip(*rows, strict=True):
            new = [array for array in column if id(array) not in buffers]
            buffers |= zip(map(id, new), _allocate(xp, new, block, places), strict=True)
    updated = [(formula, [[buffers[id(a)] for a in row] for row in rows]) for formula, rows in tables]
    return buffers, [
        make(formula, [Group(rows, places) for rows in _contiguous(table, places, most)])
        for formula, table in updated
    ]


def _allocate(xp: Namespace, arrays: Sequence[Array], block: float, places: Places) -> list[Array]:
    """Allocate arrays of the same shapes. Small arrays are contiguous views of one buffer."""
    small = [a for a in arrays if a.size <= block]
    memory: Any = xp.empty(sum(a.size for a in small), arrays[0].dtype) if small else None
    ends = accumulate(a.size for a in small)
    allocated = []
    for a in arrays:
        if a.size > block:
            allocated.append(xp.empty(a.shape, a.dtype))
            continue
        end = next(ends)
        allocated.append(memory[end - a.size : end].reshape(a.shape))
        places[id(allocated[-1])] = memory, end - a.size
    return allocated


class Group:
    """Rows that are contiguous in all columns, as one row.

    Attributes:
        flat: the arrays of the row.
        sizes: the number of elements of each of the rows.
    """

    def __init__(self, rows: Rows, places: Places) -> None:
        self.sizes = [row[0].size for row in rows]
        self.flat = [_as_one(column, places) for column in zip(*rows, strict=True)]


def _contiguous(rows: Rows, places: Places, most: float) -> Iterable[Rows]:
    """Divide rows into groups that are contiguous in memory."""
    groups: list[list[Sequence[Array]]] = []
    for row in rows:
        if groups and len(groups[-1]) < most and _follow(row, groups[-1][-1], places):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _follow(row: Sequence[Array], previous: Sequence[Array], places: Places) -> bool:
    for a, b in zip(row, previous, strict=True):
        if id(a) not in places or id(b) not in places:
            return False
        (memory, start), (other, before) = places[id(a)], places[id(b)]
        if memory is not other or start != before + b.size:
            return False
    return True


def _as_one(arrays: Sequence[Array], places: Places) -> Array:
    """Return contiguous arrays as one flat array."""
    if len(arrays) == 1:
        return arrays[0]
    memory, start = places[id(arrays[0])]
    return memory[start : start + sum(a.size for a in arrays)]
