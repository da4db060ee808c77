"""What `hilevel.testing` tells when something is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import Variable, ops
from hilevel.testing import check_gradients

X = np.array([[0.5, -1.0], [2.0, 0.25]])


def wrong(factor: float, place: tuple[int, ...] | None = None) -> Any:
    """The square, with a gradient that is wrong, in one place or everywhere."""

    @hilevel.custom_gradient
    def square(x: Any) -> Any:
        scale = np.ones(tuple(x.shape))
        scale[place if place is not None else ...] = factor
        return x * x, lambda g: 2.0 * x * g * ops.convert_to_tensor(scale)

    return square


def test_right_gradients_pass(backend: Any) -> None:
    check_gradients(lambda x: ops.exp(x) * ops.sin(x), X, order=2)
    check_gradients(lambda x, n, y: [x["a"] * n, y[0] * x["b"]], {"a": X, "b": X + 1}, 3, [X])


def test_wrong_element_is_named(backend: Any) -> None:
    message = (
        r"with respect to argument 1, element \[1, 0\]: hilevel says .*, finite differences say .*1 of 4"
    )
    with pytest.raises(AssertionError, match=message):
        check_gradients(lambda a, b: a + wrong(1.5, (1, 0))(b), X, X)


def test_wrong_second_gradient_is_found() -> None:
    f = hilevel.custom_gradient(lambda x: (x * x, lambda g: 2.0 * ops.stop_gradient(x) * g))
    check_gradients(f, X)
    with pytest.raises(AssertionError, match="gradient of the gradient"):
        check_gradients(f, X, order=2)


def test_variables(backend: Any) -> None:
    w = Variable(X.astype("float32"), name="w")
    check_gradients(lambda x: x * w * w, X, variables=[w], order=2)
    assert w.dtype == "float32"
    np.testing.assert_array_equal(w.numpy(), X.astype("float32"))
    with pytest.raises(AssertionError, match=r"Variable w, element \[0, 0\]"):
        check_gradients(lambda x: x * wrong(1.5)(w), X, variables=[w])


def test_against_jax() -> None:
    pytest.importorskip("jax")
    w = Variable(X, name="w")
    check_gradients(lambda x: ops.tanh(x), X, against_jax=True)
    check_gradients(lambda x: x * ops.square(w), X, variables=[w], against_jax=True)
    assert w.backend.name == "numpy"
    kink = np.array([0.0, 1.0])
    with pytest.raises(AssertionError, match="finite differences"):
        check_gradients(ops.relu, kink)


def test_nothing_to_differentiate() -> None:
    with pytest.raises(ValueError, match="no argument is a floating-point array"):
        check_gradients(lambda n: n, 3)
