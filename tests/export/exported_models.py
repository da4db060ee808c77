"""Small models of common kinds, for the comparison of exported files with `predict`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hilevel
from hilevel import layers, ops


def sequential(*parts: Any) -> Any:
    return hilevel.Sequential(list(parts))


def perceptron() -> Any:
    return sequential(
        layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.5), layers.Dense(3, activation="softmax")
    )  # fmt: skip


def convolutional() -> Any:
    return sequential(
        layers.Input((9, 8, 3)), layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(5, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3),
    )  # fmt: skip


def residual() -> Any:
    inputs = layers.Input((6, 6, 4))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.SeparableConv2D(4, 3, padding="same")(x))
    x = layers.ReLU()(layers.Add()([x, inputs]))
    return hilevel.Model(inputs, layers.GlobalAveragePooling2D()(x))


def recurrent(layer: Callable[..., Any], **settings: Any) -> Any:
    return sequential(
        layers.Input((None,), dtype="int32"), layers.Embedding(9, 5, mask_zero=True),
        layers.Bidirectional(layer(4, return_sequences=True, **settings)), layer(3, go_backwards=True, **settings),
        layers.Dense(1, activation="sigmoid"),
    )  # fmt: skip


def transformer() -> Any:
    inputs = layers.Input((None,), dtype="int32")
    x = layers.Embedding(9, 8, mask_zero=True)(inputs)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
    x = layers.LayerNormalization()(x + layers.Dense(8)(layers.Dense(16, activation="gelu")(x)))
    return hilevel.Model(inputs, layers.GlobalAveragePooling1D()(x))


def autoencoder() -> Any:
    return sequential(
        layers.Input((8, 8, 1)), layers.Conv2D(3, 3, strides=2, padding="same", activation="elu"),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    )  # fmt: skip


def several() -> Any:
    numbers, words = layers.Input((3,), name="numbers"), layers.Input((5,), dtype="int32", name="words")
    both = layers.Concatenate()([layers.Dense(4)(numbers), layers.Flatten()(layers.Embedding(9, 2)(words))])
    price, kind = (
        layers.Dense(1, name="price")(both),
        layers.Dense(3, activation="softmax", name="kind")(both),
    )
    return hilevel.Model({"numbers": numbers, "words": words}, {"price": price, "kind": kind})


def shared() -> Any:
    left, right, tower = layers.Input((4,), name="left"), layers.Input((4,), name="right"), perceptron()
    return hilevel.Model([left, right], layers.Dot(-1, normalize=True)([tower(left), tower(right)]))


class Subclassed(hilevel.Model):
    """A model whose `call` uses ops, sizes and a Python loop."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = [layers.Dense(6, activation=name) for name in ("tanh", "swish")]

    def call(self, inputs: Any) -> Any:
        x = ops.reshape(inputs, (inputs.shape[0] * inputs.shape[1], -1))
        for step in self.steps:
            x = step(x)
        x = ops.reshape(x, (inputs.shape[0], inputs.shape[1], 3, 2))
        return (
            ops.concatenate([ops.max(x, axis=2), ops.zeros((*inputs.shape[:2], 1))], axis=-1)
            / inputs.shape[1]
        )


def u_shaped() -> Any:
    inputs = layers.Input((8, 8, 2))
    first = layers.Conv2D(3, 3, padding="same", activation="relu")(inputs)
    low = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.AveragePooling2D(2)(first))
    high = layers.UpSampling2D(interpolation="bilinear")(low)
    return hilevel.Model(inputs, layers.Conv2D(2, 1)(layers.Concatenate()([first, high])))


MODELS: dict[str, Callable[[], Any]] = {
    "perceptron": perceptron,
    "convolutional": convolutional,
    "residual": residual,
    "lstm": lambda: recurrent(layers.LSTM),
    "gru": lambda: recurrent(layers.GRU),
    "transformer": transformer,
    "autoencoder": autoencoder,
    "several inputs and outputs": several,
    "shared layers": shared,
    "subclassed": Subclassed,
    "u shape": u_shaped,
}


SIGNATURES = {"subclassed": [layers.InputSpec(shape=(None, None, 4), dtype="float32")]}
"""The signatures of models without an `Input`."""


def varied(model: Any) -> Any:
    """Return the model with weights that are all different, so that no bias is 0 and no average is 1."""
    rng = np.random.default_rng(1)
    model.set_weights(
        [(w + np.abs(rng.normal(size=w.shape)) * 0.1).astype(w.dtype) for w in model.get_weights()]
    )
    return model


def data_for(model: Any, batch: int, steps: int = 7) -> Any:
    """Return random data in the structure of the model's argument."""
    rng = np.random.default_rng(batch)

    def array(x: Any) -> Any:
        shape = (batch, *(steps if n is None else n for n in x.shape[1:]))
        if np.dtype(x.dtype).kind == "i":
            return rng.integers(0, 4, size=shape).astype(x.dtype)
        return rng.normal(size=shape).astype(x.dtype)

    inputs = model.input if model.inputs else hilevel.Input((None, 4))
    return hilevel.tree.map_structure(array, inputs)
