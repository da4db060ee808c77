"""Reuters: 11,228 newswires of 1987, each of one of 46 topics.

Each is a list of word indices, 1 for the most frequent word. Made for Keras from Reuters-21578, by D. Lewis
and others, https://doi.org/10.24432/C52G6M. Reuters and Carnegie Group hold the copyright and let it be used for
research. 2 MB; downloaded when first used.
"""

from __future__ import annotations

import json

import numpy as np

from hilevel.datasets._npz import read_npz
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch
from hilevel.datasets._words import add_offset, array_of_lists, keep_frequent, keep_shorter

TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Arrays, Arrays]:
    """Return the newswires as lists of word indices: `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: the name of the file in the cache.
        num_words: the limit, excluded, of the word indices: only frequent words are kept. None for the largest index.
        skip_top: the lowest word index that is kept, to drop the most frequent words.
        maxlen: only newswires with fewer words, including the start, are kept; None for all.
        test_split: the fraction for testing, at least 0 and less than 1.
        seed: the seed of the order.
        start_char: the index at the start of every newswire; None for no start.
        oov_char: the index that replaces dropped words; None for no replacement.
        index_from: the offset that is added to the word indices, so that 0 can be padding.

    Returns:
        Arrays of lists, and labels, int64, from 0 to 45.

    >>> from hilevel.datasets import reuters
    >>> (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=10_000)  # doctest: +SKIP
    >>> len(x_train), len(x_test)  # doctest: +SKIP
    (8982, 2246)
    """
    arrays = read_npz(fetch("reuters.npz", path))
    order = np.arange(len(arrays["x"]))
    np.random.RandomState(seed).shuffle(order)
    texts = add_offset(arrays["x"][order], start_char, index_from)
    texts, labels = keep_shorter(texts, arrays["y"][order], maxlen)
    x = array_of_lists(keep_frequent(texts, num_words, skip_top, oov_char))
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], labels[:cut]), (x[cut:], labels[cut:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the index of each word, to which `load_data` adds `index_from`.

    Args:
        path: the name of the file in the cache.

    >>> from hilevel.datasets import reuters
    >>> reuters.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    with open(fetch("reuters_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)


def get_label_names() -> tuple[str, ...]:
    """Return the topics in the order of the labels.

    >>> from hilevel.datasets import reuters
    >>> reuters.get_label_names()[3]
    'earn'
    """
    return tuple(TOPICS.split())
