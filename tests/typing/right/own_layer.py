"""A layer in the way of Keras: settings, weights, computation, config."""

from typing import Any

import numpy as np

import hilevel
from hilevel import layers, ops


class Scaled(layers.Layer):
    def __init__(
        self, units: int, initializer: str = "ones", activation: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.initializer = hilevel.initializers.get(initializer)
        self.activation = hilevel.activations.get(activation)
        self.dropout = layers.Dropout(0.5)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.scale = self.add_weight(shape=(self.units,), initializer=self.initializer, name="scale")
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if training:
            self.count.assign(self.count + 1)
        x = self.dropout(ops.matmul(inputs, self.kernel) * self.scale, training=training)
        self.add_loss(0.01 * ops.mean(ops.square(x)))
        return self.activation(x)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update({"units": self.units, "initializer": "ones", "activation": "relu"})
        return config


layer = Scaled(3, activation="relu", name="scaled")
assert layer(np.ones((2, 4), "float32"), training=True).shape == (2, 3)
assert layer.kernel.shape == (4, 3) and len(layer.losses) == 1
assert float(layer.count) == 1.0
again = Scaled.from_config(layer.get_config())
assert again.units == 3
values: np.ndarray[Any, Any] = layer.kernel.numpy()
layer.kernel.assign(values * 2)
model = hilevel.Sequential([hilevel.Input((4,)), again, layers.Dense(1)])
assert model.output_shape == (None, 1)
