"""Solve the equation of a damped oscillator with a physics-informed network.

The network is the solution u(t). Its loss is the residual of u'' + 2 d u' + w**2 u = 0. The derivatives are gradients with
respect to the input, so that training needs no solution (Raissi, Perdikaris and Karniadakis, 2019). The form
1 + (1 - exp(-t))**2 N(t) has the initial values u(0) = 1 and u'(0) = 0 for any network N (Lagaris, Likas and Fotiadis, 1998).

It prints the largest difference from the exact solution. `--picture FILE` draws both, with matplotlib.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers, ops

DAMPING, FREQUENCY, END = 0.3, 2.0, 6.0


def exact(t):
    w = np.sqrt(FREQUENCY**2 - DAMPING**2)
    return np.exp(-DAMPING * t) * (np.cos(w * t) + DAMPING / w * np.sin(w * t))


class Solution(hilevel.Model):
    """The function u(t), of shape (n, 1) as t."""

    def __init__(self, width):
        super().__init__()
        hidden = [layers.Dense(width, activation="tanh") for _ in range(3)]
        self.network = hilevel.Sequential([layers.Input((1,)), *hidden, layers.Dense(1)])

    def call(self, t):
        return 1 + (1 - ops.exp(-t)) ** 2 * self.network(t / END * 2 - 1)

    def residual(self, t):
        """Return u'' + 2 d u' + w**2 u."""
        with hilevel.GradientTape() as outer:
            t = outer.watch(t)
            with hilevel.GradientTape() as inner:
                t = inner.watch(t)
                u = self(t)
            speed = inner.gradient(u, t)
        return outer.gradient(speed, t) + 2 * DAMPING * speed + FREQUENCY**2 * u

    def train_step(self, t):
        with hilevel.GradientTape() as tape:
            loss = ops.mean(self.residual(t) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def draw(path, t, u):
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 2.6))
    axis.plot(t, exact(t), "k", linewidth=1, label="exact")
    axis.plot(t[::5], u[::5], "o", markersize=4, label="network")
    axis.set(xlabel="t", ylabel="u")
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main(quick=False, picture=""):
    hilevel.utils.set_random_seed(0)
    steps = 600 if quick else 8000
    model = Solution(32)
    rate = hilevel.optimizers.schedules.CosineDecay(0.005, steps)
    model.compile(hilevel.optimizers.Adam(rate))
    points = np.random.default_rng(0).uniform(0, END, (100 * 64, 1)).astype("float32")
    losses = model.fit(points, batch_size=64, epochs=steps // 100).history["loss"]

    t = np.linspace(0, END, 200)[:, None]
    u = model.predict(t, verbose=0)
    if picture:
        draw(picture, t, u)
    error = np.max(np.abs(u - exact(t)))
    print(f"residual {losses[-1]:.1e}, after the first epoch {losses[0]:.1e}")
    check(error < (0.6 if quick else 0.01), f"largest error {error:.4f}, of amplitude 1")


if __name__ == "__main__":
    run(main, __doc__, picture="")
