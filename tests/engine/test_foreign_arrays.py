"""NumPy arrays that are not in the byte order of this machine, or hold no numbers: alike on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dtype_cases import BINARY, HOST_ONLY, SQUARE, UNARY

import hilevel
from hilevel import layers, ops, tree

ONES = np.ones((4, 4))
NO_NUMBERS = {
    "structured": np.zeros((4, 4), [("a", "i4"), ("b", "f4")]),
    "text": np.full((4, 4), "a"),
    "dates": np.zeros((4, 4), "M8[s]"),
}
UNSEEN = {"scatter", "size", *HOST_ONLY, *SQUARE, "matrix_power", "lstsq", "solve", "solve_triangular"}
"""Ops whose case does not look at the elements of the first tensor, takes them as numbers of Python, or multiplies
them."""
ON_JAX = "abs add all argmax bincount clip concatenate conv cumsum dense einsum exp getitem matmul pad reshape scan split sum take where"


def names(backend: Any) -> list[str]:
    """All ops; on JAX some, as it compiles each."""
    return [*UNARY, *BINARY] if backend.name == "numpy" else ON_JAX.split()


def call(name: str, x: Any) -> Any:
    op = getattr(ops, name)
    return UNARY[name](op, x) if name in UNARY else BINARY[name](op, x, x)


def outcome(name: str, x: Any) -> Any:
    try:
        return [y for y in tree.flatten(call(name, x)) if hasattr(y, "dtype")]
    except (TypeError, ValueError):
        return "refused"


@pytest.mark.parametrize("dtype", ["i4", "f4", "u2"])
def test_big_endian_arrays_are_taken(dtype: str, backend: Any) -> None:
    with np.errstate(all="ignore"):
        for name in names(backend):
            found, expected = (outcome(name, ONES.astype(order + dtype)) for order in "><")
            assert (found == "refused") == (expected == "refused"), name
            if expected != "refused":
                assert all(np.dtype(y.dtype).isnative for y in found), name
                for y, right in zip(found, expected, strict=True):
                    assert y.dtype == right.dtype, name
                    np.testing.assert_array_equal(ops.convert_to_numpy(y), ops.convert_to_numpy(right))


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_arrays_without_numbers_are_refused(kind: str, backend: Any) -> None:
    for name in [*UNARY, *BINARY]:
        if name not in UNSEEN:
            with pytest.raises(TypeError, match="Expected an array of a numeric or boolean dtype; got dtype"):
                call(name, NO_NUMBERS[kind])


def test_where_arrays_enter(backend: Any) -> None:
    """Tensors, Variables, layers, keys, compiled functions."""
    for kind in (">i4", ">f4", ">f8"):
        x = ONES.astype(kind)
        variable = hilevel.Variable(x)
        entered = [ops.convert_to_tensor(x), variable.assign(x).read(), hilevel.jit(lambda a: a * 2)(x)]
        assert all(y.dtype == x.dtype.newbyteorder("=") and y.dtype.isnative for y in entered)
        assert layers.Dense(2)(x).dtype == np.float32
    index = np.array([2, 1], ">i8")
    for y in (ops.getitem(np.arange(4), index), ops.take(np.arange(4), index)):
        assert ops.convert_to_numpy(y).tolist() == [2, 1]
    for x in NO_NUMBERS.values():
        for enter in (ops.convert_to_tensor, hilevel.Variable, hilevel.jit(lambda a: a * 2), layers.Dense(2)):
            with pytest.raises(TypeError, match="Expected an array of a numeric or boolean dtype"):
                enter(x)


def test_fit_with_big_endian_integers(backend: Any) -> None:
    hilevel.set_random_seed(0)
    model = hilevel.Sequential(
        [layers.Embedding(5, 3), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.arange(32).reshape(8, 4) % 5, np.arange(8) % 2
    losses = model.fit(x.astype(">i4"), y.astype(">i8"), epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(model.predict(x.astype(">i4"), verbose=0), model.predict(x, verbose=0))
