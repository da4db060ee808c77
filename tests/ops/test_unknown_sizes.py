"""Symbolic tensors with unknown sizes: every op infers sizes that are right, or None, for any data."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
from op_cases import CASES, Case

import hilevel
from hilevel import ops, tree
from hilevel.engine.graph import SymbolicTensor

Shapes = list[tuple[int | None, ...]]


def shapes_with_unknowns(c: Case) -> Iterator[Shapes]:
    """The shapes of the tensors with all equal sizes unknown, with all sizes unknown, and with one alone."""
    shapes = [a.shape for a in c.arrays]
    sizes = {n for shape in shapes for n in shape if n > 1}
    for hidden in [*({n} for n in sizes), sizes]:
        yield [tuple(None if n in hidden else n for n in shape) for shape in shapes]
    for i, shape in enumerate(shapes):
        for axis, n in enumerate(shape):
            if n > 1:
                alone = (*shape[:axis], None, *shape[axis + 1 :])
                yield [*shapes[:i], alone, *shapes[i + 1 :]]


def shapes_of(result: Any) -> list[Any]:
    return [tuple(x.shape) for x in tree.flatten(result) if hasattr(x, "shape")]


_SQUARE = "cholesky cholesky_inverse det eig eigh inv logdet matrix_power slogdet"
NEED_SIZES = {
    **dict.fromkeys(("unstack", "lstsq", "qr", "fft", "fft2", "ifft2", *_SQUARE.split()), (0,)),
    **dict.fromkeys(("solve", "solve_triangular"), (0, 1)),
    "slice": (1,),
    "image.crop_images": (0,),
}
"""Ops that need the sizes of tensors, and their positions."""

SYMBOLIC = [c for c in CASES if c.abstract and c.traceable and any(a.ndim for a in c.arrays)]


@pytest.mark.parametrize("c", SYMBOLIC, ids=lambda c: c.label or c.name)
def test_inferred_sizes_hold(c: Case) -> None:
    expected = shapes_of(c.run(c.arrays))
    for shapes in shapes_with_unknowns(c):
        needed = [shapes[i] for i in NEED_SIZES.get(c.name, ()) if i < len(shapes)]
        if any(None in shape for shape in needed):
            continue
        symbols = [SymbolicTensor(s, a.dtype) for s, a in zip(shapes, c.arrays, strict=True)]
        inferred = shapes_of(c.run(symbols))
        assert [len(s) for s in inferred] == [len(s) for s in expected], shapes
        for n, m in zip(sum(inferred, ()), sum(expected, ()), strict=True):
            assert n in (None, m), (shapes, inferred, expected)


def takes_axis(c: Case) -> bool:
    return "axis" in inspect.signature(attrgetter(c.name)(ops)).parameters and bool(c.arrays)


WITH_AXIS = {c.name: c for c in CASES if takes_axis(c)}


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("name", WITH_AXIS)
def test_an_axis_out_of_range_is_an_error(name: str, symbolic: bool) -> None:
    c = WITH_AXIS[name]
    names = list(inspect.signature(attrgetter(name)(ops)).parameters)
    args = c.args[: names.index("axis")]
    arrays = [SymbolicTensor(a.shape, a.dtype) if symbolic else a for a in c.arrays]
    with pytest.raises(ValueError):
        replace(c, args=args, kwargs=c.kwargs | {"axis": 10}).run(arrays)


def test_a_known_size_of_0_is_found() -> None:
    joined = ops.concatenate([SymbolicTensor((None, 2)), SymbolicTensor((0, 3))], axis=1)
    assert joined.shape == (0, 5)


@pytest.mark.parametrize("key", [np.s_[:, 17, :], np.s_[..., 5, ...], np.s_[:, :, :, :], np.s_[:, :, :, 0]])
def test_a_key_that_does_not_fit_is_refused(key: Any) -> None:
    with pytest.raises(ValueError, match=r"shape|axes"):
        ops.get_item(hilevel.KerasTensor((None, 5, 16)), key)


def test_a_slice_to_the_end_begins_at_its_start(backend: str) -> None:
    x = np.arange(6.0).reshape(2, 3)
    whole = ops.slice(x, ops.convert_to_tensor(np.array([1, 1])), (-1, -1))
    assert np.array_equal(ops.convert_to_numpy(whole), [[4.0, 5.0]])
    symbolic = ops.slice(hilevel.KerasTensor((3, 3)), hilevel.KerasTensor((2,), "int32"), (-1, 2))
    assert symbolic.shape == (None, 2)
