"""Small weights one behind the other in one array, so that an update takes as many calls as for one weight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from hilevel.engine.types import Function
from hilevel.optimizers import updates
from hilevel_numpy.updates import BLOCK, form_of

Array = np.ndarray[Any, Any]
Rows = Sequence[Sequence[Array]]


def pack(calls: Sequence[tuple[Any, Any, Sequence[Array]]]) -> tuple[dict[int, Array], list[Function]]:
    """As `Backend.pack` says: columns of the updates with the most columns first, each in one piece of memory."""
    homes: dict[int, Array] = {}
    tables = [
        (options["formula"], list(updates.rows(arrays, max(options["width"] - 1, 1))))
        for _, options, arrays in calls
    ]
    for _, rows in sorted(tables, key=lambda table: -len(table[1][0])):
        for column in zip(*rows, strict=True):
            new = [array for array in column if id(array) not in homes]
            homes |= zip(map(id, new), _one_behind_the_other(new), strict=True)
    return homes, [Packed(formula, [[homes[id(a)] for a in row] for row in rows]) for formula, rows in tables]


def _one_behind_the_other(arrays: Sequence[Array]) -> list[Array]:
    """Arrays like the given ones: the small ones are parts of one, the large ones for themselves."""
    small = [a for a in arrays if a.size <= BLOCK]
    memory = np.empty(sum(a.size for a in small), arrays[0].dtype) if small else None
    ends = np.cumsum([a.size for a in small]).tolist()
    parts = iter(
        memory[end - a.size : end].reshape(a.shape)  # type: ignore[index]
        for a, end in zip(small, ends, strict=True)
    )
    return [next(parts) if a.size <= BLOCK else np.empty(a.shape, a.dtype) for a in arrays]


class Packed:
    """An update of packed weights: rows that lie one behind the other in all columns are one row.

    It is called with the gradients, row after row.
    """

    def __init__(self, formula: Any, rows: Rows) -> None:
        self.__name__ = formula.__name__
        self.groups = [_Group(group) for group in _neighbours(rows)]

    def __call__(self, *gradients: Array, formula: Function, width: int, **settings: Any) -> None:
        left = iter(gradients)
        out = [group.whole for group in self.groups]
        rows = out if width == 1 else [group.with_gradients(left) for group in self.groups]
        form_of(formula, width)(rows, out, **settings)


class _Group:
    """Neighbouring rows, as one; with memory to collect the gradients in where there are several."""

    def __init__(self, rows: Rows) -> None:
        self.count = len(rows)
        self.whole = [_whole(column) for column in zip(*rows, strict=True)]
        self.gradients = np.empty_like(self.whole[0]) if self.count > 1 else None

    def with_gradients(self, left: Iterator[Array]) -> list[Array]:
        """The row, with the next gradients."""
        parts = [next(left) for _ in range(self.count)]
        if self.gradients is None:
            return [self.whole[0], parts[0], *self.whole[1:]]
        np.concatenate([part.reshape(-1) for part in parts], out=self.gradients)
        return [self.whole[0], self.gradients, *self.whole[1:]]


def _neighbours(rows: Rows) -> Iterable[Rows]:
    """The rows, in groups in which each begins where the one before ends."""
    groups: list[list[Sequence[Array]]] = []
    for row in rows:
        if groups and all(_begins_where(a, b) for a, b in zip(row, groups[-1][-1], strict=True)):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _begins_where(a: Array, before: Array) -> bool:
    return a.base is not None and a.base is before.base and _address(a) == _address(before) + before.nbytes


def _address(a: Array) -> int:
    return int(a.__array_interface__["data"][0])


def _whole(arrays: Sequence[Array]) -> Array:
    """Neighbours as one array."""
    if len(arrays) == 1:
        return arrays[0]
    base: Any = arrays[0].base
    start = (_address(arrays[0]) - _address(base)) // base.itemsize
    return base[start : start + sum(a.size for a in arrays)]
