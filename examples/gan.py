"""A generative adversarial network, with two tapes and two optimizers, that learns eight points on a ring, and then digits.

A generator makes samples of noise; a discriminator learns to tell them from real ones; the generator learns to be taken for real
(it maximises log D(G(z)): with log(1 - D(G(z))) it would stop learning while it is bad). Pictures of samples before and after go to
the folder `--out`, if matplotlib is installed (pip install 'hilevel[plot]').
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import layers, ops

MODES = 2 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)


def ring(n, rng):
    """Points close to one of eight on a circle of radius 2."""
    return (MODES[rng.integers(0, 8, n)] + rng.normal(0, 0.1, (n, 2))).astype("float32")


def near_modes(points):
    """How far points are from the eight, the share within four standard deviations, and how many of the eight are found."""
    distance = np.linalg.norm(points[:, None] - MODES, axis=-1)
    near = distance.min(axis=1) < 0.4
    found = np.bincount(distance.argmin(axis=1)[near], minlength=8)
    return distance.min(axis=1).mean(), near.mean(), int((found > len(points) / 80).sum())


class GAN:
    """Two networks that learn from each other, in so many steps."""

    def __init__(self, steps, latent, features, width, output="linear"):
        self.latent = latent
        self.generator = hilevel.Sequential(
            [
                layers.Input((latent,)),
                layers.Dense(width, activation="relu"),
                layers.BatchNormalization(),
                layers.Dense(width, activation="relu"),
                layers.BatchNormalization(),
                layers.Dense(features, activation=output),
            ]
        )
        self.discriminator = hilevel.Sequential(
            [
                layers.Input((features,)),
                layers.Dense(width),
                layers.LeakyReLU(0.2),
                layers.Dense(width),
                layers.LeakyReLU(0.2),
                layers.Dense(1),
            ]
        )
        slower = hilevel.optimizers.schedules.CosineDecay(0.001, steps)  # the two come to rest
        self.generator_optimizer = hilevel.optimizers.Adam(slower, beta_1=0.5)
        self.discriminator_optimizer = hilevel.optimizers.Adam(slower, beta_1=0.5)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.loss = hilevel.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
        self.step = hilevel.jit(self.train_step)

    def train_step(self, real, noise):
        """One step of both; returns their losses."""
        ones, zeros = ops.ones((real.shape[0], 1)), ops.zeros((real.shape[0], 1))
        with hilevel.GradientTape() as gen_tape, hilevel.GradientTape() as disc_tape:
            fake = self.generator(noise, training=True)
            real_output = self.discriminator(real, training=True)
            fake_output = self.discriminator(fake, training=True)
            gen_loss = self.loss(ones, fake_output)
            disc_loss = self.loss(ones, real_output) + self.loss(zeros, fake_output)
        gen_variables = self.generator.trainable_variables
        disc_variables = self.discriminator.trainable_variables
        gradients_of_gen = gen_tape.gradient(gen_loss, gen_variables)
        gradients_of_disc = disc_tape.gradient(disc_loss, disc_variables)
        self.generator_optimizer.apply_gradients(zip(gradients_of_gen, gen_variables))
        self.discriminator_optimizer.apply_gradients(zip(gradients_of_disc, disc_variables))
        return gen_loss, disc_loss

    def samples(self, n):
        noise = np.random.default_rng(1).normal(size=(n, self.latent)).astype("float32")
        return ops.convert_to_numpy(self.generator(noise))

    def train(self, real_batches, rng):
        for real in real_batches:
            self.step(real, rng.normal(size=(len(real), self.latent)).astype("float32"))


def learn_ring(steps, out):
    rng = np.random.default_rng(0)
    gan = GAN(steps, latent=8, features=2, width=64)
    before = gan.samples(1000)
    gan.train((ring(256, rng) for _ in range(steps)), rng)
    after = gan.samples(1000)
    draw_points(out, ring(1000, rng), before, after)
    (distance, share, found), (at_first, _, _) = near_modes(after), near_modes(before)
    enough = (share > 0.8 and found >= 7) if steps >= 2000 else distance < at_first
    expect(enough, f"ring: {share:.0%} of the samples are near one of the points, {found} of 8 points found")


def learn_digits(steps, out):
    rng = np.random.default_rng(0)
    (images, labels), _ = hilevel.datasets.digits.load_data()
    x = (images.reshape(-1, 64) / 8 - 1).astype("float32")
    gan = GAN(steps, latent=16, features=64, width=128, output="tanh")
    before = gan.samples(500)
    gan.train((x[rng.integers(0, len(x), 64)] for _ in range(steps)), rng)
    after = gan.samples(500)
    draw_images(out, before, after)
    # Judged by a classifier that has learned the real ones: how sure it is, and how many digits it sees.
    judge = hilevel.Sequential([layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")])
    judge.compile("adam", "sparse_categorical_crossentropy")
    judge.fit(x, labels, epochs=20, verbose=0)
    nearest = lambda a: np.sqrt(((a[:, None] - x[None, :600]) ** 2).sum(-1)).min(1).mean()
    classes = np.bincount(judge.predict(after, verbose=0).argmax(-1), minlength=10)
    kinds = int((classes > len(after) / 100).sum())
    far, real, start = nearest(after), nearest(x[600:1100]), nearest(before)
    enough = (far < 1.5 * real and kinds >= 7) if steps >= 2000 else far < start
    expect(
        enough,
        f"digits: {kinds} of 10 found; mean distance to the nearest real one {far:.2f} (a real one's: {real:.2f})",
    )


def draw_points(out, real, before, after):
    figure, axes = picture(3)
    for ax, points, title in zip(axes, (real, before, after), ("real", "before", "after")):
        ax.scatter(points[:, 0], points[:, 1], s=2)
        ax.set(title=title, xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    save(figure, out, "gan_ring.png")


def draw_images(out, before, after):
    figure, axes = picture(2)
    for ax, images, title in zip(axes, (before, after), ("before", "after")):
        framed = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), constant_values=-1)
        rows = [np.hstack(framed[i : i + 10]) for i in range(0, 60, 10)]
        ax.imshow(np.vstack(rows), cmap="gray")
        ax.set(title=title)
        ax.axis("off")
    save(figure, out, "gan_digits.png")


def picture(columns):
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return None, ()
    return plt.subplots(1, columns, figsize=(4 * columns, 3.5))


def save(figure, out, name):
    if figure is None:
        print(f"{name} is not drawn: matplotlib is not installed (pip install 'hilevel[plot]').")
        return
    figure.tight_layout()
    figure.savefig(f"{out}/{name}", dpi=80)
    print(f"See {out}/{name}.")


def main(epochs: int, out: str) -> None:
    """An epoch is a hundred steps."""
    learn_ring(100 * epochs, out)
    learn_digits(100 * epochs, out)


if __name__ == "__main__":
    chosen = options(__doc__, epochs=30, out=".")
    main(chosen.epochs, chosen.out)
