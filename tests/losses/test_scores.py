"""A cross-entropy of a softmax layer's output is computed from the scores, so that it has a gradient everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, losses, ops

X = np.array([[1.0, -2.0, 3.0]], "float32")
ONE_HOT, INDEX = np.array([[0.0, 1.0]], "float32"), np.array([1])
KERNEL = np.array([[100.0, -100.0], [10.0, 5.0], [50.0, -20.0]], "float32")


def model_of(*parts: Any) -> Any:
    model = hilevel.Sequential([hilevel.Input((3,)), *parts])
    model.set_weights([KERNEL, *[np.zeros(2)] * (len(model.weights) - 1)])
    return model


MODELS = {
    "dense": lambda: model_of(layers.Dense(2, activation="softmax")),
    "activation": lambda: model_of(layers.Dense(2), layers.Activation("softmax")),
    "softmax": lambda: model_of(layers.Dense(2), layers.Softmax()),
    "einsum": lambda: model_of(layers.EinsumDense("ab,bc->ac", 2, activation="softmax")),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("loss", [losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy])
def test_saturated_probabilities_have_a_gradient(name: str, loss: Any, backend: str) -> None:
    model = MODELS[name]()
    y = ONE_HOT if loss is losses.CategoricalCrossentropy else INDEX
    kernel = model.trainable_variables[0]

    def of_model() -> Any:
        return loss()(y, model(X, training=True))

    def of_scores() -> Any:
        return loss(from_logits=True)(y, ops.matmul(X, kernel))

    value, (gradient,) = hilevel.value_and_grad(of_model, variables=[kernel])()
    expected, (wanted,) = hilevel.value_and_grad(of_scores, variables=[kernel])()
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)
    assert float(value) > 100 and np.abs(ops.convert_to_numpy(gradient)).max() > 1
    with hilevel.GradientTape() as tape:
        taped = of_model()
    np.testing.assert_allclose(tape.gradient(taped, kernel), wanted, rtol=1e-6)


@pytest.mark.parametrize("eager", [True, False])
def test_a_saturated_model_learns(eager: bool, backend: str) -> None:
    model = MODELS["dense"]()
    model.compile(hilevel.optimizers.SGD(10.0), "sparse_categorical_crossentropy", run_eagerly=eager)
    history = model.fit(X, INDEX, epochs=5, verbose=0, validation_data=(X, INDEX)).history
    assert history["loss"][0] > 100 and history["val_loss"][-1] < 1e-3


def test_probabilities_of_another_origin_are_used_as_they_are(backend: str) -> None:
    scores = np.array([[2.0, -1.0]], "float32")
    of_op = losses.SparseCategoricalCrossentropy()(INDEX, ops.softmax(scores) * 1.0)
    np.testing.assert_allclose(of_op, np.log1p(np.exp(3.0)), rtol=1e-5)
    layer = layers.Softmax()
    doubled = losses.SparseCategoricalCrossentropy()(INDEX, layer(scores, training=True) ** 1.0)
    np.testing.assert_allclose(doubled, np.log1p(np.exp(3.0)), rtol=1e-5)
