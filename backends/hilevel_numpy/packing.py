"""Flat buffers: small weights are contiguous views of one array, so that one call of NumPy updates all of them.

```text
buffer of a column   | kernel 1 | bias 1 | kernel 2 | bias 2 |    a large kernel 3: an array of its own
slots of an update   one flat buffer for each column: weights, first moments, second moments
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from hilevel.engine.protocol import Update
from hilevel.engine.types import Function
from hilevel.optimizers import updates
from hilevel_numpy.updates import BLOCK, form_of

Array = np.ndarray[Any, Any]
Rows = Sequence[Sequence[Array]]


def pack(calls: Sequence[Update]) -> tuple[dict[int, Array], list[Function]]:
    """Allocate a flat buffer for each column of the updates; see `Backend.pack`."""
    buffers: dict[int, Array] = {}
    tables = [
        (options["formula"], list(updates.rows(arrays, max(options["width"] - 1, 1))))
        for _, options, arrays in calls
    ]
    for _, rows in sorted(tables, key=lambda table: -len(table[1][0])):
        for column in zip(*rows, strict=True):
            new = [array for array in column if id(array) not in buffers]
            buffers |= zip(map(id, new), _allocate(new), strict=True)
    return buffers, [
        Packed(formula, [[buffers[id(a)] for a in row] for row in rows]) for formula, rows in tables
    ]


def _allocate(arrays: Sequence[Array]) -> list[Array]:
    """Allocate arrays of the same shapes. Small arrays are contiguous views of one buffer."""
    small = [a for a in arrays if a.size <= BLOCK]
    memory = np.empty(sum(a.size for a in small), arrays[0].dtype) if small else None
    ends = np.cumsum([a.size for a in small]).tolist()
    parts = iter(
        memory[end - a.size : end].reshape(a.shape)  # type: ignore[index]
        for a, end in zip(small, ends, strict=True)
    )
    return [next(parts) if a.size <= BLOCK else np.empty(a.shape, a.dtype) for a in arrays]


class Packed:
    """An update of packed weights. Rows that are contiguous in all columns are updated as one row.

    A call gets the gradients of all rows in order.
    """

    def __init__(self, formula: Function, rows: Rows) -> None:
        self.__name__ = formula.__name__
        self.groups = [_Group(group) for group in _contiguous_groups(rows)]

    def __call__(self, *gradients: Array, formula: Function, width: int, **settings: Any) -> None:
        rest = iter(gradients)
        out = [group.flat for group in self.groups]
        rows = out if width == 1 else [group.with_gradients(rest) for group in self.groups]
        form_of(formula, width)(rows, out, **settings)


class _Group:
    """Contiguous rows as one flat row, with a buffer for the gradients of several rows."""

    def __init__(self, rows: Rows) -> None:
        self.count = len(rows)
        self.flat = [_as_one(column) for column in zip(*rows, strict=True)]
        self.gradients = np.empty_like(self.flat[0]) if self.count > 1 else None

    def with_gradients(self, rest: Iterator[Array]) -> list[Array]:
        """Return the flat row with the next gradients."""
        parts = [next(rest) for _ in range(self.count)]
        if self.gradients is None:
            return [self.flat[0], parts[0], *self.flat[1:]]
        np.concatenate([part.reshape(-1) for part in parts], out=self.gradients)
        return [self.flat[0], self.gradients, *self.flat[1:]]


def _contiguous_groups(rows: Rows) -> Iterable[Rows]:
    """Group rows that are contiguous in memory."""
    groups: list[list[Sequence[Array]]] = []
    for row in rows:
        if groups and all(_follows(a, b) for a, b in zip(row, groups[-1][-1], strict=True)):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _follows(a: Array, previous: Array) -> bool:
    return (
        a.base is not None and a.base is previous.base and _address(a) == _address(previous) + previous.nbytes
    )


def _address(a: Array) -> int:
    return int(a.__array_interface__["data"][0])


def _as_one(arrays: Sequence[Array]) -> Array:
    """Return contiguous arrays as one flat array."""
    if len(arrays) == 1:
        return arrays[0]
    base: Any = arrays[0].base
    start = (_address(arrays[0]) - _address(base)) // base.itemsize
    return base[start : start + sum(a.size for a in arrays)]
