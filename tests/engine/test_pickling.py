"""Pickle and copy of models: predictions and training go on as they would have, here and in other processes."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, optimizers

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y = np.tanh(X[:, :1] - X[:, 1:2])
OPTIMIZERS = sorted(
    name for name in optimizers.__all__
    if inspect.isclass(getattr(optimizers, name))
    and issubclass(getattr(optimizers, name), optimizers.Optimizer)
    and name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
)  # fmt: skip


class Subclassed(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.parts = [layers.Dense(4, activation="relu"), layers.Dropout(0.3, seed=1)]
        self.head = {"out": layers.Dense(1)}

    def call(self, inputs: Any, training: Any = None) -> Any:
        for part in self.parts:
            inputs = part(inputs)
        return self.head["out"](inputs)


def sequential() -> Any:
    return hilevel.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(4, kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )


def functional() -> Any:
    x = hilevel.Input((4,), name="x")
    shared = layers.Dense(4)
    h = layers.Concatenate()([shared(x), shared(x * 2.0)])
    return hilevel.Model({"x": x}, layers.Dense(1)(layers.Reshape((2, 4))(h)[:, 0]))


MODELS: dict[str, Any] = {
    "sequential": sequential,
    "functional": functional,
    "subclassed": Subclassed,
    "nested": lambda: hilevel.Sequential(
        [layers.Input((4,)), sequential(), layers.LayerNormalization(), layers.Dense(1)]
    ),
    "recurrent": lambda: hilevel.Sequential(
        [layers.Input((4,)), layers.Reshape((4, 1)), layers.GRU(3), layers.Dense(1)]
    ),
}


def trained(make: Callable[[], Any], optimizer: Any = "adam", metrics: Sequence[Any] = ()) -> Any:
    hilevel.set_random_seed(0)
    model = make()
    model.compile(optimizer, "mse", metrics=metrics)
    model.fit(X, (Y > 0) * 1.0, epochs=2, batch_size=8, verbose=0)
    return model


def check(model: Any, again: Any) -> None:
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    options: dict[str, Any] = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    losses = [m.fit(X, (Y > 0) * 1.0, **options).history for m in (model, again)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    "way", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy], ids=["pickle", "deepcopy"]
)
@pytest.mark.parametrize("name", MODELS)
def test_a_compiled_model(name: str, way: Any, backend: Any) -> None:
    model = trained(MODELS[name], metrics=["mae", hilevel.metrics.AUC()])
    again = way(model)
    assert again is not model and again.backend == backend.name
    check(model, again)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name: str) -> None:
    """On NumPy: `test_a_compiled_model` has an optimizer on JAX."""
    options: dict[str, Any] = {"use_ema": True} if name == "SGD" else {}
    model = trained(sequential, getattr(optimizers, name)(learning_rate=0.01, **options))
    check(model, pickle.loads(pickle.dumps(model)))


def test_optimizers_with_wrappers_and_exclusions(backend: Any) -> None:
    excluding = optimizers.AdamW(weight_decay=0.1)
    excluding.exclude_from_weight_decay(var_names=["bias"])
    decay = optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    for optimizer in (excluding, optimizers.SGD(decay), optimizers.LossScaleOptimizer(optimizers.SGD(0.1))):
        model = trained(sequential, optimizer)
        check(model, pickle.loads(pickle.dumps(model)))


def test_before_it_is_built_or_compiled(backend: Any) -> None:
    for make in (hilevel.Sequential, Subclassed, lambda: hilevel.Sequential([layers.Dense(1)])):
        again = pickle.loads(pickle.dumps(make()))
        assert not again.built and not again.compiled


def test_backends_are_themselves(backend: Any) -> None:
    assert pickle.loads(pickle.dumps(backend)) is backend is copy.deepcopy(backend)


def test_in_another_process() -> None:
    model = trained(sequential)
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            got = pool.apply(hilevel.Sequential.predict, (model, X), {"verbose": 0})
    finally:
        del os.environ["PYTHONPATH"]
        if path is not None:
            os.environ["PYTHONPATH"] = path
    np.testing.assert_allclose(got, model.predict(X, verbose=0), rtol=1e-6)
