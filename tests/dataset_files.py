"""Small files in the formats of the data sets, and what `load_data` is asked of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WORDS: list[dict[str, Any]] = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 8, "seed": 7},
    {"num_words": 15, "oov_char": None},
    {"maxlen": 6},
    {"start_char": None, "index_from": 5},
    {"start_char": None, "index_from": 0, "num_words": 30},
]

CASES: dict[str, list[dict[str, Any]]] = {
    "imdb": WORDS,
    "reuters": [*WORDS, {"test_split": 0.5}],
    "california_housing": [{}, {"version": "small", "test_split": 0.3}, {"seed": 1}],
    "boston_housing": [{}, {"test_split": 0.5, "seed": 2}],
}


def texts(rng: np.random.RandomState, count: int) -> np.ndarray[Any, Any]:
    """Lists of the numbers of words, of one word to eleven."""
    lists = [[int(n) for n in rng.randint(1, 40, rng.randint(1, 12))] for _ in range(count)]
    return np.fromiter(lists, object, count)


def write(name: str, path: Path) -> None:
    """The npz file of a data set, small."""
    rng = np.random.RandomState(0)
    if name == "imdb":
        arrays = {f"x_{part}": texts(rng, 12) for part in ("train", "test")}
        arrays |= {f"y_{part}": rng.randint(0, 2, 12) for part in ("train", "test")}
    elif name == "reuters":
        arrays = {"x": texts(rng, 15), "y": rng.randint(0, 46, 15)}
    else:
        count = 610 if name == "california_housing" else 11
        arrays = {"x": np.arange(count * 2.0).reshape(count, 2), "y": np.arange(float(count))}
    np.savez(path, **arrays)


def plain(split: Any) -> Any:
    """What `load_data` returned, as JSON has it."""
    return [[part.dtype.name, part.tolist()] for pair in split for part in pair]
