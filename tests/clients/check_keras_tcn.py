"""Keras TCN: the layer and the compiled models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tcn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 12, 3)).astype("float32")
Y = X[:, -1, :1]

OPTIONS: list[dict[str, Any]] = [
    {}, {"nb_stacks": 2, "dilations": (1, 2)}, {"padding": "same"}, {"use_skip_connections": False}, {"dropout_rate": 0.1},
    {"return_sequences": True}, {"use_batch_norm": True}, {"use_layer_norm": True}, {"activation": "tanh"}, {"nb_filters": 3},
]  # fmt: skip


def make(**options: Any) -> Any:
    layer = tcn.TCN(**{"nb_filters": 4, "kernel_size": 2, "dilations": (1, 2, 4), **options})
    model = keras.Sequential([keras.Input((12, 3)), layer, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_model_learns(options: dict[str, Any]) -> None:
    model = make(**options)
    y = np.broadcast_to(X[:, :, :1], (16, 12, 1)) if options.get("return_sequences") else Y
    losses = model.fit(X, y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and model.predict(X, verbose=0).shape == y.shape


def test_the_receptive_field() -> None:
    assert tcn.TCN(kernel_size=2, dilations=(1, 2, 4)).receptive_field == 15


def test_causal_outputs_do_not_see_the_future() -> None:
    model = make(return_sequences=True)
    other = X.copy()
    other[:, 8:] += 1
    a, b = (model.predict(x, verbose=0) for x in (X, other))
    np.testing.assert_allclose(a[:, :8], b[:, :8], rtol=1e-5, atol=1e-6)
    assert np.abs(a[:, 8:] - b[:, 8:]).max() > 0.01


def test_configs_and_files(tmp_path: Path) -> None:
    model = make(use_layer_norm=True)
    layer = model.layers[0]
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects={"TCN": tcn.TCN})
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)


def test_compiled_models() -> None:
    settings = {
        "num_feat": 3,
        "nb_filters": 4,
        "kernel_size": 2,
        "dilations": [1, 2],
        "nb_stacks": 1,
        "max_len": 12,
    }
    regression = tcn.compiled_tcn(
        num_classes=0, output_len=1, regression=True, return_sequences=False, **settings
    )
    assert np.isfinite(regression.fit(X, Y, verbose=0).history["loss"][0])
    classes = tcn.compiled_tcn(num_classes=2, return_sequences=False, **settings)
    assert "accuracy" in classes.fit(X, (Y > 0).astype(int), verbose=0).history


def test_a_backward_layer_needs_tensorflow() -> None:
    with pytest.raises(AttributeError, match=r"tensorflow\.reverse"):
        make(go_backwards=True).predict(X, verbose=0)
