"""Where `intp` has 32 bits, as in WebAssembly: on a stand-in, NumPy with functions that are as strict as there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hilevel import layers, ops


def strict(function: Callable[..., Any], position: int) -> Callable[..., Any]:
    """The function, which refuses an array of integers that do not fit 32 bits at a position of its arguments."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        x = args[position]
        if isinstance(x, np.ndarray) and not np.can_cast(x.dtype, np.int32, "safe"):
            raise TypeError(
                f"Cannot cast array data from {x.dtype!r} to dtype('int32') according to the rule 'safe'"
            )
        y = function(*args, **kwargs)
        return y.astype(np.int32) if function is _bincount and y.dtype == np.int64 else y

    return call


_bincount = np.bincount


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy as it is where `intp` has 32 bits."""
    monkeypatch.setattr(np, "intp", np.int32)
    monkeypatch.setattr(np, "bincount", strict(np.bincount, 0))
    monkeypatch.setattr(np, "repeat", strict(np.repeat, 1))


def test_the_stand_in_refuses(narrow: None) -> None:
    with pytest.raises(TypeError, match="Cannot cast"):
        np.bincount(np.array([1], np.int64))


COUNTING = [
    ("StringLookup", {"vocabulary": ["a", "b"]}, [["a", "b", "b"]], [0, 1, 2]),
    ("IntegerLookup", {"vocabulary": [4, 7]}, [[4, 7, 7]], [0, 1, 2]),
    ("TextVectorization", {"vocabulary": ["a", "b"]}, ["a b b"], [0, 1, 2]),
    ("Hashing", {"num_bins": 1}, [["a", "b", "b"]], [3]),
    ("Discretization", {"bin_boundaries": [0.0]}, [[-1.0, 1.0, 2.0]], [1, 2]),
    ("CategoryEncoding", {"num_tokens": 3}, [[0, 2, 2]], [1, 0, 2]),
]


@pytest.mark.parametrize(("name", "options", "data", "expected"), COUNTING)
def test_layers_count(name: str, options: Any, data: Any, expected: Any, narrow: None, backend: Any) -> None:
    make = lambda mode: getattr(layers, name)(**options, output_mode=mode)
    x = np.asarray(data)
    assert ops.convert_to_numpy(make("count")(x)).tolist() == [expected]
    assert ops.convert_to_numpy(make("multi_hot")(x)).tolist() == [[min(n, 1) for n in expected]]


def test_the_dtype_of_counts_and_integers(narrow: None, backend: Any) -> None:
    """It does not depend on the platform's integers."""
    lookup = layers.StringLookup(vocabulary=["a"], output_mode="count")
    assert ops.dtype(lookup([["a"]])) == "int64"
    assert {ops.dtype(ops.convert_to_tensor(x)) for x in (3, [1, 2], [[1], [2]], True + 1)} == {"int32"}
    assert ops.dtype(ops.arange(3)) == ops.dtype(ops.bincount(np.array([1, 2]))) == "int32"


def test_repeats_may_be_int64(narrow: None, backend: Any) -> None:
    y = ops.repeat(np.array([1.0, 2.0]), np.array([1, 2], np.int64), axis=0)
    assert ops.convert_to_numpy(y).tolist() == [1.0, 2.0, 2.0]
