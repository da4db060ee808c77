"""Generate points on a ring with a Wasserstein GAN and a gradient penalty.

The critic estimates the distance between the distributions of real and generated points. Its slope must be at most 1, so
that a penalty pulls the length of its gradient to 1 (Gulrajani et al., 2017). The training step differentiates this
gradient once more: a tape inside a tape.

It prints the fraction of generated points near one of eight places, and the number of places that have points.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers, ops

NOISE, CRITIC_STEPS, PENALTY = 8, 3, 4.0
ANGLES = np.arange(8) * np.pi / 4
PLACES = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def real_points(n, rng):
    return (PLACES[rng.integers(0, 8, n)] + rng.normal(0, 0.1, (n, 2))).astype("float32")


def make_network(inputs, outputs):
    hidden = [layers.Dense(64, activation="relu") for _ in range(3)]
    return hilevel.Sequential([layers.Input((inputs,)), *hidden, layers.Dense(outputs)])


class WGAN(hilevel.Model):
    """A generator, and the critic that it learns from."""

    def __init__(self, generator, critic):
        super().__init__()
        self.generator, self.critic = generator, critic
        self.seeds = hilevel.random.SeedGenerator(0)

    def compile(self, generator_optimizer, critic_optimizer):
        super().compile()
        self.generator_optimizer, self.critic_optimizer = generator_optimizer, critic_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)

    def call(self, noise, training=False):
        return self.generator(noise, training=training)

    def generate(self, n):
        return self(hilevel.random.normal((n, NOISE), seed=self.seeds), training=True)

    def gradient_penalty(self, real, fake):
        """Return the mean of (length of the critic's gradient - 1)**2, at points between real and fake ones."""
        fraction = hilevel.random.uniform((real.shape[0], 1), seed=self.seeds)
        with hilevel.GradientTape() as tape:
            between = tape.watch(real + fraction * (fake - real))
            score = ops.sum(self.critic(between, training=True))
        gradient = tape.gradient(score, between)
        return ops.mean((ops.sqrt(ops.sum(gradient**2, axis=-1) + 1e-8) - 1) ** 2)

    def train_critic(self, real):
        fake = self.generate(real.shape[0])
        with hilevel.GradientTape() as tape:
            distance = ops.mean(self.critic(real)) - ops.mean(self.critic(fake))
            loss = PENALTY * self.gradient_penalty(real, fake) - distance
        weights = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(loss, weights), weights)
        return distance

    def train_step(self, real):
        for _ in range(CRITIC_STEPS):
            distance = self.train_critic(real)
        with hilevel.GradientTape() as tape:
            loss = -ops.mean(self.critic(self.generate(real.shape[0])))
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, weights), weights)
        return {"distance": distance}


def judge(points):
    """Return the fraction of points near a place, and the number of places with points."""
    distance = np.linalg.norm(points[:, None] - PLACES, axis=-1)
    near = distance.min(axis=1) < 0.4
    count = np.bincount(distance.argmin(axis=1)[near], minlength=8)
    return near.mean(), int(np.sum(count > len(points) / 80))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    steps = 250 if quick else 3000
    gan = WGAN(make_network(NOISE, 2), make_network(2, 1))
    rate = hilevel.optimizers.schedules.CosineDecay(0.003, 3000)
    gan.compile(*(hilevel.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9) for _ in range(2)))
    noise = rng.normal(size=(1000, NOISE)).astype("float32")
    before, _ = judge(gan.predict(noise, verbose=0))
    gan.fit(real_points(50 * 128, rng), batch_size=128, epochs=steps // 50)

    near, found = judge(gan.predict(noise, verbose=0))
    enough = near > before + 0.1 if quick else near > 0.8 and found >= 7
    check(enough, f"{near:.0%} near a place, {before:.0%} before; {found} of 8 places found")


if __name__ == "__main__":
    run(main, __doc__)
