"""Functions of nested lists, tuples and dicts.

Dict entries keep their own order. They are never sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.engine.types import Function


def is_nested(structure: object) -> bool:
    """Whether an object is a list, tuple or dict.

    Args:
        structure: any object.

    >>> import hilevel
    >>> hilevel.tree.is_nested([1]), hilevel.tree.is_nested(1)
    (True, False)
    """
    return isinstance(structure, (list, tuple, dict))


def flatten(structure: object) -> list[Any]:
    """Return the leaves in order.

    Args:
        structure: nested lists, tuples and dicts, or a leaf.

    >>> import hilevel
    >>> hilevel.tree.flatten({"a": 1, "b": [2, 3]})
    [1, 2, 3]
    """
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in flatten(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in flatten(value)]
    return [structure]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the leaves in order, each with its path: the keys and indices that lead to it.

    Args:
        structure: nested lists, tuples and dicts, or a leaf.

    >>> from hilevel import tree
    >>> tree.flatten_with_path({"a": [1, 2], "b": 3})
    [(('a', 0), 1), (('a', 1), 2), (('b',), 3)]
    """
    if not is_nested(structure):
        return [((), structure)]
    items = structure.items() if isinstance(structure, dict) else enumerate(structure)
    return [((key, *path), leaf) for key, part in items for path, leaf in flatten_with_path(part)]


def pack_sequence_as(structure: object, flat_sequence: Iterable[Any]) -> Any:
    """Return a structure like the given one, with other leaves.

    Args:
        structure: nested lists, tuples and dicts, or a leaf.
        flat_sequence: the new leaves in order.

    >>> import hilevel
    >>> hilevel.tree.pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
    {'a': 1, 'b': [2, 3]}

    Raises:
        ValueError: the number of leaves differs from the number in the structure.
    """
    flat = list(flat_sequence)
    if len(flat) != len(flatten(structure)):
        raise ValueError(f"The structure has {len(flatten(structure))} leaves, the sequence {len(flat)}.")
    return _pack(structure, iter(flat))


def _pack(structure: object, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, dict):
        return type(structure)((key, _pack(value, leaves)) for key, value in structure.items())
    if isinstance(structure, (list, tuple)):
        items = [_pack(value, leaves) for value in structure]
        if hasattr(structure, "_fields"):
            return type(structure)(*items)
        return tuple(items) if isinstance(structure, tuple) else items
    return next(leaves)


def map_structure(func: Function, *structures: object, none_is_leaf: bool = True) -> Any:
    """Apply a function to the leaves of one or more structures. Return the results in the same structure.

    Args:
        func: a function of as many leaves as there are structures.
        structures: nested lists, tuples and dicts, of one structure.
        none_is_leaf: whether `func` is applied to None. If not, None stays None.

    >>> import hilevel
    >>> hilevel.tree.map_structure(lambda a, b: a + b, [1, 2], [10, 20])
    [11, 22]

    Raises:
        ValueError: the structures differ.
    """
    first = structures[0]
    if len(structures) == 1 and none_is_leaf:
        return _map(func, first)
    for other in structures[1:]:
        assert_same_structure(first, other)
    results = (
        None if leaves[0] is None and not none_is_leaf else func(*leaves)
        for leaves in zip(*map(flatten, structures), strict=True)
    )
    return _pack(first, iter(list(results)))


def _map(func: Function, structure: object) -> Any:
    if isinstance(structure, (list, tuple)):
        if hasattr(structure, "_fields"):
            return type(structure)(*[_map(func, value) for value in structure])
        mapped = [_map(func, value) for value in structure]
        return tuple(mapped) if isinstance(structure, tuple) else mapped
    if isinstance(structure, dict):
        return type(structure)((key, _map(func, value)) for key, value in structure.items())
    return func(structure)


def assert_same_structure(a: object, b: object, check_types: bool | None = None) -> None:
    """Raise an error unless two structures are nested alike, with equal lengths and keys.

    Args:
        a, b: nested lists, tuples and dicts, or leaves.
        check_types: whether their types must be equal too; not by default.

    >>> import hilevel
    >>> hilevel.tree.assert_same_structure([1, (2,)], [3, (4,)])

    Raises:
        ValueError: the structures differ.
    """
    problem = _difference(a, b, bool(check_types), "")
    if problem:
        raise ValueError(f"The structures differ{problem}")


def _difference(a: Any, b: Any, check_types: bool, path: str) -> str:
    where = f" at {path}: " if path else ": "
    if is_nested(a) != is_nested(b) or isinstance(a, dict) != isinstance(b, dict):
        return f"{where}{type(a).__name__} against {type(b).__name__}."
    if check_types and is_nested(a) and type(a) is not type(b):
        return f"{where}{type(a).__name__} against {type(b).__name__}."
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{where}keys {list(a)} against {list(b)}."
        pairs = [(str(k), a[k], b[k]) for k in a]
    elif is_nested(a):
        if len(a) != len(b):
            return f"{where}{len(a)} items against {len(b)}."
        pairs = [(str(i), x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return ""
    found = (_difference(x, y, check_types, f"{path}[{k}]") for k, x, y in pairs)
    return next((f for f in found if f), "")


def lists_to_tuples(structure: object) -> Any:
    """Return the structure with tuples in place of lists.

    Args:
        structure: nested lists, tuples and dicts, or a leaf.

    >>> import hilevel
    >>> hilevel.tree.lists_to_tuples([1, [2]])
    (1, (2,))
    """
    if isinstance(structure, (list, tuple)):
        return tuple(map(lists_to_tuples, structure))
    if isinstance(structure, dict):
        return {key: lists_to_tuples(value) for key, value in structure.items()}
    return structure


_install_getattr(__name__)
