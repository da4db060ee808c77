"""The next value of a series, by an LSTM and by a plain recurrent network.

The series is a sum of two waves with noise; ten values are given. (With random numbers for the series there would be nothing to
learn.) What the networks are measured against: to say that the next value is the last one again.
"""

import numpy as np
from options import expect, options

from hilevel.layers import LSTM, Dense, SimpleRNN
from hilevel.models import Sequential


def series(n: int):
    """Windows of ten values, of shape (n, 10, 1), and the value that follows each, (n, 1)."""
    rng = np.random.default_rng(0)
    t = np.arange(n + 10)
    wave = np.sin(t / 2.5) + 0.5 * np.sin(t / 1.3) + rng.normal(0, 0.05, len(t))
    windows = np.lib.stride_tricks.sliding_window_view(wave.astype("float32"), 11)
    return windows[:, :10, None], windows[:, 10:]


def main(epochs: int) -> None:
    X, Y = series(600)
    X_train, Y_train, X_test, Y_test = X[:500], Y[:500], X[500:], Y[500:]
    naive = np.sqrt(np.mean((X_test[:, -1] - Y_test) ** 2))

    for layer in (LSTM(50, activation="relu", input_shape=(10, 1)), SimpleRNN(50, input_shape=(10, 1))):
        model = Sequential([layer, Dense(1)])
        model.compile(optimizer="adam", loss="mean_squared_error")
        model.fit(X_train, Y_train, epochs=epochs, batch_size=10, verbose=0)
        error = np.sqrt(model.evaluate(X_test, Y_test, verbose=0))
        X_new = np.full((1, 10, 1), 0.5)  # one series of ten steps of one number each
        print("After ten times 0.5 comes", round(float(model.predict(X_new, verbose=0)[0, 0]), 3))
        name = type(layer).__name__
        expect(
            error < naive / (4 if epochs >= 20 else 1.5), f"{name}: error {error:.3f}; repeating: {naive:.3f}"
        )


if __name__ == "__main__":
    main(options(__doc__, epochs=20).epochs)
