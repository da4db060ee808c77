"""Generate digits with a variational autoencoder.

The encoder gives a normal distribution of codes for each image, and the decoder makes the image from one of the codes
(Kingma and Welling, 2014). The loss adds the divergence from the standard normal distribution to the error of the image.
So random normal codes give new images.

It prints the evidence lower bound on test images, and the distance of new images to the nearest real one.
`--picture FILE` draws new digits, with matplotlib.
"""

import numpy as np
from checks import check, run, save_images

import hilevel
from hilevel import layers, ops

CODE = 8


class Sampling(layers.Layer):
    """A code drawn from the normal distribution with the given mean and logarithm of the variance."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = hilevel.random.SeedGenerator(0)

    def call(self, inputs):
        mean, log_variance = inputs
        divergence = 0.5 * ops.sum(mean**2 + ops.exp(log_variance) - log_variance - 1, axis=-1)
        self.add_loss(ops.mean(divergence))
        noise = hilevel.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


def reconstruction_loss(images, outputs):
    """Return the cross-entropy of each image, summed over its pixels."""
    return 64 * ops.mean(ops.binary_crossentropy(images, outputs, from_logits=True), axis=-1)


def make_models():
    image = layers.Input((64,))
    x = layers.Dense(256, activation="relu")(image)
    x = layers.Dense(128, activation="relu")(x)
    code = Sampling()([layers.Dense(CODE)(x), layers.Dense(CODE)(x)])
    decoder = hilevel.Sequential(
        [
            layers.Input((CODE,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(64),
        ]
    )
    return hilevel.Model(image, decoder(code)), decoder


def nearest(images, real):
    """Return the mean distance of images to the nearest real one."""
    return np.mean([np.linalg.norm(real - image, axis=-1).min() for image in images])


def main(quick=False, picture=""):
    hilevel.utils.set_random_seed(0)
    (x_train, _), (x_test, _) = hilevel.datasets.digits.load_data()
    x_train, x_test = ((x.reshape(-1, 64) / 16).astype("float32") for x in (x_train, x_test))
    model, decoder = make_models()
    model.compile(hilevel.optimizers.Adam(0.002), loss=reconstruction_loss)
    model.fit(x_train, x_train, batch_size=64, epochs=10 if quick else 100)

    codes = np.random.default_rng(0).normal(size=(200, CODE)).astype("float32")
    new = 1 / (1 + np.exp(-decoder.predict(codes, verbose=0)))
    if picture:
        save_images(picture, new[:60].reshape(5, 12, 8, 8))
    bound = -model.evaluate(x_test, x_test, verbose=0)
    mean = np.clip(x_train.mean(axis=0), 1e-3, 1 - 1e-3)  # the best decoder that ignores the code
    without = np.mean(np.sum(x_test * np.log(mean) + (1 - x_test) * np.log(1 - mean), axis=-1))
    print(
        f"distance to the nearest digit: new {nearest(new, x_train):.2f}, real {nearest(x_test, x_train):.2f}"
    )
    check(bound > without + (0.5 if quick else 2.5), f"bound {bound:.1f}, without a code {without:.1f}")


if __name__ == "__main__":
    run(main, __doc__, picture="")
