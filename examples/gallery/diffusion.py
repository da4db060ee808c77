"""Generate digits with a diffusion model.

Noise is added to an image in 100 steps, until nothing else is left. A network learns to predict the noise from the noisy
image and the step. Backwards, it turns noise into a new image step by step (Ho, Jain and Abbeel, 2020), with the cosine
schedule of Nichol and Dhariwal (2021).

It prints the distance of the new images to the nearest real digit, and the number of different digits among them.
`--picture FILE` draws the way from noise to digits, with matplotlib.
"""

import numpy as np
from checks import check, run, save_images

import hilevel
from hilevel import layers

STEPS = 100
KEPT = np.cos(np.linspace(0.02, 0.99, STEPS) * np.pi / 2) ** 2  # the fraction of the image in the variance


def waves(t, size=32):
    """Return sines and cosines of the step, of shape (n, size)."""
    angles = np.outer(t / STEPS, 2 ** np.linspace(0, 6, size // 2))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype("float32")


def batches(images, rng, size=128):
    """Yield noisy images with their steps, and the noise in them."""
    while True:
        x = images[rng.integers(0, len(images), size)]
        t = rng.integers(0, STEPS, size)
        kept, noise = KEPT[t, None], rng.normal(size=x.shape)
        noisy = np.sqrt(kept) * x + np.sqrt(1 - kept) * noise
        yield (noisy.astype("float32"), waves(t)), noise.astype("float32")


def make_model(width, blocks=3):
    noisy, step = layers.Input((64,)), layers.Input((32,))
    x = layers.Dense(width)(noisy)
    for _ in range(blocks):
        hidden = layers.Add()(
            [layers.Dense(width)(layers.LayerNormalization()(x)), layers.Dense(width)(step)]
        )
        x = layers.Add()([x, layers.Dense(width)(layers.Activation("silu")(hidden))])
    return hilevel.Model([noisy, step], layers.Dense(64)(layers.LayerNormalization()(x)))


def sample(model, n, rng):
    """Return new images, and the noisy images on the way."""
    x, way = rng.normal(size=(n, 64)).astype("float32"), []
    for t in reversed(range(STEPS)):
        noise = model.predict_on_batch([x, waves(np.full(n, t))])
        kept, before = KEPT[t], KEPT[t - 1] if t else 1.0
        image = np.clip((x - np.sqrt(1 - kept) * noise) / np.sqrt(kept), -1, 1)
        one_step = kept / before
        mean = (np.sqrt(before) * (1 - one_step) * image + np.sqrt(one_step) * (1 - before) * x) / (1 - kept)
        spread = np.sqrt((1 - before) * (1 - one_step) / (1 - kept))
        x = (mean + spread * rng.normal(size=x.shape)).astype("float32")
        way.append(x)
    return x, way


def nearest(images, real):
    """Return the distance of images to the nearest real one, and its index."""
    distance = np.linalg.norm(images[:, None] - real, axis=-1)
    return distance.min(axis=1).mean(), distance.argmin(axis=1)


def main(quick=False, picture=""):
    hilevel.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    (images, labels), (others, _) = hilevel.datasets.digits.load_data()
    images, others = ((x.reshape(-1, 64) / 8 - 1).astype("float32") for x in (images, others))
    epochs = 3 if quick else 40
    model = make_model(64 if quick else 128)
    rate = hilevel.optimizers.schedules.CosineDecay(0.002, epochs * 100)
    model.compile(hilevel.optimizers.Adam(rate), loss="mse")
    model.fit(batches(images, rng), steps_per_epoch=100, epochs=epochs)

    new, way = sample(model, 100, rng)
    if picture:
        rows = np.stack([way[t][:12] for t in (0, 60, 75, 90, -1)])
        save_images(picture, (rows.reshape(5, 12, 8, 8) + 1) / 2)
    (distance, index), (real, _) = nearest(new, images), nearest(others[:100], images)
    noise, _ = nearest(np.clip(way[0], -1, 1), images)
    kinds = len(set(labels[index]))
    enough = distance < (0.8 * noise if quick else 1.5 * real) and kinds >= (4 if quick else 10)
    check(enough, f"distance {distance:.2f}, of real digits {real:.2f}, of noise {noise:.2f}; {kinds} digits")


if __name__ == "__main__":
    run(main, __doc__, picture="")
