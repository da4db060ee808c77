"""The same seed gives the same training on NumPy and on JAX: the losses of 20 steps of six kinds of models.

`python tests/training/test_same_curves.py` prints the largest differences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers as L, ops

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(160, 8, 8, 2)).astype("float32")
SERIES = RNG.normal(size=(160, 12, 3)).astype("float32")
TOKENS = RNG.integers(0, 20, size=(160, 12))
TOKENS[:, 9:] *= RNG.random((160, 1)) < 0.5
CLASSES = RNG.integers(0, 5, size=160)
BATCH = 8
STEPS = 20


def losses(model: hilevel.Model, x: Any, y: Any, loss: str) -> list[float]:
    """Those of the steps of an epoch of `fit`."""
    seen: list[float] = []
    keep = hilevel.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: seen.append(logs["loss"]))
    model.compile("adam", loss)
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=[keep])
    return [float(v) for v in seen]


def mlp_with_dropout() -> list[float]:
    model = hilevel.Sequential(
        [L.Flatten(), L.Dense(64, activation="relu"), L.Dropout(0.4), L.Dense(5, activation="softmax")]
    )
    return losses(model, IMAGES, CLASSES, "sparse_categorical_crossentropy")


def cnn_with_batch_normalization() -> list[float]:
    model = hilevel.Sequential(
        [
            L.Conv2D(8, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D(),
            L.Conv2D(8, 3, strides=2, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(5, activation="softmax"),
        ]
    )  # fmt: skip
    return losses(model, IMAGES, CLASSES, "sparse_categorical_crossentropy")


def lstm() -> list[float]:
    model = hilevel.Sequential(
        [
            L.Embedding(20, 8, mask_zero=True), L.LSTM(16, return_sequences=True, dropout=0.2, recurrent_dropout=0.2),
            L.GRU(8), L.Dense(1),
        ]
    )  # fmt: skip
    return losses(model, TOKENS, SERIES[:, 0, :1], "mse")


def attention() -> list[float]:
    x = L.Input((12, 3))
    h = L.LSTM(16, return_sequences=True)(x)
    y = L.Dense(1)(L.GlobalAveragePooling1D()(L.Attention(use_scale=True, dropout=0.1)([h, h])))
    return losses(hilevel.Model(x, y), SERIES, SERIES[:, 0, :1], "mse")


def small_transformer() -> list[float]:
    tokens = L.Input((12,), dtype="int32")
    x = L.Embedding(20, 16, mask_zero=True)(tokens)
    for _ in range(2):
        attended = L.MultiHeadAttention(2, 8, dropout=0.1)(x, x)
        x = L.LayerNormalization()(L.Add()([x, attended]))
        inner = L.Dense(16)(L.Dense(32, activation="gelu")(x))
        x = L.LayerNormalization()(L.Add()([x, L.Dropout(0.1)(inner)]))
    y = L.Dense(5, activation="softmax")(L.GlobalAveragePooling1D()(x))
    return losses(hilevel.Model(tokens, y), TOKENS, CLASSES, "sparse_categorical_crossentropy")


def gan() -> list[float]:
    generator = hilevel.Sequential(
        [L.Input((4,)), L.Dense(32, activation="relu"), L.BatchNormalization(), L.Dense(3)]
    )
    discriminator = hilevel.Sequential(
        [L.Input((3,)), L.Dense(32), L.LeakyReLU(0.2), L.Dropout(0.2), L.Dense(1)]
    )
    both = [(net, hilevel.optimizers.Adam(0.001, beta_1=0.5)) for net in (generator, discriminator)]
    for net, optimizer in both:
        optimizer.build(net.trainable_variables)
    bce = hilevel.losses.BinaryCrossentropy(from_logits=True)

    @hilevel.jit
    def step(real: Any) -> Any:
        ones, zeros = np.ones((BATCH, 1), "float32"), np.zeros((BATCH, 1), "float32")
        noise = hilevel.random.normal((BATCH, 4))
        with hilevel.GradientTape() as g_tape, hilevel.GradientTape() as d_tape:
            fake = generator(noise, training=True)
            judged = discriminator(fake, training=True)
            g_loss = bce(ones, judged)
            d_loss = bce(ones, discriminator(real, training=True)) + bce(zeros, judged)
        for (net, optimizer), tape, loss in zip(both, (g_tape, d_tape), (g_loss, d_loss), strict=True):
            variables = net.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return ops.stack([g_loss, d_loss])

    return [
        float(v)
        for i in range(STEPS)
        for v in ops.convert_to_numpy(step(SERIES[i * BATCH : (i + 1) * BATCH, 0]))
    ]


MODELS: list[Callable[[], list[float]]] = [
    mlp_with_dropout, cnn_with_batch_normalization, lstm, attention, gan, small_transformer,
]  # fmt: skip


def difference(model: Callable[[], list[float]]) -> float:
    """The largest relative difference of the losses."""
    found = []
    for backend in ("numpy", "jax"):
        with hilevel.use_backend(backend):
            hilevel.set_random_seed(3)
            found.append(np.array(model()))
    numpy, jax = found
    assert len(numpy) >= STEPS and np.isfinite(numpy).all() and len(set(numpy)) > STEPS / 2
    return float(np.abs(numpy - jax).max() / np.abs(jax).max())


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_losses_are_equal_on_numpy_and_jax(model: Callable[[], list[float]]) -> None:
    assert difference(model) < 1e-4


if __name__ == "__main__":
    for one in MODELS:
        print(f"{one.__name__:30} {difference(one):.1e}")
