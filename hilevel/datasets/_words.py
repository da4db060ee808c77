"""What data sets of texts share: lists of the numbers of words, and what `load_data` may change in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Texts = list[list[int]]


def numbered(texts: Iterable[Iterable[int]], start_char: int | None, index_from: int | None) -> Texts:
    """The texts with words counted from `index_from`, after a mark of the start."""
    start = [] if start_char is None else [start_char]
    return [[*start, *(word + (index_from or 0) for word in text)] for text in texts]


def shorter(texts: Texts, labels: Array, maxlen: int | None) -> tuple[Texts, Array]:
    """The texts of fewer than `maxlen` words."""
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"No text is shorter than maxlen={maxlen} words; take a larger one.")
    return [texts[i] for i in kept], labels[kept]


def frequent(texts: Texts, num_words: int | None, skip_top: int, oov_char: int | None) -> Texts:
    """The words from `skip_top` up to `num_words`; others become `oov_char`, or are left out where that is None.

    Without `num_words` the limit is the largest number there is, which itself is over the limit, as in Keras.
    """
    limit = num_words or max(max(text) for text in texts)
    other = [] if oov_char is None else [oov_char]
    return [[w for word in text for w in ([word] if skip_top <= word < limit else other)] for text in texts]


def ragged(texts: Texts) -> Array:
    """An array of lists."""
    return np.fromiter(texts, dtype=object, count=len(texts))
