"""House prices by plain gradient descent: price = theta1 * area + theta2 * rooms, without a model, a layer or an optimizer.

The houses are made up: 120 a square metre and 8,000 a room, in thousands, and noise. The result is compared with the closed form,
theta = (X^T X)^-1 X^T y.
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import ops


def main(steps: int) -> None:
    rng = np.random.default_rng(0)
    area, rooms = rng.uniform(40, 200, 300), rng.integers(1, 7, 300)
    x = np.stack([area / 100, rooms], axis=1).astype("float32")  # hundreds of square metres, rooms
    y = (x @ [120.0, 8.0] + rng.normal(0, 5, 300)).astype("float32")

    def loss(theta):
        return ops.mean((ops.matmul(x, theta) - y) ** 2)

    step = hilevel.jit(hilevel.value_and_grad(loss))
    theta = np.zeros(2, "float32")
    for i in range(steps):
        value, gradient = step(theta)
        theta = theta - 0.03 * gradient
        if i % max(steps // 5, 1) == 0:
            print(f"step {i}: loss {float(value):.2f}")

    theta = ops.convert_to_numpy(theta)
    exact = np.linalg.solve(x.T @ x, x.T @ y)
    close = np.allclose(theta, exact, rtol=1e-3)
    expect(close, f"theta = {np.round(theta, 2)}; in closed form: {np.round(exact, 2)}")


if __name__ == "__main__":
    main(options(__doc__, epochs=1500).epochs)
