"""The shuffling and splitting of the data sets that are shipped with hilevel."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from hilevel.random.functions import permutation

Arrays: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def shuffled_split(
    x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], test_fraction: float, seed: int
) -> tuple[Arrays, Arrays]:
    """Return `(x_train, y_train), (x_test, y_test)` in an order that depends on the seed only."""
    order = permutation(len(y), seed, 0)
    x, y = x[order], y[order]
    cut = len(y) - math.ceil(len(y) * test_fraction)
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
