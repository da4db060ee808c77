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


def test_a_symbolic_tensor_is_found_among_others() -> None:
    x, y, z = hilevel.Input((3,)), hilevel.Input((3,)), hilevel.Input((2,))
    assert x in [z, y, x] and x not in (y, z)
    assert [z, y, x].index(x) == 2
    assert (x == y).shape == (None, 3)
    assert x in ["x", None, x] and (x == None) is False and (x == "x") is False  # noqa: E711
    with pytest.raises(TypeError):
        bool(x == 0)
    with pytest.raises(TypeError):
        bool(ops.equal(x, x))


def test_arrays_take_sizes_that_are_symbolic(backend: Any) -> None:
    x = hilevel.Input((3,))
    n = ops.size(x) // 3
    for y, shape in (
        (ops.reshape(np.arange(6.0), (n, -1)), (None, None)),
        (ops.reshape(np.arange(6.0), ops.stack([n, -1])), (None, None)),
        (ops.broadcast_to(np.zeros(3), (n, 3)), (None, 3)),
        (ops.reshape(np.zeros(20), hilevel.KerasTensor((2,), "int32")), (None, None)),
    ):
        assert y.shape == shape
    model = hilevel.Model(x, ops.reshape(np.arange(6.0), (n, -1)))
    assert model(np.ones((2, 3), "float32")).shape == (2, 3)


def test_sparse_data_are_dense() -> None:
    x = hilevel.KerasTensor((2, 3), sparse=True)
    assert [ops.convert_to_tensor(x, sparse=s).sparse for s in (None, True, False)] == [True, True, False]
    assert ops.convert_to_tensor([1.0], sparse=True).shape == (1,)
    calls: list[Any] = [
        lambda: ops.one_hot([1], 2, sparse=True), lambda: ops.multi_hot([1], 2, sparse=True),
        lambda: ops.bincount([1], sparse=True),
        lambda: hilevel.layers.StringLookup(vocabulary=["a"], output_mode="multi_hot", sparse=True)(["a"]),
        lambda: hilevel.layers.TextVectorization(vocabulary=["a"], output_mode="multi_hot", sparse=True)(["a"]),
    ]  # fmt: skip
    for call in calls:
        with pytest.warns(hilevel.errors.HilevelWarning, match="result is dense"):
            np.testing.assert_array_equal(np.ravel(call()), [0, 1])
