"""Training: against Keras on the same weights and data; data of every kind; steps of one's own; seeds; interruption."""

from __future__ import annotations

import json
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_cases import CASES, train

import hilevel
from hilevel import layers, ops

WANTED = json.loads((Path(__file__).parent / "data/training.json").read_text())
X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = np.tanh(X[:, :1] - X[:, 1:2])


def mlp(*more: Any, seed: int = 1, units: int = 1) -> hilevel.Sequential:
    hilevel.set_random_seed(seed)
    return hilevel.Sequential([layers.Input((4,)), layers.Dense(5, activation="tanh"), *more, layers.Dense(units)])


def ready(*more: Any, optimizer: Any = "sgd", **options: Any) -> hilevel.Sequential:
    made = mlp(*more)
    made.compile(optimizer, "mse", **options)
    return made


def losses(model: Any, x: Any = X, y: Any = Y, **options: Any) -> list[float]:
    options = {"epochs": 3, "batch_size": 8, "verbose": 0, "shuffle": False} | options
    return model.fit(x, y, **options).history["loss"]


def close(got: Any, wanted: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


# -- against Keras ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_curves_are_those_of_keras(name: str, backend: Any) -> None:
    got, wanted = train(hilevel, CASES[name]), WANTED["trainings"][name]
    for part in ("history", "evaluated"):
        assert set(got[part]) == set(wanted[part])
        for key, values in wanted[part].items():
            close(got[part][key], values)
    for name, values in wanted["predicted"].items():
        close(got["predicted"][name], values)
