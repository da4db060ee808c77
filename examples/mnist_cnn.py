"""Digits, by a convolutional network."""

from options import expect, load_digits, options

from hilevel.layers import Conv2D, Dense, Flatten, MaxPooling2D
from hilevel.models import Sequential


def main(epochs: int) -> None:
    (X_train, Y_train), (X_test, Y_test) = load_digits()
    shape = (*X_train.shape[1:], 1)
    X_train = X_train.reshape(-1, *shape)
    X_test = X_test.reshape(-1, *shape)

    model = Sequential(
        [
            Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=shape),
            MaxPooling2D(pool_size=(2, 2)),
            Flatten(),
            Dense(128, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X_train, Y_train, epochs=epochs, batch_size=128)
    test_loss, test_acc = model.evaluate(X_test, Y_test)
    expect(test_acc > (0.93 if epochs >= 10 else 0.3), f"Test accuracy: {test_acc:.3f}")


if __name__ == "__main__":
    main(options(__doc__, epochs=10).epochs)
