"""Remove noise from images of digits with a convolutional autoencoder.

The network gets noisy images, and the clean ones are the targets. It learns the images that are likely, and maps a noisy
image to the nearest of them (Vincent et al., 2008).

It prints the root of the mean squared error of the noisy and of the cleaned test images, and one image in characters.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

NOISE = 0.4


def load_pairs():
    """Return (noisy, clean) images of shape (n, 8, 8, 1) for training, and for tests."""
    rng = np.random.default_rng(0)
    for images, _ in hilevel.datasets.digits.load_data():
        clean = (images[..., None] / 16).astype("float32")
        yield (clean + rng.normal(0, NOISE, clean.shape)).astype("float32"), clean


def make_model(filters):
    return hilevel.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(2 * filters, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(96, activation="relu"),
            layers.Dense(4 * 4 * filters, activation="relu"),
            layers.Reshape((4, 4, filters)),
            layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def show(*images):
    """Print images side by side, dark pixels as dark characters."""
    for row in np.concatenate([image[..., 0] for image in images], axis=1):
        print("".join(2 * " .:-=+*#%@"[int(9 * np.clip(pixel, 0, 1))] for pixel in row))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    (noisy, clean), (noisy_test, clean_test) = load_pairs()
    model = make_model(8 if quick else 32)
    rate = hilevel.optimizers.schedules.CosineDecay(0.002, (3 if quick else 25) * len(noisy) // 32)
    model.compile(hilevel.optimizers.Adam(rate), loss="mse")
    model.fit(noisy, clean, batch_size=32, epochs=3 if quick else 25)

    cleaned = model.predict(noisy_test, verbose=0)
    show(noisy_test[0], cleaned[0], clean_test[0])
    before, after = (np.sqrt(np.mean((x - clean_test) ** 2)) for x in (noisy_test, cleaned))
    check(after < (0.65 if quick else 0.45) * before, f"error {after:.3f}, before {before:.3f}")


if __name__ == "__main__":
    run(main, __doc__)
