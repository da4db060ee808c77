"""Activations: values against Keras, look-up, and what they become in a config."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import activations, ops

DATA = json.loads((pathlib.Path(__file__).parents[1] / "data" / "functions.json").read_text())
X = np.array(DATA["x"], "float32")


@pytest.mark.parametrize(("name", "options", "expected"), DATA["activations"])
def test_values(backend: Any, name: str, options: dict[str, Any], expected: Any) -> None:
    function = getattr(activations, name)
    eager = function(X, **options)
    compiled = hilevel.jit(lambda x: function(x, **options))(X)
    for y in (eager, compiled):
        np.testing.assert_allclose(ops.convert_to_numpy(y), expected, rtol=2e-5, atol=1e-6)
        assert ops.convert_to_numpy(y).dtype == np.float32


def test_sparsemax_is_the_nearest_point_of_the_simplex(backend: Any) -> None:
    y = ops.convert_to_numpy(activations.sparsemax(X))
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-5)
    excess = X - y
    threshold = np.where(y > 0, excess, -np.inf).max(axis=-1, keepdims=True)
    np.testing.assert_allclose(y, np.maximum(X - threshold, 0), atol=1e-6)


@pytest.mark.parametrize("name", sorted({n for n, _, _ in DATA["activations"]}))
def test_names(name: str) -> None:
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.deserialize(activations.serialize(function)) is function
    assert function.__name__ == {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)


def test_get() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh
    with pytest.raises(ValueError, match=r'no activation "reul".* Did you mean "relu"'):
        activations.get("reul")
    with pytest.raises(TypeError, match="Expected a activation"):
        activations.get(3)


def test_a_function_of_ones_own() -> None:
    double = lambda x: 2 * x
    with hilevel.saving.custom_object_scope({"double": double}):
        assert activations.get("double") is double


@pytest.mark.parametrize("options", [{}, {"threshold": 0.7}, {"negative_slope": 0.1, "max_value": 1.0}])
def test_relu_can_be_differentiated(options: dict[str, Any]) -> None:
    x = np.array([-1.0, 0.5, 0.9, 3.0])
    gradient = hilevel.grad(lambda x: ops.sum(activations.relu(x, **options)))(x)
    step = 1e-6
    for i in range(4):
        e = np.eye(4)[i] * step
        slope = (activations.relu(x + e, **options) - activations.relu(x - e, **options))[i]
        assert gradient[i] == pytest.approx(slope / (2 * step), abs=1e-6)
