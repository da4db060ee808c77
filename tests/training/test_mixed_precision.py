"""Models in dtypes other than float32: mixed ones, and float64 throughout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.engine.interpreter import ARRAYS
from hilevel.optimizers import Adam, LossScaleOptimizer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4))
Y = X @ RNG.normal(size=(4, 1)) + 0.5


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> Iterator[str]:
    """The global policy of a test."""
    before = hilevel.mixed_precision.global_policy()
    hilevel.mixed_precision.set_global_policy(request.param)
    yield request.param
    hilevel.mixed_precision.set_global_policy(before)


def small(**compile_options: Any) -> Any:
    hilevel.set_random_seed(0)
    model = hilevel.Sequential(
        [
            hilevel.Input((4,)),
            layers.Dense(16, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.LayerNormalization(),
            layers.Dense(1),
        ]
    )
    model.compile(Adam(0.02), "mse", metrics=["mae"], **compile_options)
    return model


def fit(model: Any) -> list[float]:
    return [float(v) for v in model.fit(X, Y, batch_size=16, epochs=15, verbose=0).history["loss"]]


MIXED = [(name, policy) for name in ("numpy", "jax") for policy in ("mixed_float16", "mixed_bfloat16")]


@pytest.mark.parametrize(("name", "policy"), MIXED, indirect=["policy"])
def test_mixed_models_learn(name: str, policy: str) -> None:
    half = policy.removeprefix("mixed_")
    with hilevel.use_backend(name):
        model = small()
        losses = fit(model)
        assert losses[-1] < 0.3 * losses[0]
        assert all(w.dtype == "float32" for w in model.weights)
        assert {layer.compute_dtype for layer in model.layers} == {half}
        assert str(model(X).dtype) == half
        assert isinstance(model.optimizer, LossScaleOptimizer) == (half == "float16")


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_loss_scaling(policy: str, backend: Any) -> None:
    """The policy of the model decides, as in Keras; an optimizer that scales is left alone."""
    assert isinstance(small(auto_scale_loss=False).optimizer, Adam)
    model = small()
    model.compile(scaling := LossScaleOptimizer(Adam(0.02), initial_scale=2.0**20), "mse")
    assert model.optimizer is scaling
    fit(model)
    # 2**20 overflows float16: the first steps are left out, and the factor comes down
    assert float(scaling.dynamic_scale.numpy()) < 2.0**20
    assert 0 < int(np.asarray(scaling.iterations)) < 60
    assert all(np.isfinite(w.numpy()).all() for w in model.weights)


@pytest.mark.parametrize("policy", ["float64"], indirect=True)
def test_float64_throughout(policy: str, backend: Any) -> None:
    model = small()
    losses = fit(model)
    assert losses[-1] < 0.3 * losses[0]
    held = [*model.weights, *model.optimizer.variables]
    assert {str(v.dtype) for v in held if v.dtype.kind == "f"} <= {"float64", "float32"}
    slots = [v for v in model.optimizer.variables if v.shape]
    assert {str(v.dtype) for v in [*model.weights, *slots]} == {"float64"}
    assert str(model(X).dtype) == "float64"
    assert model.predict(X, verbose=0).dtype == np.float64
    assert str(model.compute_loss(X, Y, model(X)).dtype) == "float64"


def test_float64_by_layer(backend: Any) -> None:
    """Without a global policy: gradients carry more digits than float32 has."""
    layer = layers.Dense(3, activation="gelu", dtype="float64")
    layer.build((None, 4))
    kernel = layer.kernel

    def loss() -> Any:
        return hilevel.ops.sum(layer(X) ** 2)

    _, (gradient,) = hilevel.value_and_grad(loss, variables=[kernel])()
    start, step = kernel.numpy(), np.zeros(kernel.shape)
    step[1, 2] = 1e-6
    values = []
    for sign in (1, -1):
        kernel.assign(start + sign * step)
        values.append(float(np.asarray(loss())))
    assert str(gradient.dtype) == "float64"
    np.testing.assert_allclose(gradient[1, 2], (values[0] - values[1]) / 2e-6, rtol=1e-8)


def test_arrays_of_a_class_that_is_new_are_cast() -> None:
    jax = pytest.importorskip("jax")
    seen = []

    def call(x: Any) -> Any:
        ARRAYS.discard(type(x))
        seen.append(layer(x).dtype.name)
        ARRAYS.add(type(x))
        return x

    with hilevel.use_backend("jax"):
        layer = hilevel.layers.Activation("linear", dtype="mixed_bfloat16")
        jax.eval_shape(call, jax.ShapeDtypeStruct((2,), "float32"))
    assert seen == ["bfloat16"]
