"""Distil a large network into a small one that never sees the digit 3.

The targets of the small network are the probabilities of the large one, at a temperature that makes them softer. They tell
how similar an image is to each digit. So the small network recognizes most threes, although no three is among its images
(Hinton, Vinyals and Dean, 2015). Labels do not tell this.

It prints the accuracy on threes, and on all digits, of small networks trained on labels and on soft targets.
"""

from checks import check, run

import hilevel
from hilevel import layers, ops

MISSING, TEMPERATURE = 3, 10.0


def make_teacher():
    return hilevel.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(10),
        ]
    )


def make_student():
    return hilevel.Sequential([layers.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10)])


class Distillation(hilevel.Model):
    """A student that learns the soft targets of a teacher."""

    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.trainable = False

    def call(self, images, training=False):
        return self.student(images, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        target = ops.softmax(self.teacher(x, training=False) / TEMPERATURE)
        loss = ops.categorical_crossentropy(target, y_pred / TEMPERATURE, from_logits=True)
        return TEMPERATURE**2 * ops.mean(loss)


def train(model, x, y, epochs):
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(hilevel.optimizers.Adam(0.002), loss)
    model.fit(x, y, batch_size=32, epochs=epochs)


def accuracies(model, x, y):
    """Return the accuracy on the missing digit, and on all."""
    right = model.predict(x, verbose=0).argmax(axis=-1) == y
    return right[y == MISSING].mean(), right.mean()


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = hilevel.datasets.digits.load_data()
    x_train, x_test = ((x.reshape(-1, 64) / 16).astype("float32") for x in (x_train, x_test))
    shown = y_train != MISSING
    teacher, by_labels, by_teacher = make_teacher(), make_student(), make_student()

    train(teacher, x_train, y_train, epochs=5 if quick else 10)
    train(by_labels, x_train[shown], y_train[shown], epochs=5 if quick else 60)
    train(Distillation(by_teacher, teacher), x_train[shown], y_train[shown], epochs=15 if quick else 60)

    for name, model in {"teacher": teacher, "by labels": by_labels, "by the teacher": by_teacher}.items():
        print("{}: {:.3f} of the threes, {:.3f} of all".format(name, *accuracies(model, x_test, y_test)))
    without, (threes, _) = accuracies(by_labels, x_test, y_test)[0], accuracies(by_teacher, x_test, y_test)
    check(
        without == 0 and threes > (0.2 if quick else 0.7),
        f"{threes:.3f} of the threes without one in training, by labels {without:.3f}",
    )


if __name__ == "__main__":
    run(main, __doc__)
