"""Symbolic tensors: attributes, representation, and errors where values are needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops


def test_attributes_cannot_be_set() -> None:
    x: Any = hilevel.KerasTensor((2, 3), "int32", ragged=True, name="x")
    assert (x.shape, x.dtype, x.ragged, x.sparse, x.ragged_rank, x.row_splits_dtype) == (
        (2, 3), "int32", True, False, 1, "int64",
    )  # fmt: skip
    for name in ("shape", "dtype", "sparse", "ragged"):
        with pytest.raises(AttributeError):
            setattr(x, name, None)


def test_sparse_and_ragged_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="either sparse or ragged"):
        hilevel.KerasTensor((2,), sparse=True, ragged=True)


def test_representation() -> None:
    assert (
        repr(hilevel.KerasTensor((None, 3), name="x"))
        == "<KerasTensor shape=(None, 3), dtype=float32, name=x>"
    )


@pytest.mark.parametrize("read", [bool, float, int, iter, len])
def test_values_and_unknown_lengths_are_type_errors(read: Any) -> None:
    with pytest.raises(TypeError, match=r"symbolic tensor"):
        read(hilevel.Input((3,)))


def test_as_array_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="has no values"):
        np.asarray(hilevel.Input((3,)))


def test_the_size_is_symbolic_if_it_is_unknown() -> None:
    x = hilevel.Input((3,))
    assert ops.size(ops.ones((2, 3))) == 6
    n: Any = ops.size(x)
    assert (n.shape, n.dtype) == ((), "int32")
    model = hilevel.Model(x, ops.sum(x) / ops.cast(n, "float32"))
    assert float(model(np.ones((4, 3), "float32"))) == 1.0
