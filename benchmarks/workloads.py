"""The nine workloads: their data, and their models in the Keras API.

A model function takes the module `k`, which is `keras` or `hilevel`, and returns a compiled model: both
train the same program. Data are NumPy arrays of random numbers, since the results of learning do not matter here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from gan import gan_step

Arrays = tuple[Any, Any]


@dataclass(frozen=True)
class Workload:
    """A model, its data, the batch size, and the number of steps of an epoch.

    Args:
        what: the workload in a line.
        model: `model(k, **options)` builds it and calls its `compile`, with the options.
        arrays: `arrays(rng, samples)` makes inputs and targets.
        batch: samples in a batch.
        steps: batches in an epoch: enough for a fifth of a second on a fast contender.
        width: units, channels or hidden size, by default the model's.
    """

    what: str
    model: Callable[..., Any]
    arrays: Callable[[np.random.Generator, int], Arrays]
    batch: int
    steps: int
    width: int | None = None

    def data(self, steps: int | None = None) -> Arrays:
        """Return the inputs and targets of an epoch, or of so many steps; the same in every process."""
        return self.arrays(np.random.default_rng(0), self.batch * (steps or self.steps))

    def resized(self, batch: int, width: int, steps: int) -> Workload:
        """Return the same model in other sizes."""
        what = f"{self.model.__name__} of width {width}, batch {batch}"
        model = partial(self.model, width=width)
        return replace(self, what=what, model=model, batch=batch, steps=steps, width=width)


# -- models --------------------------------------------------------------------------------------------


def classes(k: Any) -> Any:
    """Return the loss of logits of classes."""
    return k.losses.SparseCategoricalCrossentropy(from_logits=True)


def mlp(k: Any, width: int = 128, **options: Any) -> Any:
    """Make a network with one hidden layer, on flat images."""
    model = k.Sequential(
        [k.layers.Input((784,)), k.layers.Dense(width, activation="relu"), k.layers.Dense(10)]
    )
    model.compile("adam", classes(k), metrics=["accuracy"], **options)
    return model


def cnn(k: Any, width: int = 32, **options: Any) -> Any:
    """Make a network with one convolution, on images."""
    model = k.Sequential(
        [
            k.layers.Input((28, 28, 1)),
            k.layers.Conv2D(width, 3, activation="relu"),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dense(128, activation="relu"),
            k.layers.Dense(10),
        ]
    )
    model.compile("adam", classes(k), metrics=["accuracy"], **options)
    return model


def lstm_small(k: Any, width: int = 50, **options: Any) -> Any:
    """Make a recurrent network so small that a step is mostly overhead."""
    model = k.Sequential([k.layers.Input((10, 1)), k.layers.LSTM(width), k.layers.Dense(1)])
    model.compile("adam", "mse", **options)
    return model


def lstm(k: Any, width: int = 128, **options: Any) -> Any:
    """Make a classifier of texts."""
    model = k.Sequential(
        [
            k.layers.Input((80,)),
            k.layers.Embedding(5000, width // 2),
            k.layers.LSTM(width),
            k.layers.Dense(1),
        ]
    )
    model.compile("adam", k.losses.BinaryCrossentropy(from_logits=True), **options)
    return model


def lstm_attention(k: Any, width: int = 50, **options: Any) -> Any:
    """Make a recurrent network whose steps look at each other."""
    inputs = k.layers.Input((50, 16))
    hidden = k.layers.LSTM(width, return_sequences=True)(inputs)
    seen = k.layers.Attention()([hidden, hidden])
    outputs = k.layers.Dense(1)(k.layers.GlobalAveragePooling1D()(seen))
    model = k.Model(inputs, outputs)
    model.compile("adam", "mse", **options)
    return model


def resnet_small(k: Any, width: int = 32, **options: Any) -> Any:
    """Make a stem and three residual blocks with batch normalisation, on images with colours."""

    def normalised(x: Any, channels: int, size: int, strides: int = 1) -> Any:
        x = k.layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)(x)
        return k.layers.BatchNormalization()(x)

    inputs = k.layers.Input((32, 32, 3))
    x = k.layers.ReLU()(normalised(inputs, width, 3))
    for channels, strides in ((width, 1), (2 * width, 2), (4 * width, 2)):
        y = k.layers.ReLU()(normalised(x, channels, 3, strides))
        y = normalised(y, channels, 3)
        shortcut = x if strides == 1 else normalised(x, channels, 1, strides)
        x = k.layers.ReLU()(k.layers.Add()([shortcut, y]))
    outputs = k.layers.Dense(10)(k.layers.GlobalAveragePooling2D()(x))
    model = k.Model(inputs, outputs)
    model.compile(k.optimizers.SGD(0.05, momentum=0.9), classes(k), metrics=["accuracy"], **options)
    return model


def transformer(k: Any, width: int = 128, **options: Any) -> Any:
    """Make a small language model: two pre-norm blocks, and logits over 5000 words at each place."""

    class Places(k.layers.Layer):  # type: ignore[misc]
        """A layer that adds a learned vector for each place."""

        def __init__(self) -> None:
            super().__init__()
            self.table = k.layers.Embedding(128, width)

        def call(self, x: Any) -> Any:
            return x + self.table(k.ops.arange(x.shape[1]))

    inputs = k.layers.Input((128,), dtype="int32")
    x = Places()(k.layers.Embedding(5000, width)(inputs))
    for _ in range(2):
        h = k.layers.LayerNormalization()(x)
        x = x + k.layers.MultiHeadAttention(4, width // 4)(h, h, use_causal_mask=True)
        h = k.layers.Dense(4 * width, activation="gelu")(k.layers.LayerNormalization()(x))
        x = x + k.layers.Dense(width)(h)
    outputs = k.layers.Dense(5000)(k.layers.LayerNormalization()(x))
    model = k.Model(inputs, outputs)
    model.compile(k.optimizers.AdamW(0.001, weight_decay=0.01), classes(k), **options)
    return model


def deep_narrow(k: Any, width: int = 64, **options: Any) -> Any:
    """Make twenty small layers."""
    stack = [k.layers.Dense(units, activation="relu") for units in [width] * 19 + [64]]
    model = k.Sequential([k.layers.Input((64,)), *stack])
    model.compile("adam", "mse", **options)
    return model


# -- data ----------------------------------------------------------------------------------------------


def normal(*shape: int) -> Callable[[np.random.Generator, int], Any]:
    """Make float32 values around zero."""
    return lambda rng, n: rng.standard_normal((n, *shape), np.float32)


def integers(high: int, *shape: int, dtype: str = "int64") -> Callable[[np.random.Generator, int], Any]:
    """Make integers below a limit."""
    return lambda rng, n: rng.integers(0, high, (n, *shape)).astype(dtype)


def pair(x: Callable[..., Any], y: Callable[..., Any] | None) -> Callable[..., Arrays]:
    """Make inputs, and targets where there are any."""
    return lambda rng, n: (x(rng, n), None if y is None else y(rng, n))


WORKLOADS = {
    "mlp": Workload(
        "784-128-10, batch 128", mlp, pair(normal(784), integers(10)), 128, 400),
    "cnn": Workload(
        "Conv2D(32) on 28x28x1, batch 128", cnn, pair(normal(28, 28, 1), integers(10)), 128, 30),
    "lstm_small": Workload(
        "LSTM(50) on 10 steps, batch 10", lstm_small, pair(normal(10, 1), normal(1)), 10, 600),
    "lstm": Workload(
        "Embedding(64), LSTM(128) on 80 steps, batch 32", lstm,
        pair(integers(5000, 80), integers(2, 1, dtype="float32")), 32, 30),
    "lstm_attention": Workload(
        "LSTM(50), Attention on 50 steps, batch 32", lstm_attention, pair(normal(50, 16), normal(1)), 32, 80),
    "resnet_small": Workload(
        "3 residual blocks on 32x32x3, batch 32", resnet_small, pair(normal(32, 32, 3), integers(10)), 32, 8),
    "transformer": Workload(
        "2 blocks of width 128 on 128 tokens, batch 8", transformer,
        pair(integers(5000, 128), integers(5000, 128)), 8, 8),
    "gan_step": Workload(
        "MLPs 64-256-784 and 784-256-1, batch 64", gan_step, pair(normal(784), None), 64, 150),
    "deep_narrow": Workload(
        "20 x Dense(64), batch 32", deep_narrow, pair(normal(64), normal(64)), 32, 400),
}  # fmt: skip
