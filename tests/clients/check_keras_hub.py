"""KerasHub: small backbones are built, saved, trained, and have the outputs of Keras with the same weights."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hub_models
import keras
import numpy as np
import pytest

FOLDER = Path(__file__).parent


@pytest.fixture(scope="session")
def reference() -> Mapping[str, Any]:
    """The outputs of Keras itself, by a process without the hook. They are kept in the folder `build`."""
    path = FOLDER.parents[1] / f"build/keras_hub-{importlib.metadata.version('keras-hub')}.npz"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HILEVEL")} | {"KERAS_BACKEND": "jax"}
        subprocess.run([sys.executable, FOLDER / "hub_models.py", path], check=True, env=environment)
    return np.load(path)


@pytest.mark.parametrize("name", hub_models.MODELS)
def test_outputs_are_those_of_keras(name: str, reference: Mapping[str, Any]) -> None:
    model = hub_models.make(name)
    assert repr([tuple(w.shape) for w in model.weights]) == str(reference[f"{name}/shapes"])
    found = hub_models.outputs_of(model, hub_models.inputs_of(model))
    assert {key.partition("/")[2] for key in reference if key.startswith(f"{name}/")} == {*found, "shapes"}
    for key, y in found.items():
        np.testing.assert_allclose(y, reference[f"{name}/{key}"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", hub_models.MODELS)
def test_configs_there_and_back(name: str) -> None:
    model = hub_models.make(name)
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = hub_models.inputs_of(model)
    expected = hub_models.outputs_of(model, x)
    for key, y in hub_models.outputs_of(again, x).items():
        np.testing.assert_allclose(y, expected[key], rtol=1e-5, atol=1e-6)
    assert again.get_config() == model.get_config()


@pytest.mark.parametrize("name", hub_models.MODELS)
def test_a_file_there_and_back(name: str, tmp_path: Path) -> None:
    model = hub_models.make(name)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", hub_models.MODELS)
def test_a_step_of_training(name: str) -> None:
    backbone = hub_models.make(name)
    output = backbone.output
    if isinstance(output, dict):
        output = output.get("sequence_output", next(reversed(output.values())))
    pooled = keras.ops.mean(output, axis=list(range(1, len(output.shape) - 1))) if len(output.shape) > 2 else output
    model = keras.Model(backbone.input, keras.layers.Dense(2)(pooled))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    before = backbone.get_weights()
    history = model.fit(hub_models.inputs_of(backbone), np.ones((2, 2)), verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert sum(not np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True)) > len(before) / 2
