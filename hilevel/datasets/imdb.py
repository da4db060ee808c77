"""IMDB: 50,000 film reviews, half for training, half for testing, that like the film (1) or do not (0).

Each review is a list of the numbers of its words, 1 for the most frequent. From "Learning Word Vectors for
Sentiment Analysis" by Maas and others, ACL 2011, https://ai.stanford.edu/~amaas/data/sentiment/; the numbering is
Keras's. No licence is stated; the authors of the collection ask to be cited. 17 MB; downloaded when first used.
"""

from __future__ import annotations

import json

import numpy as np

from hilevel.datasets._npz import read_npz
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch
from hilevel.datasets._words import frequent, numbered, ragged, shorter


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Arrays, Arrays]:
    """The reviews as lists of numbers: `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: the file's name in the cache.
        num_words: numbers from this on are taken out: only frequent words are left. None: all but the largest.
        skip_top: numbers below this one are taken out, too: the most frequent words say little.
        maxlen: only reviews with fewer words, the start counted, are kept.
        seed: what the order is made from.
        start_char: the number that every review begins with; None for no such number.
        oov_char: the number that stands for words taken out; where it is None, nothing stands there.
        index_from: what is added to the numbers of words, so that 0 can be padding.

    Returns:
        Arrays of lists, and labels, int64, 0 or 1; 25,000 each.

    >>> from hilevel.datasets import imdb
    >>> (x_train, y_train), _ = imdb.load_data(num_words=10_000)  # doctest: +SKIP
    >>> x_train[0][:5], y_train[0]  # doctest: +SKIP
    ([1, 14, 22, 16, 43], 1)
    """
    arrays = read_npz(fetch("imdb.npz", path))
    rng = np.random.RandomState(seed)
    parts = []
    for name in ("train", "test"):
        texts, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
        order = np.arange(len(texts))
        rng.shuffle(order)
        parts.append(shorter(numbered(texts[order], start_char, index_from), labels[order], maxlen))
    (x_train, y_train), (x_test, y_test) = parts
    texts = ragged(frequent(x_train + x_test, num_words, skip_top, oov_char))
    return (texts[: len(x_train)], y_train), (texts[len(x_train) :], y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word; `load_data` adds its `index_from`, 3, to it.

    Args:
        path: the file's name in the cache.

    >>> from hilevel.datasets import imdb
    >>> imdb.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    with open(fetch("imdb_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)
