"""Translate dates, such as "March 5, 1998" to 1998-03-05, with an encoder, a decoder and attention.

The encoder reads the date in both directions. For each character that it writes, the decoder chooses the characters that it
looks at (Bahdanau, Cho and Bengio, 2015; Luong, Pham and Manning, 2015). In training the decoder gets the right characters
before (teacher forcing), and afterwards its own.

It prints translations, and the fraction of test dates that are right to the last character.
"""

import datetime

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

FORMATS = ["%B %d, %Y", "%d %B %Y", "%d.%m.%y", "%a %d %b %Y", "%m/%d/%y", "%A, %B %d, %Y"]
READ = sorted(set(" ,./:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
WRITTEN = "^-0123456789"  # the first one starts a date
LENGTH = 29


def encode(texts, characters, length):
    """Return the indices of characters, from 1, and 0 after the end."""
    codes = np.zeros((len(texts), length), "int32")
    for row, text in zip(codes, texts):
        row[: len(text)] = [characters.index(c) + 1 for c in text]
    return codes


def make_dates(n, seed):
    """Return dates in several formats, and in the format of ISO 8601."""
    rng = np.random.default_rng(seed)
    first = datetime.date(1970, 1, 1).toordinal()
    dates = [datetime.date.fromordinal(first + int(day)) for day in rng.integers(0, 50 * 365, n)]
    return [date.strftime(rng.choice(FORMATS)) for date in dates], [date.isoformat() for date in dates]


def make_model(size):
    read = layers.Input((LENGTH,), dtype="int32")
    before = layers.Input((None,), dtype="int32")
    x = layers.Embedding(len(READ) + 1, 32, mask_zero=True)(read)
    states = layers.Bidirectional(layers.GRU(size, return_sequences=True), merge_mode="sum")(x)
    y = layers.Embedding(len(WRITTEN) + 1, 16)(before)
    summary = layers.GlobalAveragePooling1D()(states)
    query = layers.GRU(size, return_sequences=True)(y, initial_state=summary)
    found = layers.Attention(use_scale=True)([query, states])
    hidden = layers.Dense(size, activation="tanh")(layers.Concatenate()([query, found]))
    return hilevel.Model([read, before], layers.Dense(len(WRITTEN) + 1)(hidden))


def translate(model, codes):
    """Write the most likely character again and again, for a batch of dates."""
    written = encode(["^"] * len(codes), WRITTEN, 10)
    for place in range(10):
        chosen = model.predict_on_batch([codes, written])[:, place].argmax(axis=-1)
        if place < 9:
            written[:, place + 1] = chosen
    codes = np.concatenate([written[:, 1:], chosen[:, None]], axis=1)
    return ["".join(WRITTEN[c - 1] for c in row if c) for row in codes]


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    texts, dates = make_dates(1280 if quick else 9600, seed=0)
    codes, right = encode(texts, READ, LENGTH), encode(dates, WRITTEN, 10)
    before = encode(["^" + date[:-1] for date in dates], WRITTEN, 10)

    model = make_model(32 if quick else 64)
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(hilevel.optimizers.Adam(0.005), loss, metrics=["accuracy"])
    model.fit([codes, before], right, batch_size=64, epochs=3 if quick else 10)

    texts, dates = make_dates(200, seed=1)
    answers = translate(model, encode(texts, READ, LENGTH))
    for text, answer in zip(texts[:4], answers):
        print(f"{text:>28} -> {answer}")
    whole = np.mean([answer == date for answer, date in zip(answers, dates)])
    pairs = [c == d for answer, date in zip(answers, dates) for c, d in zip(answer, date)]
    character = np.sum(pairs) / (10 * len(dates))
    check(
        character > 0.6 if quick else whole > 0.95,
        f"{whole:.3f} of the dates are right, {character:.3f} of the characters",
    )


if __name__ == "__main__":
    run(main, __doc__)
