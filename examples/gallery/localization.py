"""Find a digit in a larger image, and read it: one network with two outputs.

The images are 24x24 pixels with specks of noise and one digit, of a random size at a random place. A common convolutional
part feeds a classifier and a regression of the box, and the sum of both losses is minimized (Sermanet et al., 2014).

It prints the accuracy of the class, and the mean IoU of the boxes.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

SIZE = 24


def place(digits, labels, rng):
    """Return images (n, 24, 24, 1) with one digit each, and targets: labels and boxes (left, top, right, bottom)."""
    images = rng.random((len(digits), SIZE, SIZE)) * (rng.random((len(digits), SIZE, SIZE)) < 0.05)
    boxes = np.zeros((len(digits), 4), "float32")
    for image, digit, box in zip(images, digits / 16, boxes):
        scale = rng.integers(1, 3)
        height = width = 8 * scale
        top, left = rng.integers(0, SIZE - height + 1, 2)
        part = image[top : top + height, left : left + width]
        np.maximum(part, np.kron(digit, np.ones((scale, scale))), out=part)
        box[:] = left, top, left + width, top + height
    return images[..., None].astype("float32"), {"label": labels, "box": boxes / SIZE}


def make_model(filters):
    x = inputs = layers.Input((SIZE, SIZE, 1))
    for k in (1, 2, 4):
        x = layers.Conv2D(k * filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    anywhere = layers.GlobalMaxPooling2D()(x)  # the class does not depend on the place
    places = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    outputs = {
        "label": layers.Dense(10, activation="softmax", name="label")(anywhere),
        "box": layers.Dense(4, name="box")(places),
    }
    return hilevel.Model(inputs, outputs)


def mean_iou(boxes, others):
    """Return the mean of intersection over union of pairs of boxes."""
    iou = hilevel.utils.bounding_boxes.compute_iou(
        boxes[:, None], others[:, None], bounding_box_format="xyxy"
    )
    return float(np.mean(iou))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    (x_train, y_train), (x_test, y_test) = hilevel.datasets.digits.load_data()
    images, targets = place(x_test, y_test, rng)

    model = make_model(4 if quick else 12)
    rounds = 3 if quick else 40
    model.compile(
        hilevel.optimizers.Adam(hilevel.optimizers.schedules.CosineDecay(0.005, rounds * 22)),
        loss={"label": "sparse_categorical_crossentropy", "box": "mae"},
        loss_weights={"label": 1, "box": 5},
        metrics={"label": ["accuracy"]},
    )
    for _ in range(rounds):  # each digit at a new place each time
        model.fit(*place(x_train[:1408], y_train[:1408], rng), batch_size=64)

    predicted = model.predict(images, verbose=0)
    accuracy = np.mean(predicted["label"].argmax(axis=-1) == y_test)
    middle = np.tile([0.2, 0.2, 0.8, 0.8], (len(images), 1))
    iou, of_middle = (mean_iou(boxes, targets["box"]) for boxes in (predicted["box"], middle))
    enough = iou > 1.1 * of_middle if quick else accuracy > 0.85 and iou > 0.75
    check(enough, f"accuracy {accuracy:.3f}; mean IoU {iou:.3f}, of a box in the middle {of_middle:.3f}")


if __name__ == "__main__":
    run(main, __doc__)
