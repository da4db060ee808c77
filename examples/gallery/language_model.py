"""Write text, character by character, with a small language model.

A transformer predicts the next character from all before. A causal mask hides the characters that follow, so that one
pass learns from all positions (GPT, Radford et al., 2018). The text grows by one character at a time, drawn from the
predicted probabilities.

It prints the bits for a character of unseen text, and a text in the style of Melville, more or less.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers, ops

LENGTH = 64


class Embedding(layers.Layer):
    """The sum of a vector for each character and one for each position."""

    def __init__(self, characters, size, **options):
        super().__init__(**options)
        self.characters = layers.Embedding(characters, size)
        self.positions = layers.Embedding(LENGTH, size)

    def call(self, text):
        return self.characters(text) + self.positions(ops.arange(LENGTH))


def make_model(characters, size, blocks, heads=4):
    text = layers.Input((LENGTH,), dtype="int32")
    x = Embedding(characters, size)(text)
    for _ in range(blocks):
        before = layers.LayerNormalization()(x)
        attended = layers.MultiHeadAttention(heads, size // heads)(before, before, use_causal_mask=True)
        x = layers.Add()([x, attended])
        hidden = layers.Dense(4 * size, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(size)(hidden)])
    return hilevel.Model(text, layers.Dense(characters)(layers.LayerNormalization()(x)))


def load_text():
    """Return the sentences of Melville as one text."""
    (sentences, authors), _ = hilevel.datasets.authors.load_data()
    return " ".join(sentences[authors == hilevel.datasets.authors.class_names.index("Herman Melville")])


def windows(codes, n, rng):
    """Return n pieces of the text, and the same pieces one character later."""
    starts = rng.integers(0, len(codes) - LENGTH, n)
    pieces = codes[starts[:, None] + np.arange(LENGTH + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def write(model, start, characters, n, rng, temperature=0.7):
    """Return a text with n more characters."""
    text = start
    for _ in range(n):
        seen = [characters.index(c) for c in text[-LENGTH:]]
        padded = np.array([seen + [0] * (LENGTH - len(seen))], "int32")
        scores = model.predict_on_batch(padded)[0, len(seen) - 1] / temperature
        chosen = np.argmax(scores + rng.gumbel(size=len(scores)))  # a draw from the softmax of the scores
        text += characters[chosen]
    return text


def bits_by_pairs(codes, n):
    """Return the bits for a character that is predicted from one character before."""
    count = np.full((n, n), 0.1)
    np.add.at(count, (codes[:-1], codes[1:]), 1)
    chance = count / count.sum(axis=1, keepdims=True)
    return -np.mean(np.log2(chance[codes[:-1], codes[1:]]))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    text = load_text()
    characters = sorted(set(text))
    codes = np.array([characters.index(c) for c in text], "int32")
    train, test = codes[:-8000], codes[-8000:]

    model = make_model(len(characters), *(32, 1) if quick else (64, 2))
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    epochs, pieces = (1, 1600) if quick else (7, 3200)
    rate = hilevel.optimizers.schedules.CosineDecay(0.004, epochs * pieces // 32, alpha=0.05)
    model.compile(hilevel.optimizers.Adam(rate), loss)
    for _ in range(epochs):
        model.fit(*windows(train, pieces, rng), batch_size=32)

    print(write(model, "It was ", characters, 20 if quick else 200, rng))
    bits = model.evaluate(*windows(test, 200, rng), verbose=0) / np.log(2)
    pairs = bits_by_pairs(train, len(characters))
    frequency = np.bincount(train) / len(train)
    single = -np.sum(frequency * np.log2(frequency + 1e-12))
    check(
        bits < (single - 0.3 if quick else pairs - 0.5),
        f"{bits:.2f} bits per character, from pairs of characters {pairs:.2f}, from their frequency {single:.2f}",
    )


if __name__ == "__main__":
    run(main, __doc__)
