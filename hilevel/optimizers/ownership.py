"""Updates in place, where nobody but the Variable can see the array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sys import getrefcount
from types import SimpleNamespace
from typing import Any

import numpy as np

from hilevel._context import context
from hilevel._types import Array, Function
from hilevel.variables import Variable

_ndarray = np.ndarray


def update(op: Function, rows: Iterable[Sequence[Any]], **options: Any) -> None:
    """Change Variables by an op of `hilevel.ops.updates`.

    A row holds what the op needs for one weight; the Variables in it get the results, in their order.

    >>> from hilevel.ops.updates import sgd_update
    >>> from hilevel.optimizers.ownership import update
    >>> w = hilevel.Variable([1.0, 2.0])
    >>> update(sgd_update, [(w, np.ones(2, "float32"))], rate=0.5)
    >>> w.numpy()
    array([0.5, 1.5], dtype=float32)
    """
    changed, arrays = [], []
    for row in rows:
        for x in row:
            if isinstance(x, Variable):
                changed.append(x)
                x = owned(x)
            arrays.append(x)
    for variable, value in zip(changed, op(*arrays, **options), strict=True):
        variable.replace(value)


def owned(variable: Any) -> Array:
    """The Variable's array, for an update that may write into it; a copy where somebody else holds the array.

    Arrays of other libraries than NumPy come as they are: the updates that write in place are NumPy's.
    """
    value = variable._array
    if value.__class__ is not _ndarray or context.overlay is not None:
        value = variable.read()
        return value.copy() if value.__class__ is _ndarray else value
    if getrefcount(value) > _ALONE or value.base is not None:
        return value.copy()
    return value


# What `getrefcount` says in `owned` of an array that only its Variable holds: measured, since it depends on how
# the interpreter counts local names.
_ALONE = 0
_probe = SimpleNamespace(_array=np.zeros(1))
while owned(_probe) is not _probe._array:
    _ALONE += 1
