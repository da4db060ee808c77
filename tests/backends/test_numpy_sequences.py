"""The NumPy backend's forms for sequences give the results of the ops' plain ones: values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hilevel_numpy import activations, attention, crossentropy, indexing, loops, recurrence, threads, updates
from test_numpy_fast import assert_same, normal, results

import hilevel
from hilevel import ops, optimizers
from hilevel.ops.nn.attention import attention as plain_attention
from hilevel.ops.nn.recurrence import recurrent_op
from hilevel.optimizers.base import weight_decay_formula
from hilevel.optimizers.updates import update

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
    "last states only": ((5, 4, 3), {"mask": True, "whole": False}),
    "last states, another activation": ((5, 4, 3), {"activation": "relu", "whole": False}),
}


def sequence(
    shape: Any, cell: str, dtype: str, biases: Any = (0,), mask: bool = False, keep: bool = False,
    activation: str = "tanh", whole: bool = True,
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
        y = ops.recurrent(
            x, kernel, recurrent, *given, h, c, marks, factors, cell=cell, activation=activation,
            return_sequences=whole,
        )  # fmt: skip
        return tuple(y)

    return function, [a.astype(dtype) for a in arrays]


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent(name: str, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two parts and blocks of two steps; with one of all."""
    shape, how = RECURRENT[name]
    for small in (True, False):
        if small:
            monkeypatch.setattr(recurrence, "_WORK", 1)
            monkeypatch.setattr(loops, "_BLOCK", 80)
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
        assert backend.overrides[recurrent_op].saving is recurrence.saving


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


@pytest.mark.parametrize("few", [0, 1 << 12])
def test_rows_that_are_picked_and_added_up(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of tables: with indices from the end, too, and of which some come once, some often."""
    monkeypatch.setattr(indexing, "_FEW", few)
    draw = np.random.default_rng(1).integers
    for dtype in ("float32", "float64"):
        for shape, places in (
            ((20, 3), draw(-20, 20, (5, 4))),
            ((300, 3), draw(0, 300, 200).astype("int32")),
            ((9, 2, 3), np.minimum(draw(0, 30, (4, 25)), 8).astype("uint8")),
            ((5,), draw(0, 5, (3, 9))),
            ((5, 2), np.zeros((0, 3), int)),
            ((5, 0), draw(0, 5, 7)),
        ):
            x = normal(*shape).astype(dtype)
            assert_same(lambda x, places=places: ops.take(x, places, axis=0), [x])
        assert_same(lambda x: x[np.array([1, 1, 0]), np.array([0, 0, 2])], [normal(3, 4).astype(dtype)])
        assert_same(lambda x: x[np.array([True, False, True])], [normal(3, 4).astype(dtype)])


ATTENTION: dict[str, Any] = {
    "heads": ((4, 2, 5, 3), (4, 2, 6, 3), None),
    "causal": ((4, 2, 5, 3), (4, 2, 5, 3), np.tri(5, dtype=bool)),
    "one head": ((4, 5, 3), (4, 6, 3), np.arange(4 * 6).reshape(4, 1, 6) % 4 > 0),
    "a query that sees nothing": ((2, 2, 3, 3), (2, 2, 3, 3), np.tri(3, k=-1, dtype=bool)),
    "repeated heads": ((2, 3, 4, 3), (2, 1, 5, 3), None),
    "one matrix": ((4, 3), (5, 3), None),
    "no sample": ((0, 2, 4, 3), (0, 2, 4, 3), None),
}


@pytest.mark.parametrize("block", [1, 60, 1 << 16])
@pytest.mark.parametrize("name", ATTENTION)
def test_attention(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_BLOCK", block)
    monkeypatch.setattr(threads, "count", lambda: 2)
    queries, keys, mask = ATTENTION[name]
    for dtype in ("float32", "float64"):
        arrays = [normal(*shape).astype(dtype) for shape in (queries, keys, (*keys[:-1], 4))]
        function = lambda q, k, v: plain_attention(q, k, v, mask=mask, scale=0.7)
        assert_same(function, arrays)
        assert_same(function, [a.swapaxes(0, -2).copy().swapaxes(0, -2) for a in arrays])
    rest = [normal(*queries[:-1], keys[-2])] * (name == "heads")
    assert_same(
        lambda q, k, v, *b: plain_attention(q, k, v, *b), [a.astype("float64") for a in arrays] + rest
    )


def test_attention_differentiated_twice() -> None:
    inner = hilevel.grad(lambda q, k, v: ops.sum(plain_attention(q, k, v, mask=np.tri(3, dtype=bool)) ** 2))
    assert_same(lambda *a: inner(*a), [normal(2, 2, 3, 4) for _ in range(3)])


@pytest.mark.parametrize("few", [0, 64])
@pytest.mark.parametrize("block", [1, 30, 1 << 17])
def test_crossentropy_of_labels(block: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts; and few samples of a few classes, in the other order."""
    monkeypatch.setattr(crossentropy, "_SMALL", 0 if not few else 1 << 16)
    monkeypatch.setattr(crossentropy, "_BLOCK", block)
    monkeypatch.setattr(threads, "count", lambda: 2)
    for shape in ((7, 9), (2, 3, 9), (9,), (0, 9)):
        labels = np.random.default_rng(1).integers(0, 9, shape[:-1])
        loss = lambda x, labels=labels: ops.sparse_categorical_crossentropy(labels, x, from_logits=True)
        for dtype in ("float32", "float64"):
            assert_same(loss, [9 * normal(*shape).astype(dtype)])
            assert_same(loss, [normal(*shape[::-1]).T.astype(dtype)])
    inner = hilevel.grad(lambda x: ops.sum(loss(x) ** 2))
    loss = lambda x: ops.sparse_categorical_crossentropy(np.array([1, 0]), x, from_logits=True)
    assert_same(lambda x: inner(x), [normal(2, 5)])


@pytest.mark.parametrize("block", [7, 1 << 15])
def test_gelu(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge of float32 is float64."""
    monkeypatch.setattr(activations, "_BLOCK", block)
    monkeypatch.setattr(threads, "count", lambda: 2)
    for approximate in (True, False):
        gelu = lambda x, approximate=approximate: ops.gelu(x, approximate=approximate)
        for dtype in ("float32", "float64"):
            for x in (
                4 * normal(5, 9).astype(dtype),
                normal(5, 4).astype(dtype).T,
                normal(0, 3).astype(dtype),
            ):
                assert_same(gelu, [x])
        assert_same(lambda x, gelu=gelu: hilevel.grad(lambda x: ops.sum(gelu(x) ** 2))(x), [normal(4)])
        x = np.linspace(-12, 12, 999)
        with hilevel.use_backend("numpy"):
            for small, exact in zip(results(gelu, [x.astype("f")]), results(gelu, [x]), strict=True):
                np.testing.assert_allclose(small, exact, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("shape", [(3, 4), (200, 90), (0, 4)])
def test_dense_and_what_is_cheap(shape: Any) -> None:
    """Small layers, and large ones, whose masks are made differently; and functions without `numpy.where`."""
    for dtype in ("float32", "float64"):
        x, kernel, bias = (a.astype(dtype) for a in (normal(*shape), normal(shape[1], 85), normal(85)))
        for activation in ("linear", "relu", "tanh", "sigmoid"):
            assert_same(lambda *a, f=activation: ops.dense(*a, activation=f), [x, kernel, bias])
        assert_same(lambda x, k: ops.dense(x, k, activation="relu"), [np.stack([x, -x]), kernel])
        for slope in (0.0, 0.2, 1.0, 3.0, -1.0):
            assert_same(lambda x, slope=slope: ops.leaky_relu(x, slope), [x])


def test_leaky_relu_of_what_is_no_usual_number() -> None:
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], "float32")
    with hilevel.use_backend("numpy"):
        for slope in (0.2, 1.0):
            np.testing.assert_array_equal(ops.leaky_relu(x, slope), np.where(x > 0, x, np.float32(slope) * x))
        slopes = hilevel.grad(lambda x: ops.sum(ops.leaky_relu(x)))(np.zeros(3, "float32"))
    np.testing.assert_array_equal(slopes, np.full(3, 0.2, "float32"))


UPDATES: dict[str, Any] = {
    "adam": (optimizers.Adam.formula, 4, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-3}),
    "momentum": (optimizers.SGD.formula, 3, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (
        optimizers.RMSprop.formula,
        3,
        {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-3, "centered": False},
    ),
    "sgd": (optimizers.SGD.formula, 2, {"momentum": 0.0, "nesterov": False}),
    "weight_decay_formula": (weight_decay_formula, 1, {}),
}


@pytest.mark.parametrize("name", UPDATES)
def test_updates_of_large_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Divided among threads, with a rest, beside small ones."""
    monkeypatch.setattr(updates, "_PART", 7)
    monkeypatch.setattr(updates, "_MANY", 1)
    monkeypatch.setattr(threads, "count", lambda: 2)
    formula, width, settings = UPDATES[name]
    options = {"formula": formula, "width": width, "rate": 0.1, **settings}
    for dtype in ("float32", "float64"):
        rows = [np.abs(normal(*shape)).astype(dtype) for shape in ((5, 9), (3,)) for _ in range(width)]
        wanted = update.value(np, *rows, **options)
        found = updates.OVERRIDES[update].value(np, *rows, **options)
        assert updates.form_of(formula, width) is not None
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=8 * np.finfo(dtype).eps)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, size in ((attention, 60), (crossentropy, 30), (activations, 20), (updates, 7)):
        monkeypatch.setattr(module, "_PART" if module is updates else "_BLOCK", size)
    monkeypatch.setattr(crossentropy, "_SMALL", 0)
    monkeypatch.setattr(updates, "_MANY", 1)
    monkeypatch.setattr(recurrence, "_WORK", 1)
    sequences, tensors = sequence((5, 6, 3), "lstm", "float32")
    labels = np.arange(12).reshape(3, 4) % 5
    cases: list[tuple[Any, Any]] = [
        (sequences, tensors),
        (plain_attention, [normal(4, 2, 5, 3).astype("float32") for _ in range(3)]),
        (lambda x: ops.gelu(x, approximate=False), [normal(9, 9).astype("float32")]),
        (
            lambda x: ops.sparse_categorical_crossentropy(labels, x, from_logits=True),
            [normal(3, 4, 5).astype("float32")],
        ),
    ]
    for function, arrays in cases:
        found = []
        for n in (1, 2, 3):
            monkeypatch.setattr(threads, "count", lambda n=n: n)
            with hilevel.use_backend("numpy"):
                found.append(results(function, arrays))
        for other in found[1:]:
            for a, b in zip(found[0], other, strict=True):
                np.testing.assert_array_equal(a, b)
