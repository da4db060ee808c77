"""A model with steps of its own: it clips the gradients, and reports their norm."""

from typing import Any

import numpy as np

import hilevel
from hilevel import layers, ops


class Clipped(hilevel.Model):
    def __init__(self, limit: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit
        self.dense = layers.Dense(1)
        self.norm = hilevel.metrics.Mean(name="norm")

    @property
    def metrics(self) -> list[hilevel.Metric]:
        return [*super().metrics, self.norm]

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with hilevel.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        norm = ops.sqrt(sum(ops.sum(ops.square(g)) for g in gradients))
        gradients = [g * ops.minimum(1.0, self.limit / norm) for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.norm.update_state(norm)
        return {"loss": loss, "norm": self.norm.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        y_pred = self(x, training=False)
        return {"loss": self.compute_loss(x=x, y=y, y_pred=y_pred)}


model = Clipped(limit=0.5)
model.compile(hilevel.optimizers.Adam(learning_rate=0.01), "mse")
x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
history = model.fit(x, y, validation_data=(x, y), verbose=0)
assert history.history["norm"][0] > 0
logs = model.train_on_batch(x, y, return_dict=True)
assert set(logs) >= {"loss", "norm"}
