"""Digits, with one-hot labels: the first program of many tutorials."""

from options import expect, load_digits, options

import hilevel


def main(epochs: int) -> None:
    (x_train, y_train), (x_test, y_test) = load_digits()
    pixels = x_train[0].size
    x_train = x_train.reshape(-1, pixels)
    x_test = x_test.reshape(-1, pixels)
    y_train = hilevel.utils.to_categorical(y_train, 10)
    y_test = hilevel.utils.to_categorical(y_test, 10)

    model = hilevel.Sequential(
        [
            hilevel.layers.Dense(128, activation="relu", input_shape=(pixels,)),
            hilevel.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=128)
    _, accuracy = model.evaluate(x_test, y_test)
    expect(accuracy > (0.9 if epochs >= 10 else 0.3), f"test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main(options(__doc__, epochs=10).epochs)
