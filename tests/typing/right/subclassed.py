"""A subclass of Model with a `call` of its own; made again from its config."""

from typing import Any

import numpy as np

import hilevel
from hilevel import layers, ops


@hilevel.utils.register_keras_serializable()
class Residual(hilevel.Model):
    def __init__(self, units: int, depth: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.depth = depth
        self.blocks = [layers.Dense(units, activation="relu") for _ in range(depth)]
        self.norm = layers.LayerNormalization()
        self.head = layers.Dense(1)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.norm(inputs)
        for block in self.blocks:
            x = x + block(x)
        if training:
            x = x + 0.01 * hilevel.random.normal(ops.shape(x))
        return self.head(x)


model = Residual(4, name="residual")
model.compile("adam", "mse")
x, y = np.ones((8, 4), "float32"), np.zeros((8, 1), "float32")
model.fit(x, y, batch_size=4, verbose=0)
units: int = model.units
assert units == 4 and model.blocks[0].units == 4
assert model.head.kernel.shape == (4, 1)

twin = Residual.from_config(model.get_config())
twin.build((None, 4))
twin.set_weights(model.get_weights())
assert np.allclose(twin.predict(x, verbose=0), model.predict(x, verbose=0))
assert twin.depth == 2
