"""Learn features of digits without labels by contrastive learning.

Two random views of one image should have similar codes, and views of different images should not. The task is
to find the other view of an image among all views of the batch (SimCLR, Chen et al., 2020). It is a classification whose
labels cost nothing.

It prints the accuracy of a linear classifier on 30 labelled images, on the features before and after training.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers, ops

TEMPERATURE, LABELLED = 0.1, 30


def make_augmentation():
    return hilevel.Sequential(
        [
            layers.RandomTranslation(0.15, 0.15, fill_mode="constant"),
            layers.RandomRotation(0.06, fill_mode="constant"),
            layers.RandomZoom(0.2, fill_mode="constant"),
            layers.GaussianNoise(0.1),
        ]
    )


def make_encoder(filters):
    return hilevel.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(2 * filters, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ]
    )


class Contrastive(hilevel.Model):
    """An encoder, and a projection of its features that only the loss uses."""

    def __init__(self, encoder):
        super().__init__()
        self.augmentation, self.encoder = make_augmentation(), encoder
        self.projection = hilevel.Sequential([layers.Dense(64, activation="relu"), layers.Dense(32)])

    def call(self, images, training=False):
        """Return the codes of two views of each image, of length 1 and shape (2 * n, 32)."""
        views = ops.concatenate([self.augmentation(images, training=training) for _ in range(2)])
        return ops.normalize(self.projection(self.encoder(views)))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        n = ops.shape(y_pred)[0]
        similarity = ops.matmul(y_pred, ops.transpose(y_pred)) / TEMPERATURE
        others = similarity - 1e9 * ops.eye(n)  # no view is compared with itself
        pair = ops.roll(ops.arange(n), n // 2)
        return ops.mean(ops.sparse_categorical_crossentropy(pair, others, from_logits=True))


def accuracy_of_features(encoder, few, test):
    """Return the accuracy of a linear classifier that is trained on the features of a few images."""
    (x_train, y_train), (x_test, y_test) = ((encoder.predict(x, verbose=0), y) for x, y in (few, test))
    mean, spread = x_train.mean(axis=0), x_train.std(axis=0) + 0.1
    x_train, x_test = (x_train - mean) / spread, (x_test - mean) / spread
    classifier = hilevel.Sequential([layers.Dense(10, activation="softmax", kernel_regularizer="l2")])
    classifier.compile(hilevel.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    classifier.fit(x_train, y_train, batch_size=LABELLED, epochs=100, verbose=0)
    return classifier.evaluate(x_test, y_test, verbose=0)[1]


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = hilevel.datasets.digits.load_data()
    x_train, x_test = ((x[..., None] / 16).astype("float32") for x in (x_train, x_test))
    chosen = np.concatenate([np.flatnonzero(y_train == k)[: LABELLED // 10] for k in range(10)])
    few, test = (x_train[chosen], y_train[chosen]), (x_test, y_test)

    encoder = make_encoder(8 if quick else 32)
    before = accuracy_of_features(encoder, few, test)
    model = Contrastive(encoder)
    model.compile(hilevel.optimizers.Adam(0.002))
    losses = model.fit(x_train[:1408], batch_size=128, epochs=3 if quick else 60).history["loss"]
    after = accuracy_of_features(encoder, few, test)
    learned = after > before + (0.05 if quick else 0.15) and losses[-1] < 0.9 * losses[0]
    check(
        learned, f"accuracy {after:.3f}, before {before:.3f}; loss {losses[-1]:.2f}, at first {losses[0]:.2f}"
    )


if __name__ == "__main__":
    run(main, __doc__)
