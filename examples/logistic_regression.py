"""Logistic regression as a model of one's own, with a training loop of one's own.

The class is 1 where x > 0.5. (Noise is put where it makes sense, into the classes: one in twenty is wrong. Added to them, as is
seen sometimes, it makes numbers that are no classes.)
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import ops


class LogisticRegression(hilevel.Model):
    def __init__(self):
        super().__init__()
        self.W = hilevel.Variable(hilevel.random.normal([1]))
        self.b = hilevel.Variable(ops.zeros([1]))

    def call(self, x):
        return 1 / (1 + ops.exp(-(self.W * x + self.b)))


def main(steps: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((400, 1), dtype="float32")
    wrong = rng.random((400, 1)) < 0.05
    Y = ((X > 0.5) ^ wrong).astype("float32")

    model = LogisticRegression()
    loss = hilevel.losses.BinaryCrossentropy()
    optimizer = hilevel.optimizers.SGD(learning_rate=2.0)

    for i in range(steps):
        with hilevel.GradientTape() as tape:
            predictions = model(X)
            loss_value = loss(Y, predictions)
        gradients = tape.gradient(loss_value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        if i % max(steps // 5, 1) == 0:
            print(f"step {i}: loss {float(loss_value):.4f}")

    W, b = float(model.W[0]), float(model.b[0])
    print(f"The probability of class 1 at 0.5: {float(model(np.array([[0.5]]))[0, 0]):.3f}")
    right = float(ops.mean(ops.cast((model(X) > 0.5) == (X > 0.5), "float32")))
    expect(abs(-b / W - 0.5) < 0.05 and right > 0.95, f"the classes meet at {-b / W:.3f}; {right:.1%} right")


if __name__ == "__main__":
    main(options(__doc__, epochs=1000).epochs)
