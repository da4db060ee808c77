"""Write files/VERSION: a small file of each format by this version of hilevel, with the predictions of its model.

Files of released versions are never written again: they must always load.

    PYTHONPATH=.:backends python tests/data/make_files.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import hilevel
from hilevel import layers

X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
Y = np.array([[0.0], [1.0], [0.5]], "float32")


def model() -> Any:
    """Return a trained model with a shared layer, a normalization, seeds, and an optimizer with slots."""
    hilevel.set_random_seed(5)
    x = hilevel.Input((4,), name="x")
    dense = layers.Dense(4, activation="relu", kernel_regularizer="l2", name="shared")
    h = layers.Dropout(0.25, name="dropout")(layers.BatchNormalization(name="norm")(dense(dense(x))))
    made = hilevel.Model(x, layers.Dense(1, name="out")(h + x), name="small")
    rate = hilevel.optimizers.schedules.ExponentialDecay(0.05, 10, 0.9)
    made.compile(hilevel.optimizers.Adam(rate), "mse", metrics=["mae"])
    made.fit(X, Y, epochs=3, verbose=0)
    return made


def words() -> Any:
    """Return a model of texts, whose vocabulary is a file in the archive."""
    vectorize = layers.TextVectorization(output_mode="tf_idf")
    vectorize.adapt(["one two", "two three three", "four"])
    return hilevel.Sequential([vectorize])


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = model()
    for name in ("small.keras", "small.hilevel"):
        made.save(folder / name)
    for name in ("small.weights.npz", "small.weights.h5", "small.safetensors"):
        made.save_weights(folder / name)
    made.save_weights(folder / "several.weights.json", max_shard_size=150 / 2**30)
    (folder / "small.json").write_text(made.to_json(indent=1))
    text = words()
    text.save(folder / "words.hilevel")
    expected = {"small": made.predict(X, verbose=0), "words": text.layers[0](["two four five"])}
    losses = made.fit(X, Y, epochs=2, verbose=0).history["loss"]
    values = {name: np.asarray(value).tolist() for name, value in expected.items()} | {"losses": losses}
    (folder / "expected.json").write_text(json.dumps(values))


if __name__ == "__main__":
    write(Path(__file__).with_name("files") / hilevel.__version__)
