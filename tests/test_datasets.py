"""Data sets: what is shipped, and what is fetched, from a server of our own that misbehaves on demand."""

from __future__ import annotations

import re
from types import ModuleType

import numpy as np
import pytest

from hilevel.datasets import authors, digits

# -- shipped ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", [authors, digits])
def test_the_split_is_that_of_the_seed(shipped: ModuleType) -> None:
    (x, y), (u, v) = shipped.load_data(test_fraction=0.1, seed=3)
    (again, _), _ = shipped.load_data(test_fraction=0.1, seed=3)
    (other, _), (all_of_it, labels) = shipped.load_data(test_fraction=1.0, seed=4)
    assert len(x) == len(y) and len(u) == len(v) == -(-len(labels) // 10) and len(other) == 0
    assert np.array_equal(x, again) and not np.array_equal(x, all_of_it[: len(x)])
    both = sorted(map(str, np.concatenate([x, u]))), sorted(map(str, all_of_it))
    assert both[0] == both[1]


def test_authors_is_balanced_and_names_nobody() -> None:
    (x, y), _ = authors.load_data(test_fraction=0.0)
    assert np.bincount(y).tolist() == [1200, 1200, 1200] and y.dtype == np.int32
    assert len(set(x)) == 3600 and all(str(text).isascii() for text in x)
    lengths = [len(re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)) for text in x]
    assert min(lengths) == 12 and max(lengths) == 40
    names = (
        "Emma Elinor Marianne Anne Wentworth Brown Turnbull MacIan Syme Ahab Starbuck Stubb Queequeg Pequod"
    )
    assert not [t for t in x if set(re.findall("[A-Za-z]+", t)) & set(names.split())]
