"""Rematerialization: `remat`, `RematScope` and `rematerialized_call` change memory and time, and no value."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, masks, ops

X = np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
Y = X.sum(1, keepdims=True)


def model_of(mode: str | None) -> hilevel.Model:
    """Return a compiled model with random numbers, states, an added loss, and activations with and without a name."""
    hilevel.utils.set_random_seed(1)
    with hilevel.RematScope(mode, output_size_threshold=16 * 9):
        model = hilevel.Sequential(
            [
                hilevel.Input((8,)),
                layers.Dense(16, activation="gelu"),
                layers.Dropout(0.3),
                layers.BatchNormalization(),
                layers.Dense(10, activation=lambda x: ops.tanh(x) * x, activity_regularizer="l2"),
                layers.Dense(1),
            ]
        )
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("mode", ["full", "activations", "larger_than"])
def test_training_is_the_same(mode: str, eager: bool, backend: str) -> None:
    found = []
    for m in (None, mode):
        model = model_of(m)
        model.run_eagerly = eager
        history = model.fit(X, Y, epochs=2, batch_size=16, verbose=0)
        found.append((history.history["loss"], *model.get_weights()))
    for ours, expected in zip(*reversed(found), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def f(x: Any, v: Any) -> Any:
    return ops.sum(ops.tanh(x * v) * ops.exp(x))


def test_derivatives_of_any_order(backend: str) -> None:
    x, v = np.array([0.1, 0.2, 0.3]), hilevel.Variable(2.0, dtype="float64")
    again = hilevel.remat(f)
    for derivative in (hilevel.grad, hilevel.hessian):
        np.testing.assert_allclose(derivative(again)(x, v), derivative(f)(x, v), rtol=1e-12)
    np.testing.assert_allclose(
        hilevel.grad(again, variables=[v])(x, v), hilevel.grad(f, variables=[v])(x, v), rtol=1e-12
    )
    assert hilevel.testing.check_gradients(lambda x: again(x, v), [x]) is None


def test_gradient_tape(backend: str) -> None:
    def second(function: Any) -> Any:
        v = hilevel.Variable(0.5)
        with hilevel.GradientTape() as outer:
            with hilevel.GradientTape() as inner:
                loss = function(X[0], v)
            first = inner.gradient(loss, v)
        return float(first), float(outer.gradient(first, v))

    assert second(hilevel.remat(f)) == pytest.approx(second(f), rel=1e-5)


def test_several_results_masks_and_other_values(backend: str) -> None:
    embedding = layers.Embedding(5, 3, mask_zero=True)
    ids = np.array([[1, 2, 0]])
    embedding(ids)

    @hilevel.remat
    def block(ids: Any, scale: float, names: dict[str, Any]) -> Any:
        y = embedding(ids)
        return {"y": y, "scaled": y * scale, "names": names, "sum": ops.sum(ids)}

    with hilevel.GradientTape() as tape:
        out = block(ids, 2.0, names={"a": 1})
        loss = ops.sum(out["scaled"])
    assert out["names"] == {"a": 1} and int(out["sum"]) == 3
    assert np.array_equal(ops.convert_to_numpy(masks.mask_of(out["y"])), [[True, True, False]])
    gradient = ops.convert_to_numpy(tape.gradient(loss, embedding.embeddings))
    assert np.array_equal(gradient[:, 0], [2.0, 2.0, 2.0, 0.0, 0.0])


def test_variables_are_written_once(backend: str) -> None:
    count = hilevel.Variable(1.0, trainable=False)
    w = hilevel.Variable(3.0)

    @hilevel.remat
    def step(x: Any) -> Any:
        count.assign_add(1.0)
        return x * w * count

    with hilevel.GradientTape() as tape:
        y = step(ops.cast(5.0, "float32"))
        count.assign(100.0)  # a later change, which the repetition does not see
    assert float(tape.gradient(y, w)) == 10.0
    assert float(count) == 100.0
    assert float(hilevel.grad(step, variables=[w])(5.0)[0]) == 505.0
    assert float(count) == 101.0


def test_random_numbers_are_drawn_once(backend: str) -> None:
    generator = hilevel.random.SeedGenerator(3)
    drop = hilevel.remat(lambda x: ops.exp(hilevel.random.dropout(x, 0.5, seed=generator)))
    x = np.ones(100)
    value, gradient = hilevel.value_and_grad(lambda x: ops.sum(drop(x)))(x)
    kept = np.count_nonzero(ops.convert_to_numpy(gradient))
    assert 0 < kept < 100
    assert float(value) == pytest.approx((100 - kept) + kept * np.exp(2.0))
    assert np.array_equal(generator.state.numpy(), [3, 1])


def test_in_a_graph() -> None:
    x = hilevel.Input((3,))
    model = hilevel.Model(x, hilevel.remat(lambda t: ops.tanh(t) + 1.0)(x))
    assert model.output_shape == (None, 3)
    np.testing.assert_allclose(model.predict(X[:, :3], verbose=0), np.tanh(X[:, :3]) + 1.0, rtol=1e-6)


@pytest.mark.parametrize("eager", [True, False])
def test_memory(eager: bool) -> None:
    def peak(mode: str | None) -> int:
        with hilevel.RematScope(mode):
            blocks = [Block() for _ in range(6)]
        model = hilevel.Sequential([hilevel.Input((64,)), *blocks])
        model.compile("sgd", "mse", run_eagerly=eager)
        x = np.ones((2048, 64), "float32")
        model.fit(x[:8], x[:8], batch_size=8, verbose=0)
        tracemalloc.start()
        try:
            model.fit(x, x, batch_size=2048, epochs=2, verbose=0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with hilevel.use_backend("numpy"):
        assert peak("full") < 0.6 * peak(None)


class Block(layers.Layer):
    """Three layers, of which the rematerialized block stores only the input."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = [layers.Dense(64, activation="gelu") for _ in range(3)]

    def call(self, inputs: Any) -> Any:
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs


def test_which_layers() -> None:
    with hilevel.RematScope("list_of_layers", layer_names=["a", "m"]):
        a, b = layers.Dense(2, name="a"), layers.Dense(2, name="b")
        with hilevel.RematScope(None):
            c = layers.Dense(2, name="a")
        model = hilevel.Sequential([layers.Dense(2)], name="m")
    wanted = [layer.rematerialized_call(layer.call, X) != layer.call for layer in (a, b, c, model)]
    assert wanted == [True, False, False, True]
    with hilevel.RematScope("larger_than", output_size_threshold=32 * 5):
        narrow, wide = layers.Dense(5), layers.Dense(6)
        operation = Double()
    for layer in (narrow, wide):
        layer(X)
    assert narrow.rematerialized_call(narrow.call, X) == narrow.call
    assert wide.rematerialized_call(wide.call, X) != wide.call
    assert operation.rematerialized_call(operation.call, X) != operation.call
    assert np.array_equal(operation(X), 2 * X)
    with pytest.raises(ValueError, match="the mode must be one of"):
        hilevel.RematScope("all")


class Double(hilevel.Operation):
    def call(self, x: Any) -> Any:
        return 2.0 * x


def test_layers_inside_a_rematerialized_layer_are_not_repeated_twice() -> None:
    with hilevel.RematScope("full"):
        block = Block()
    calls = []
    inner = block.inner[0]
    block(X[:, :8])
    original = inner.call
    inner.call = lambda x: calls.append(1) or original(x)  # type: ignore[method-assign]
    with hilevel.use_backend("numpy"):
        hilevel.grad(lambda x: ops.sum(block(x)))(X)
    assert len(calls) == 2


def test_symbolic_scope(backend: str) -> None:
    v = hilevel.Variable(np.zeros(3, "float32"))
    with hilevel.SymbolicScope():
        y = ops.exp(v) + np.ones((2, 1), "float32")
        v.assign_add(np.ones(3))
    assert y.shape == (2, 3) and str(np.dtype(y.dtype)) == "float32"
    assert not v.numpy().any()
