"""An LSTM with attention over its sequence, scored by dot product, by cosine, by Euclidean distance and by addition.

Each sequence has 20 numbers, and one of them carries a mark. The answer is that number: what the last step has to do is to look back
at the right one.
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import layers


def data(n: int):
    """Sequences of shape (n, 20, 2), a number and a mark at each step, and the marked numbers, (n, 1)."""
    rng = np.random.default_rng(0)
    numbers = rng.uniform(-1, 1, (n, 20)).astype("float32")
    marked = rng.integers(0, 20, n)
    marks = (np.arange(20) == marked[:, None]).astype("float32")
    return np.stack([numbers, marks], axis=-1), numbers[np.arange(n), marked][:, None]


def build(score_mode: str) -> hilevel.Model:
    """The last state asks, all states answer."""
    inputs = hilevel.Input((20, 2))
    states, last, _ = layers.LSTM(32, return_sequences=True, return_state=True)(inputs)
    query = layers.Reshape((1, 32))(layers.Dense(32)(last))
    found = layers.Attention(use_scale=True, score_mode=score_mode)([query, states])
    outputs = layers.Dense(1)(layers.Concatenate()([layers.Flatten()(found), last]))
    return hilevel.Model(inputs, outputs, name=f"attention_{score_mode}")


def main(epochs: int) -> None:
    x, y = data(2500)
    variance = float(np.var(y[2000:]))
    for score_mode in ("dot", "cosine", "euclidean", "concat"):
        model = build(score_mode)
        model.compile(optimizer=hilevel.optimizers.Adam(0.005), loss="mean_squared_error")
        model.fit(x[:2000], y[:2000], epochs=epochs, batch_size=50, verbose=0)
        error = model.evaluate(x[2000:], y[2000:], verbose=0)
        explained = 1 - error / variance
        expect(
            explained > (0.9 if epochs >= 15 else 0.0),
            f"{score_mode}: {explained:.1%} of the variance is explained",
        )


if __name__ == "__main__":
    main(options(__doc__, epochs=15).epochs)
