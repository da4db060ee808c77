"""Classify handwritten digits: the first program to run, and to read.

Run it with `hilevel quickstart`; with `HILEVEL_BACKEND=jax` the same program is compiled through JAX.
"""

import argparse

import hilevel
from hilevel import layers


def build_model() -> hilevel.Sequential:
    """Return a small network, from 64 pixels to a probability for each of the ten digits."""
    return hilevel.Sequential(
        [
            layers.Input((8, 8)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def main(epochs: int = 30, seed: int = 42, verbose: str | int = "auto") -> hilevel.callbacks.History:
    """Train, evaluate and try the model. Return the history of the training."""
    hilevel.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = hilevel.datasets.digits.load_data()
    x_train, x_test = x_train / 16, x_test / 16
    print(f"{len(x_train)} images for training, {len(x_test)} for testing.\n")

    model = build_model()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    print()

    history = model.fit(
        x_train,
        y_train,
        epochs=epochs,
        verbose=verbose,
        validation_split=0.1,
        callbacks=[hilevel.callbacks.EarlyStopping(patience=5, restore_best_weights=True)],
    )

    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    predictions = model.predict(x_test[:5], verbose=0).argmax(axis=-1)
    print(f"\nTest accuracy: {accuracy:.4f}, on {len(x_test)} images that the model has not seen.")
    print(f"The first five predictions: {predictions.tolist()}, the labels: {y_test[:5].tolist()}.")
    show(x_test[0], int(predictions[0]))
    return history


def show(image, prediction: int) -> None:  # type: ignore[no-untyped-def]
    """Draw an image with characters."""
    print(f"\nThe first image, predicted as {prediction}:")
    for row in image:
        print("   " + "".join(" .:-=+*#%@"[int(value * 9)] * 2 for value in row))


NEXT = """
Next:
  - HILEVEL_BACKEND=jax hilevel quickstart   the same program, compiled   (pip install 'hilevel[jax]')
  - hilevel doctor                           the backends and devices
  - hilevel quickstart --epochs 5            a shorter training
The program is examples/quickstart.py; the tutorials are in docs/."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.seed)
    print(NEXT)
