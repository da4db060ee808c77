"""Subclasses whose methods do not fit their base, and wrong uses of them."""

from typing import Any

import hilevel
from hilevel import layers


class Own(layers.Layer):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.inner = layers.Dense(units)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(shapes=(3, 4))  # error
        self.bias = self.add_weight(shape=(3,), trainable="yes")  # error

    def call(self, inputs: Any) -> Any:
        return self.iner(inputs)  # error

    def get_config(self) -> list[int]:  # error
        return [self.units]


Own("three")  # error
Own()  # error
units: str = Own(3).units  # error
print(Own(3).inner.unit)  # error


class Log(hilevel.callbacks.Callback):
    def on_epoch_end(self, epoch: str, logs: dict[str, Any] | None = None) -> None:  # error
        print(epoch)


class Loss(hilevel.losses.Loss):
    def call(self, y_true: Any) -> Any:  # error
        return y_true


class Model(hilevel.Model):
    def train_step(self) -> dict[str, Any]:  # error
        return {}


hilevel.Model(Own(3))  # error
hilevel.Sequential(3)  # error
hilevel.Sequential([layers.Dense(3), "relu"])  # error
hilevel.Sequential().add("dense")  # error
