"""Optimizers with schedules, mixed precision, and the choice of a backend."""

from typing import Any

import numpy as np

import hilevel
from hilevel import layers, mixed_precision
from hilevel.optimizers import Adam, AdamW, schedules


class Warmup(schedules.LearningRateSchedule):
    def __init__(self, peak: float, steps: int) -> None:
        self.peak = peak
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        return self.peak * hilevel.ops.minimum(1.0, (step + 1) / self.steps)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps}


x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def train(optimizer: hilevel.Optimizer | str, dtype: str | None = None) -> hilevel.Model:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1, dtype=dtype)])
    model.compile(optimizer, loss="mse")
    model.fit(x, y, verbose=0)
    return model


train(Adam(schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.9, staircase=True)))
train(AdamW(learning_rate=Warmup(0.1, 5), weight_decay=0.01, clipnorm=1.0))
train(hilevel.optimizers.RMSprop(schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.05, 0.01])))
decay = schedules.CosineDecay(0.1, 100)
assert float(decay(0)) > float(decay(50))

model = train("adam", dtype="mixed_float16")
policy: hilevel.DTypePolicy = model.layers[-1].dtype_policy
assert policy.compute_dtype == "float16" and policy.variable_dtype == "float32"
mixed_precision.set_global_policy("float32")
scaled = mixed_precision.LossScaleOptimizer(Adam(0.01))
train(scaled)

hilevel.set_backend("numpy")
with hilevel.use_backend("numpy") as backend:
    assert backend.name == "numpy" == hilevel.backend.backend()
model.to("numpy")
floatx: str = hilevel.backend.floatx()
epsilon: float = hilevel.backend.epsilon()
assert floatx == "float32" and epsilon < 1e-6
