"""Functions of nested structures beyond their examples: types, order, errors."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import pytest

from hilevel import tree

Point = namedtuple("Point", "x y")
NESTED = [(1, 2), {"b": [3], "a": Point(4, ())}, OrderedDict(z=None)]
PARTS = [NESTED, (1, 2), 1, 2, NESTED[1], [3], 3, Point(4, ()), 4, (), NESTED[2], None]


def test_parts_in_both_orders() -> None:
    found: list[Any] = []
    assert tree.traverse(found.append, NESTED) == NESTED
    assert found == PARTS
    found.clear()
    assert tree.traverse(found.append, NESTED, top_down=False) == NESTED
    assert found == [1, 2, (1, 2), 3, [3], 4, (), Point(4, ()), NESTED[1], None, NESTED[2], NESTED]


@pytest.mark.parametrize("top_down", [True, False])
def test_parts_are_replaced(top_down: bool) -> None:
    replace = lambda x: tree.MAP_TO_NONE if x == 2 else {"new": x} if x == [3] else None
    found = tree.traverse(replace, NESTED, top_down)
    assert found == [(1, None), {"b": {"new": [3]}, "a": Point(4, ())}, OrderedDict(z=None)]
    assert type(found[1]["a"]) is Point
    assert type(found[2]) is OrderedDict
    assert tree.traverse(lambda x: tree.MAP_TO_NONE, NESTED, top_down) is None


def test_a_replaced_part_is_not_traversed() -> None:
    seen: list[Any] = []
    tree.traverse(lambda x: seen.append(x) or (x if isinstance(x, tuple) else None), [(1, 2), 3])
    assert seen == [[(1, 2), 3], (1, 2), 3]


def test_paths_do_not_depend_on_types() -> None:
    tree.assert_same_paths({"a": (1, 2), "b": 3}, OrderedDict(b=4, a=[5, 6]))
    tree.assert_same_paths(Point(1, 2), [3, 4])
    for other in ([1], [1, 2, 3], {0: 1}, [1, [2]], 1, ()):
        with pytest.raises(ValueError, match="in one of them only"):
            tree.assert_same_paths([1, 2], other)


def test_functions_up_to_a_shallow_structure() -> None:
    deep = Point(Point(1, 2), Point(2, 3))
    assert tree.map_structure_up_to(Point(2, 3), lambda a, b: (a + b.x) * b.y, Point(2, 3), deep) == Point(
        6, 15
    )
    names: Any = {"evens": 0, "more": [1, 2]}
    assert tree.map_structure_up_to(names, lambda n, d: (n, len(d)), names, {"more": [(1,), ()], "evens": "ab"}) == {
        "evens": (0, 2), "more": [(1, 1), (2, 0)],
    }  # fmt: skip
    for wrong in ([1], [1, 2, 3], 5, {"a": 1, "b": 2}):
        with pytest.raises(ValueError, match="The structures differ"):
            tree.map_structure_up_to([0, 0], str, wrong)


def test_shapes_are_leaves() -> None:
    add = lambda x: (*x, 10) if isinstance(x, (list, tuple)) else None
    assert tree.map_shape_structure(add, (1, 2, 3)) == (1, 2, 3, 10)
    found = tree.map_shape_structure(add, {"a": [1, None], "b": (5,), "c": "hi", "d": [(), {"x": 4}]})
    assert found == {"a": (1, None, 10), "b": (5, 10), "c": None, "d": [(10,), {"x": None}]}


def test_what_is_no_function() -> None:
    with pytest.raises(TypeError, match="expects a function"):
        tree.traverse(None, [1])  # type: ignore[arg-type]
    for arguments in (([0], None, [1]), ([0], len)):
        with pytest.raises(TypeError, match="expects a function and at least one structure"):
            tree.map_structure_up_to(*arguments)  # type: ignore[arg-type]
