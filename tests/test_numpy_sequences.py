"""The NumPy backend's forms for sequences give the results of the ops' plain ones: values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hilevel_numpy import recurrence, threads
from test_numpy_fast import assert_same, normal, results

import hilevel
from hilevel import ops

RECURRENT: dict[str, Any] = {
    "plain": ((5, 6, 3), {}),
    "masked": ((5, 6, 3), {"mask": True}),
    "dropout": ((5, 6, 3), {"mask": True, "keep": True}),
    "one step": ((4, 1, 2), {}),
    "one sample": ((1, 4, 1), {}),
    "no bias": ((5, 4, 3), {"biases": ()}),
    "both biases": ((5, 4, 3), {"biases": (0, 1)}),
    "recurrent bias": ((5, 4, 3), {"biases": (1,), "keep": True}),
    "no sample": ((0, 3, 2), {}),
    "another activation": ((5, 4, 3), {"activation": "relu"}),
}


def sequence(
    shape: Any, cell: str, dtype: str, biases: Any = (0,), mask: bool = False, keep: bool = False,
    activation: str = "tanh",
) -> tuple[Any, list[Any]]:  # fmt: skip
    """A function of a sequence's tensors, and these."""
    (batch, steps, features), units = shape, 7
    wide = units * {"simple": 1, "lstm": 4, "gru": 3}[cell]
    arrays = [normal(*shape), normal(features, wide), normal(units, wide) / 2]
    arrays += [normal(wide) for _ in biases] + [normal(batch, units) for _ in range(1 + (cell == "lstm"))]
    arrays += [np.abs(normal(batch, units))] * keep
    marks = normal(batch, steps) > 0 if mask else None

    def function(x: Any, kernel: Any, recurrent: Any, *rest: Any) -> Any:
        rest = list(rest)
        given = [rest.pop(0) if i in biases else None for i in (0, 1)]
        h, c = rest.pop(0), rest.pop(0) if cell == "lstm" else None
        factors = rest.pop(0) if keep else None
        y, *last = ops.recurrent(
            x, kernel, recurrent, *given, h, c, marks, factors, cell=cell, activation=activation
        )
        return (y, *last)

    return function, [a.astype(dtype) for a in arrays]


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent(name: str, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With parts of two samples and blocks of two steps; with one of all."""
    shape, how = RECURRENT[name]
    for sizes in ({"_ROWS": 1, "_WORK": 1, "_BLOCK": 80}, {}):
        for key, size in sizes.items():
            monkeypatch.setattr(recurrence, key, size)
        monkeypatch.setattr(threads, "count", lambda: 2)
        for dtype in ("float32", "float64"):
            assert_same(*sequence(shape, cell, dtype, **how))
        monkeypatch.undo()


def test_recurrent_forms_are_used_and_take_any_strides() -> None:
    function, arrays = sequence((5, 6, 3), "lstm", "float32")
    turned = [a.T.copy().T for a in arrays]
    assert_same(function, turned)
    with hilevel.use_backend("numpy") as backend:
        for a, b in zip(results(function, arrays), results(function, turned), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
        assert backend.overrides["recurrent"].saving is recurrence.saving


def test_recurrent_differentiated_twice() -> None:
    for cell in ("simple", "lstm", "gru"):
        function, arrays = sequence((2, 3, 2), cell, "float64", mask=True)
        inner = hilevel.grad(lambda *a, function=function: ops.sum(function(*a)[0] ** 2))
        assert_same(lambda *a, inner=inner: inner(*a), arrays)


def test_a_sequence_can_be_asked_twice_for_its_gradients() -> None:
    function, arrays = sequence((3, 4, 2), "gru", "float64")
    x = hilevel.Variable(arrays[0])
    with hilevel.use_backend("numpy"), hilevel.GradientTape(persistent=True) as tape:
        y = ops.sum(function(x, *arrays[1:])[0])
    first, second = (np.array(tape.gradient(y, x)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
