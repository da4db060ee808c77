"""Digits, with integer labels and the images as they are."""

from options import expect, load_digits, options

import hilevel


def main(epochs: int) -> None:
    (x_train, y_train), (x_test, y_test) = load_digits()

    model = hilevel.models.Sequential(
        [
            hilevel.layers.Flatten(input_shape=x_train.shape[1:]),
            hilevel.layers.Dense(128, activation="relu"),
            hilevel.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs)
    _, accuracy = model.evaluate(x_test, y_test)
    expect(accuracy > (0.9 if epochs >= 5 else 0.5), f"test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main(options(__doc__, epochs=5).epochs)
