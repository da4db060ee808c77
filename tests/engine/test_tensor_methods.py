"""The methods that NumPy's arrays, JAX's arrays and hilevel's own tensors have in common (`types.Tensor`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops

X = np.array([[3.0, -1.0, 2.0], [0.5, 4.0, -2.0]], "float32")
METHODS: dict[str, Callable[[Any], Any]] = {
    "max": lambda x: x.max(),
    "min": lambda x: x.min(axis=1, keepdims=True),
    "sum": lambda x: x.sum(axis=0),
    "mean": lambda x: x.mean(1),
    "std": lambda x: x.std(axis=0),
    "var": lambda x: x.var(),
    "prod": lambda x: x.prod(axis=1),
    "argmax": lambda x: x.argmax(axis=1),
    "argmin": lambda x: x.argmin(axis=0),
    "all": lambda x: (x > -3).all(),
    "any": lambda x: (x > 3).any(axis=1),
    "transpose": lambda x: x.transpose(),
    "transpose of axes": lambda x: x.transpose(1, 0),
    "transpose of a tuple": lambda x: x.transpose((1, 0)),
    "flatten": lambda x: x.flatten(),
    "reshape": lambda x: x.reshape(3, -1),
    "squeeze": lambda x: x.reshape((1, 6)).squeeze(),
}


@pytest.fixture(params=["numpy", "jax"])
def backend(request: pytest.FixtureRequest) -> Any:
    with hilevel.use_backend(request.param):
        yield request.param


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_tensors_of_all_kinds_have_the_methods_of_arrays(backend: str, method: Callable[[Any], Any]) -> None:
    expected = method(X)
    variable = hilevel.Variable(X)
    with hilevel.GradientTape() as tape:
        recorded = tape.watch(ops.convert_to_tensor(X))
        results = [method(ops.convert_to_tensor(X)), method(variable), method(recorded)]
    results.append(hilevel.jit(method)(X))
    for y in results:
        np.testing.assert_allclose(ops.convert_to_numpy(y), expected, rtol=1e-6)
    symbolic = method(hilevel.Input(batch_shape=X.shape))
    assert symbolic.shape == np.shape(expected)


def test_lists_of_values(backend: str) -> None:
    with hilevel.GradientTape() as tape:
        recorded = tape.watch(ops.convert_to_tensor(X))
        assert recorded.tolist() == hilevel.Variable(X).tolist() == X.tolist()


def test_a_maximum_has_a_gradient(backend: str) -> None:
    gradient = hilevel.grad(lambda x: x.max() * 2.0)(X)
    assert ops.convert_to_numpy(gradient).tolist() == [[0, 0, 0], [0, 2, 0]]


def test_a_symbolic_tensor_has_no_values() -> None:
    with pytest.raises(hilevel.errors.TracedValueError, match="has no values"):
        hilevel.Input((3,)).tolist()


def test_a_captured_maximum_is_replayed() -> None:
    with hilevel.use_backend("numpy"):
        function = hilevel.jit(lambda x: x - x.max(axis=1, keepdims=True))
        for _ in range(3):
            np.testing.assert_array_equal(function(X), X - X.max(axis=1, keepdims=True))
        (form,) = function.programs.compiled["numpy"].forms.values()
        assert form.program is not None and not form.refused


def test_round(backend: Any) -> None:
    v = hilevel.Variable([1.25, -2.75], dtype="float64")
    np.testing.assert_allclose(ops.convert_to_numpy(round(v)), [1.0, -3.0])
    np.testing.assert_allclose(ops.convert_to_numpy(round(v, 1)), [1.2, -2.8])
    assert round(hilevel.KerasTensor((None, 2)), 1).shape == (None, 2)


def test_functions_of_numpy_without_an_op(backend: Any) -> None:
    v = hilevel.Variable([1.0, 2.0])
    assert np.array_equal(v, v) and not np.array_equal(v, [1.0, 3.0])
    np.testing.assert_array_equal(np.fft.fft(v), np.fft.fft([1.0, 2.0]))
    with (
        hilevel.GradientTape(),
        pytest.raises(hilevel.errors.TracedValueError, match=r"numpy\.array_equal cannot be used"),
    ):
        np.array_equal(v * 2.0, v)
    with pytest.raises(hilevel.errors.TracedValueError):
        np.array_equal(hilevel.KerasTensor((2,)), v)
