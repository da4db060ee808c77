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
import keras_hub
import numpy as np
import pytest

FOLDER = Path(__file__).parent


@pytest.fixture(scope="session")
def reference() -> Mapping[str, Any]:
    """The outputs of Keras itself, by a process without the hook. They are kept in the folder `build`."""
    path = FOLDER.parents[1] / f"build/keras_hub-{importlib.metadata.version('keras-hub')}.npz"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if "HILEVEL" not in k} | {"KERAS_BACKEND": "numpy"}
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
    pooled = (
        keras.ops.mean(output, axis=list(range(1, len(output.shape) - 1)))
        if len(output.shape) > 2
        else output
    )
    model = keras.Model(backbone.input, keras.layers.Dense(2)(pooled))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    before = backbone.get_weights()
    history = model.fit(hub_models.inputs_of(backbone), np.ones((2, 2)), verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert (
        sum(not np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True))
        > len(before) / 2
    )


@pytest.mark.parametrize("name", hub_models.GENERATORS)
def test_generated_tokens_are_those_of_keras(name: str, reference: Mapping[str, Any]) -> None:
    np.testing.assert_array_equal(hub_models.generated(name), reference[f"tokens/{name}"])


TASKS = [
    ("BERT", "TextClassifier"), ("RoBERTa", "TextClassifier"), ("DistilBERT", "TextClassifier"), ("ResNet", "ImageClassifier"),
    ("ViT", "ImageClassifier"), ("DenseNet", "ImageClassifier"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_classifier_is_trained(name: str, task: str) -> None:
    backbone = hub_models.make(name)
    cls = getattr(keras_hub.models, f"{hub_models.MODELS[name][0]}{task}")
    model = cls(backbone=backbone, num_classes=3, preprocessor=None)
    x, y = hub_models.inputs_of(backbone), np.array([0, 2])
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"][0])
    assert model.predict(x, verbose=0).shape == (2, 3) and len(model.evaluate(x, y, verbose=0)) == 2


def test_masked_language_models() -> None:
    backbone = hub_models.make("BERT")
    model = keras_hub.models.BertMaskedLM(backbone, preprocessor=None)
    x = hub_models.inputs_of(backbone) | {"mask_positions": np.array([[1, 2], [0, 3]])}
    assert model.predict(x, verbose=0).shape == (2, 2, 20)


@pytest.mark.parametrize("name", ["BERT", "GPT-2", "ResNet"])
def test_presets(name: str, tmp_path: Path) -> None:
    model = hub_models.make(name)
    model.save_to_preset(str(tmp_path / "preset"))
    again = keras_hub.models.Backbone.from_preset(str(tmp_path / "preset"))
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_tokenizers_without_tensorflow() -> None:
    pairs = keras_hub.tokenizers.BytePairTokenizer(vocabulary={"a": 0, "b": 1, "ab": 2}, merges=["a b"])
    words = keras_hub.tokenizers.WordPieceTokenizer(vocabulary=["[UNK]", "the", "fox"], lowercase=True)
    assert list(pairs("abab")) == [2, 2] and list(words("the fox")) == [1, 2]


def test_a_classifier_of_texts() -> None:
    tokenizer = keras_hub.models.BertTokenizer(
        vocabulary=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    )
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=6)
    model = keras_hub.models.BertTextClassifier(hub_models.make("BERT"), 2, preprocessor=preprocessor)
    texts, labels = ["good", "bad", "good good", "bad bad"], np.array([1, 0, 1, 0])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(texts, labels, batch_size=4, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and model.predict(texts, verbose=0).shape == (4, 2)
