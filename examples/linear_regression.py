"""Linear regression as a model of one's own, with a training loop of one's own.

Learns y = 3 x + 2 from a hundred noisy points. The noise is uniform between 0 and 1, so that its mean, 0.5, is learned as part
of the offset; the result is compared with that of least squares in closed form.
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import ops


class LinearRegression(hilevel.Model):
    def __init__(self):
        super().__init__()
        self.W = hilevel.Variable(hilevel.random.normal([1]))
        self.b = hilevel.Variable(ops.zeros([1]))

    def call(self, x):
        return self.W * x + self.b


def main(steps: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((100, 1), dtype="float32")
    Y = 3 * X + 2 + rng.random((100, 1), dtype="float32")

    model = LinearRegression()
    loss = hilevel.losses.MeanSquaredError()
    optimizer = hilevel.optimizers.SGD(learning_rate=0.1)

    for i in range(steps):
        with hilevel.GradientTape() as tape:
            predictions = model(X)
            loss_value = loss(Y, predictions)
        gradients = tape.gradient(loss_value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        if i % max(steps // 5, 1) == 0:
            print(f"step {i}: loss {float(loss_value):.4f}")

    print("The prediction for 0.5:", float(model(np.array([[0.5]]))[0, 0]))
    learned = [float(model.W[0]), float(model.b[0])]
    exact = np.linalg.lstsq(np.hstack([X, np.ones_like(X)]), Y, rcond=None)[0][:, 0]
    close = np.allclose(learned, exact, atol=0.01)
    expect(close, f"W, b = {np.round(learned, 3)}; least squares: {np.round(exact, 3)}")


if __name__ == "__main__":
    main(options(__doc__, epochs=1000).epochs)
