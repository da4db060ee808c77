"""The common part of the data sets of house prices."""

from __future__ import annotations

import numpy as np

from hilevel.datasets._npz import read_npz
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch


def load(
    name: str, path: str, test_split: float, seed: int, count: int | None = None
) -> tuple[Arrays, Arrays]:
    """Return the first `count` houses, shuffled and split."""
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be at least 0 and less than 1; got {test_split}.")
    arrays = read_npz(fetch(name, path))
    x, y = arrays["x"][:count], arrays["y"][:count]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(x) * (1 - test_split))
    return (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]])
