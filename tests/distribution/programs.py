"""Models and data that are trained on one and on several devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hilevel
from hilevel import layers

SAMPLES = 40


def _numbers(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=(SAMPLES, *shape)).astype("float32")


def _words(steps: int) -> Any:
    return np.random.default_rng(0).integers(0, 50, (SAMPLES, steps)).astype("int32")


def dense() -> Any:
    parts = [
        layers.Dense(16, activation="gelu"),
        layers.Dropout(0.3),
        layers.BatchNormalization(),
        layers.Dense(16, activation="relu", kernel_regularizer="l2", activity_regularizer="l1"),
        layers.Dense(1),
    ]
    return hilevel.Sequential([hilevel.Input((8,)), *parts]), _numbers(8)


def convolutional() -> Any:
    parts = [
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same"),
        layers.MaxPooling2D(2),
        layers.SeparableConv2D(8, 3),
        layers.DepthwiseConv2D(3),
        layers.BatchNormalization(),
        layers.Conv2DTranspose(4, 3),
        layers.GroupNormalization(2),
        layers.SpatialDropout2D(0.2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(1),
    ]
    return hilevel.Sequential([hilevel.Input((16, 16, 3)), *parts]), _numbers(16, 16, 3)


def recurrent() -> Any:
    x = hilevel.Input((6,), dtype="int32")
    y = layers.Embedding(50, 8, mask_zero=True)(x)
    y = layers.Bidirectional(layers.LSTM(4, return_sequences=True, recurrent_dropout=0.1))(y)
    y = layers.GRU(4, return_sequences=True)(y)
    y = layers.RNN(layers.GRUCell(4))(y)
    return hilevel.Model(x, layers.Dense(1)(y)), _words(6)


def attention() -> Any:
    x = hilevel.Input((6,), dtype="int32")
    y = layers.Embedding(50, 8)(x)
    y = layers.LayerNormalization()(y + layers.MultiHeadAttention(2, 4, dropout=0.1)(y, y))
    y = layers.RMSNormalization()(y + layers.Dense(8)(layers.Dense(16, activation="gelu")(y)))
    return hilevel.Model(x, layers.Dense(1)(layers.Flatten()(y))), _words(6)


MODELS: dict[str, Callable[[], Any]] = {
    "dense": dense,
    "convolutional": convolutional,
    "recurrent": recurrent,
    "attention": attention,
}


def train(name: str, kept: Any = None, **options: Any) -> dict[str, Any]:
    """Train a model for two epochs, with an uneven last batch. Return all that it computes, as lists.

    The model is added to the list `kept`.
    """
    hilevel.utils.clear_session()
    hilevel.utils.set_random_seed(1)
    model, x = MODELS[name]()
    if kept is not None:
        kept.append(model)
    y = np.random.default_rng(1).normal(size=(SAMPLES, 1)).astype("float32")
    compiled = {key: options.pop(key) for key in ("steps_per_execution", "run_eagerly") if key in options}
    optimizer = options.pop("optimizer", lambda: hilevel.optimizers.SGD(0.001, momentum=0.9))()
    model.compile(optimizer, "mse", metrics=["mae"], **compiled)
    options = {"epochs": 2, "batch_size": 16, "verbose": 0, "validation_data": (x, y)} | options
    history = model.fit(x, y, **options)
    return {
        "history": history.history,
        "predictions": model.predict(x, verbose=0).tolist(),
        "weights": {str(i): w.tolist() for i, w in enumerate(model.get_weights())},
    }


def difference(one: Any, other: Any) -> float:
    """Return the largest difference of two results of `train`, relative to the largest value of each array.

    Arrays of values below 0.1 count as 0.1: a bias before a normalization has no gradient but rounding errors.
    """
    if isinstance(one, dict):
        return max(difference(one[key], other[key]) for key in one | other)
    a, b = np.asarray(one, "float64"), np.asarray(other, "float64")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 0.1))
