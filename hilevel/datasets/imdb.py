"""IMDB: 50,000 film reviews, half for training, half for testing, positive (1) or negative (0).

Each review is a list of word indices, 1 for the most frequent word. From "Learning Word Vectors for
Sentiment Analysis" by Maas and others, ACL 2011, https://ai.stanford.edu/~amaas/data/sentiment/; the numbering is
Keras's. No licence is stated; the authors of the collection ask to be cited. 17 MB; downloaded when first used.
"""

from __future__ import annotations

import json

import numpy as np

from hilevel.datasets._npz import read_npz
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch
from hilevel.datasets._words import add_offset, array_of_lists, keep_frequent, keep_shorter


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
    """Return the reviews as lists of word indices: `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: the name of the file in the cache.
        num_words: the limit, excluded, of the word indices: only frequent words are kept. None for the largest index.
        skip_top: the lowest word index that is kept, to drop the most frequent words.
        maxlen: only reviews with fewer words, including the start, are kept; None for all.
        seed: the seed of the order.
        start_char: the index at the start of every review; None for no start.
        oov_char: the index that replaces dropped words; None for no replacement.
        index_from: the offset that is added to the word indices, so that 0 can be padding.

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
        parts.append(keep_shorter(add_offset(texts[order], start_char, index_from), labels[order], maxlen))
    (x_train, y_train), (x_test, y_test) = parts
    texts = array_of_lists(keep_frequent(x_train + x_test, num_words, skip_top, oov_char))
    return (texts[: len(x_train)], y_train), (texts[len(x_train) :], y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the index of each word, to which `load_data` adds `index_from`.

    Args:
        path: the name of the file in the cache.

    >>> from hilevel.datasets import imdb
    >>> imdb.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    with open(fetch("imdb_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)
