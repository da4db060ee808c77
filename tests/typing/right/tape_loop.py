"""Training by hand: a tape, then `value_and_grad` in a compiled function."""

from typing import Any

import numpy as np

import hilevel
from hilevel import layers, losses, metrics, optimizers

model = hilevel.Sequential([layers.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(2)])
loss_function = losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = optimizers.Adam(0.01)
optimizer.build(model.trainable_variables)
mean = metrics.Mean()
x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
y = np.arange(16) % 2

for start in range(0, 16, 4):
    with hilevel.GradientTape(persistent=False) as tape:
        outputs = model(x[start : start + 4], training=True)
        loss = loss_function(y[start : start + 4], outputs)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    mean.update_state(loss)
assert float(mean.result()) > 0
mean.reset_state()


@hilevel.jit
def step(x: Any, y: Any) -> Any:
    def forward() -> Any:
        return loss_function(y, model(x, training=True))

    loss, gradients = hilevel.value_and_grad(forward, variables=model.trainable_variables)()
    optimizer.apply(gradients)
    return loss


before = float(step(x, y))
for _ in range(5):
    step(x, y)
assert float(step(x, y)) < before

variable = hilevel.Variable(2.0, name="point")
with hilevel.GradientTape() as tape:
    value = variable * variable
assert float(tape.gradient(value, variable)) == 4.0
assert float(hilevel.grad(lambda z: z**3)(2.0)) == 12.0
rate: float = float(optimizer.learning_rate)
optimizer.learning_rate = rate / 2
