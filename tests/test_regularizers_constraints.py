"""Regularizers and constraints: values against Keras, look-up, configs, errors."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import constraints, ops, regularizers

DATA = json.loads((pathlib.Path(__file__).parent / "data" / "functions.json").read_text())
W = np.array(DATA["w"], "float32")
CASES = [
    (module, *case) for module in (regularizers, constraints) for case in DATA[module.__name__.split(".")[-1]]
]


@pytest.mark.parametrize(("module", "name", "options", "expected"), CASES)
def test_values_and_config(
    backend: Any, module: Any, name: str, options: dict[str, Any], expected: Any
) -> None:
    first = getattr(module, name)(**options)
    config = json.loads(json.dumps(module.serialize(first)))
    second = module.deserialize(config)
    w = hilevel.Variable(W)
    compiled = hilevel.jit(lambda: first(w))
    for value in (first(w), second(w), module.get(config)(W), compiled()):
        value = ops.convert_to_numpy(value)
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)
        assert value.dtype == np.float32


@pytest.mark.parametrize(("module", "name", "options", "expected"), CASES)
def test_float16_stays(module: Any, name: str, options: dict[str, Any], expected: Any) -> None:
    assert getattr(module, name)(**options)(W.astype("float16")).dtype == np.float16


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (regularizers, ["l1", "l2", "l1_l2", "L1L2", "orthogonal_regularizer"]),
        (constraints, ["max_norm", "min_max_norm", "non_neg", "unit_norm", "NonNeg"]),
    ],
)
def test_get(module: Any, names: list[str]) -> None:
    for name in names:
        assert type(module.get(name)) is getattr(module, name)
        assert type(module.get(getattr(module, name))) is getattr(module, name)
    assert module.get(None) is None
    assert module.get(abs) is abs
    with pytest.raises(ValueError, match=f'Did you mean "{names[0]}"'):
        module.get(names[0] + "x")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: regularizers.L1(-1.0), "`l1` must be a finite number"),
        (lambda: regularizers.L2(float("nan")), "`l2` must be a finite number"),
        (lambda: regularizers.L1L2(l2="much"), "`l2` must be a finite number"),
        (lambda: regularizers.OrthogonalRegularizer(mode="diagonal"), "rows"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), "expects a matrix"),
    ],
)
def test_errors(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_the_gradient_of_a_penalty() -> None:
    gradient = hilevel.grad(regularizers.L1L2(l1=0.1, l2=0.5))(np.array([2.0, -3.0]))
    np.testing.assert_allclose(gradient, [2.1, -3.1])


def test_bases() -> None:
    assert regularizers.Regularizer()(W) == 0.0
    assert constraints.Constraint()(W) is W
