"""The common part of data sets of texts, which are lists of word indices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Texts = list[list[int]]


def add_offset(texts: Iterable[Iterable[int]], start_char: int | None, index_from: int | None) -> Texts:
    """Return the texts with `index_from` added to the words, and with an index for the start."""
    start = [] if start_char is None else [start_char]
    return [[*start, *(word + (index_from or 0) for word in text)] for text in texts]


def keep_shorter(texts: Texts, labels: Array, maxlen: int | None) -> tuple[Texts, Array]:
    """Return the texts of fewer than `maxlen` words, and their labels."""
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"No text is shorter than maxlen={maxlen} words; take a larger one.")
    return [texts[i] for i in kept], labels[kept]


def keep_frequent(texts: Texts, num_words: int | None, skip_top: int, oov_char: int | None) -> Texts:
    """Return the texts with words outside `skip_top` to `num_words` replaced by `oov_char`, or dropped if it is None.

    Without `num_words` the limit, excluded, is the largest index, as in Keras.
    """
    limit = num_words or max(max(text) for text in texts)
    other = [] if oov_char is None else [oov_char]
    return [[w for word in text for w in ([word] if skip_top <= word < limit else other)] for text in texts]


def array_of_lists(texts: Texts) -> Array:
    """Return an array of lists."""
    return np.fromiter(texts, dtype=object, count=len(texts))
