"""Structures of scalars, text and arrays as JSON, with the arrays beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hilevel.saving.state import as_plain_array

Array = np.ndarray[Any, Any]


def to_plain(value: Any, place: str, arrays: dict[str, Array]) -> Any:
    """Return a structure as plain data. Its arrays are added to `arrays`, under names that are counted.

    Args:
        value: a scalar, text, None, an array, or a list, tuple or dict of these.
        place: the name of the structure, for errors.
        arrays: the arrays by name.

    >>> from hilevel.saving.structures import from_plain, to_plain
    >>> arrays = {}
    >>> to_plain((1, np.zeros(2)), "pair", arrays), list(arrays)
    ({'__tuple__': [1, {'__array__': 'array 0', 'scalar': False}]}, ['array 0'])
    >>> from_plain({"__tuple__": [1]}, arrays)
    (1,)

    Raises:
        TypeError: the structure contains another kind of object.
    """
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, (list, tuple)):
        items = [to_plain(item, f"{place}/{i}", arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"__tuple__": items}
    if isinstance(value, dict):
        pairs = [[to_plain(k, place, arrays), to_plain(v, f"{place}/{k}", arrays)] for k, v in value.items()]
        return {"__dict__": pairs}
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        name = f"array {len(arrays)}"
        arrays[name] = as_plain_array(value, place)
        return {"__array__": name, "scalar": isinstance(value, np.generic)}
    raise TypeError(
        f"{place} is a {type(value).__name__}. Expected scalars, text, arrays, and lists, tuples or dicts of them."
    )


def from_plain(value: Any, arrays: Mapping[str, Array]) -> Any:
    """Return the structure that `to_plain` described."""
    if isinstance(value, list):
        return [from_plain(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "__tuple__" in value:
        return tuple(from_plain(item, arrays) for item in value["__tuple__"])
    if "__dict__" in value:
        return {from_plain(k, arrays): from_plain(v, arrays) for k, v in value["__dict__"]}
    array = arrays[value["__array__"]]
    return array[()] if value["scalar"] else np.array(array)
