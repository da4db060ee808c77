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
    return [((key, *path), leaf) for key, part in _items(structure) for path, leaf in flatten_with_path(part)]


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
    if not is_nested(structure):
        return next(leaves)
    return _like(structure, [_pack(part, leaves) for _, part in _items(structure)])


def _like(structure: Any, items: list[Any]) -> Any:
    """Return a dict, list or tuple like the given one, with other elements."""
    if isinstance(structure, dict):
        return type(structure)(zip(structure, items, strict=True))
    if hasattr(structure, "_fields"):
        return type(structure)(*items)
    return tuple(items) if isinstance(structure, tuple) else items


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
        return _like(structure, [_map(func, value) for value in structure])
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


def assert_same_paths(a: object, b: object) -> None:
    """Raise an error unless the leaves of two structures have the same paths, whatever the types and the order.

    Args:
        a, b: nested lists, tuples and dicts, or leaves.

    >>> import hilevel
    >>> hilevel.tree.assert_same_paths([1, (2,)], (3, [4]))

    Raises:
        ValueError: a path is in one structure only.
    """
    differing = {path for path, _ in flatten_with_path(a)} ^ {path for path, _ in flatten_with_path(b)}
    if differing:
        raise ValueError(f"The structures differ: these paths are in one of them only: {differing}.")


def map_structure_up_to(shallow_structure: object, func: Function, *structures: object) -> Any:
    """Apply a function to the parts of structures at the leaves of a shallower one.

    Args:
        shallow_structure: nested lists, tuples and dicts, or a leaf.
        func: a function of as many parts as there are structures.
        structures: structures with all paths of the shallow one.

    >>> import hilevel
    >>> hilevel.tree.map_structure_up_to([None, [None]], str, [[1, 1], [[2, 2]]])
    ['[1, 1]', ['[2, 2]']]

    Raises:
        TypeError: there is no structure, or the function cannot be called.
        ValueError: a structure lacks a path of the shallow one, or has another one beside it.
    """
    if not structures or not callable(func):
        raise TypeError("map_structure_up_to expects a function and at least one structure.")
    if not is_nested(shallow_structure):
        return func(*structures)
    shallow = dict(_items(shallow_structure))
    parts = [dict(_items(s)) if is_nested(s) else {} for s in structures]
    for part, structure in zip(parts, structures, strict=True):
        if part.keys() != shallow.keys() or not is_nested(structure):
            raise ValueError(f"The structures differ: {list(shallow)} against {structure!r}.")
    found = [map_structure_up_to(value, func, *(p[key] for p in parts)) for key, value in shallow.items()]
    return _like(shallow_structure, found)


def _items(structure: Any) -> Iterable[tuple[Any, Any]]:
    """Return the keys or indices of a nested structure, with the parts."""
    return structure.items() if isinstance(structure, dict) else enumerate(structure)


def map_shape_structure(func: Function, structure: object) -> Any:
    """Apply a function to the shapes in a structure, and to its other leaves.

    Args:
        func: a function of a shape: a tuple or list of integers and None.
        structure: nested lists, tuples and dicts.

    >>> import hilevel
    >>> hilevel.tree.map_shape_structure(len, {"a": (None, 3), "b": [(2,)]})
    {'a': 2, 'b': [1]}
    """
    if not is_nested(structure) or _is_shape(structure):
        return func(structure)
    return _like(structure, [map_shape_structure(func, part) for _, part in _items(structure)])


def _is_shape(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and all(n is None or isinstance(n, int) for n in x)


class MAP_TO_NONE:
    """The result of a function of `traverse` that stands for None.

    >>> import hilevel
    >>> hilevel.tree.traverse(lambda x: hilevel.tree.MAP_TO_NONE if x == 0 else None, [0, 1])
    [None, 1]
    """


def traverse(func: Function, structure: object, top_down: bool = True) -> Any:
    """Apply a function to all parts of a structure, and return the structure with the results in their place.

    Args:
        func: a function of a part. Where it returns None, the part stays; `MAP_TO_NONE` replaces it by None.
        structure: nested lists, tuples and dicts, or a leaf.
        top_down: whether a structure precedes its parts, which are left out where the function replaces it. Otherwise
            it follows its parts.

    >>> import hilevel
    >>> hilevel.tree.traverse(lambda x: sum(x) if isinstance(x, tuple) else None, [(1, 2), {"a": (3,)}])
    [3, {'a': 3}]

    Raises:
        TypeError: the function cannot be called.
    """
    if not callable(func):
        raise TypeError(f"traverse expects a function; got {func!r}.")
    if top_down and (found := func(structure)) is not None:
        return None if found is MAP_TO_NONE else found
    if is_nested(structure):
        structure = _like(structure, [traverse(func, part, top_down) for _, part in _items(structure)])
    if top_down or (found := func(structure)) is None:
        return structure
    return None if found is MAP_TO_NONE else found


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
