"""Whether an array may be changed in place: only when nobody but its Variable can see it."""

from __future__ import annotations

from sys import getrefcount
from types import SimpleNamespace
from typing import Any

import numpy as np

from hilevel._context import context
from hilevel._types import Array

_ndarray = np.ndarray


def owned(variable: Any) -> Array:
    """The Variable's array, for an update that may write into it; a copy where somebody else holds the array.

    Arrays of other libraries than NumPy come as they are: the updates that write in place are NumPy's.
    """
    value = variable._value
    if value.__class__ is not _ndarray or context.touched is not None:
        value = variable.read()
        return value.copy() if value.__class__ is _ndarray else value
    if getrefcount(value) > _ALONE or value.base is not None or context.written is not None:
        return value.copy()
    return value


# What `getrefcount` says in `owned` of an array that only its Variable holds: measured, since it depends on how
# the interpreter counts local names.
_ALONE = 0
_probe = SimpleNamespace(_value=np.zeros(1))
while owned(_probe) is not _probe._value:
    _ALONE += 1
