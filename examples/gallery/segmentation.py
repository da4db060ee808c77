"""Segment images of shapes with a U-Net: a class for each pixel.

The encoder halves the image twice, and the decoder doubles it twice. Concatenations hand the details of each size from the
one to the other (Ronneberger, Fischer and Brox, 2015). The images have discs and squares of equal brightness, in noise, so
that only the outline tells them apart.

It prints the mean IoU of background, discs and squares, and draws one prediction with letters.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

SIZE, CLASSES = 32, 3


def make_data(n, seed):
    """Return images of shape (n, 32, 32, 1) and the class of each pixel: 0 background, 1 disc, 2 square."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    labels = np.zeros((n, SIZE, SIZE), "int32")
    for label in labels:
        for kind in rng.integers(1, CLASSES, rng.integers(1, 4)):
            (row, column), radius = rng.integers(6, SIZE - 6, 2), rng.integers(4, 7)
            down, right = abs(rows - row), abs(columns - column)
            inside = np.hypot(down, right) <= radius if kind == 1 else np.maximum(down, right) <= radius
            label[inside] = kind
    images = 0.7 * (labels > 0) + rng.normal(0, 0.2, labels.shape)
    return images[..., None].astype("float32"), labels


def block(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return x


def make_unet(filters=(8, 16, 32)):
    x = inputs = layers.Input((SIZE, SIZE, 1))
    details = []
    for size in filters[:-1]:
        x = block(x, size)
        details.append(x)
        x = layers.MaxPooling2D()(x)
    x = block(x, filters[-1])
    for size in filters[-2::-1]:
        x = layers.Concatenate()([layers.UpSampling2D()(x), details.pop()])
        x = block(x, size)
    return hilevel.Model(inputs, layers.Conv2D(CLASSES, 1, activation="softmax")(x))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    x_train, y_train = make_data(96 if quick else 600, seed=0)
    x_test, y_test = make_data(50, seed=1)
    model = make_unet((6, 12) if quick else (8, 16, 32))
    iou = hilevel.metrics.MeanIoU(CLASSES, sparse_y_pred=False, name="iou")
    epochs = 5 if quick else 12
    rate = hilevel.optimizers.schedules.CosineDecay(0.01, epochs * len(x_train) // 16)
    model.compile(hilevel.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=[iou])
    model.fit(x_train, y_train, batch_size=16, epochs=epochs)

    label = model.predict(x_test[:1], verbose=0).argmax(axis=-1)[0]
    print("\n".join("".join(".os"[k] for k in row) for row in label[::2]))
    mean_iou = model.evaluate(x_test, y_test, verbose=0)[1]
    everything_background = np.mean(y_test == 0) / CLASSES
    check(
        mean_iou > (1.2 * everything_background if quick else 0.8),
        f"mean IoU {mean_iou:.3f}, of background everywhere {everything_background:.3f}",
    )


if __name__ == "__main__":
    run(main, __doc__)
