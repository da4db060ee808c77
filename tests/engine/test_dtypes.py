"""The table of `hilevel.engine.dtypes`, row by row, on each backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops
from hilevel.engine import dtypes

PAIRS = [
    ("float32", "float64", "float64"),
    ("float16", "float32", "float32"),
    ("float16", "bfloat16", "float32"),
    ("bfloat16", "float32", "float32"),
    ("bfloat16", "int32", "bfloat16"),
    ("float16", "int64", "float16"),
    ("float32", "bool", "float32"),
    ("int32", "int64", "int64"),
    ("int32", "uint32", "int32"),
    ("int64", "uint32", "int64"),
    ("int64", "uint64", "float32"),
    ("uint8", "int8", "int16"),
    ("int8", "bool", "int8"),
    ("bool", "bool", "bool"),
]


@pytest.mark.parametrize("a, b, expected", PAIRS)
def test_two_arrays(backend: Any, a: str, b: str, expected: str) -> None:
    if "bfloat16" in (a, b):
        pytest.importorskip("ml_dtypes")
    x, y = (backend.asarray(np.ones(2).astype(dtypes.as_dtype(t))) for t in (a, b))
    assert ops.dtype(ops.maximum(x, y)) == ops.dtype(ops.maximum(y, x)) == expected
    assert dtypes.result_type(a, b) == dtypes.result_type(b, a) == expected


NUMBERS = [
    ("float16", 2, "float16"), ("float16", 2.5, "float16"), ("float64", 0.1, "float64"), ("int32", 2, "int32"),
    ("int8", 2, "int8"), ("int8", 0.5, "float32"), ("bool", 2, "int32"), ("bool", 0.5, "float32"), ("bool", True, "bool"),
]  # fmt: skip


@pytest.mark.parametrize("dtype, number, expected", NUMBERS)
def test_array_with_a_number(backend: Any, dtype: str, number: float, expected: str) -> None:
    x = backend.asarray(np.ones(2, dtype))
    for result in (ops.maximum(x, number), ops.maximum(number, x), ops.where(x > 0, x, number)):
        assert ops.dtype(result) == expected
    assert dtypes.result_type(dtype, type(number)) == expected


def test_a_number_keeps_its_precision(backend: Any) -> None:
    x = backend.asarray(np.ones(1))
    assert float(ops.convert_to_numpy(x * 0.1 + ops.multiply(x, 0.2))[0]) == 0.1 + 0.2


MADE = [
    ([1.5, 2], "float32"), ([1, 2], "int32"), ([True], "bool"), (1.5, "float32"), (3, "int32"), (True, "bool"),
    (np.ones(2), "float64"), (np.float64(1), "float64"), ([np.float64(1)], "float64"), (np.arange(2), "int64"),
]  # fmt: skip


@pytest.mark.parametrize("data, expected", MADE, ids=str)
def test_made_of(backend: Any, data: Any, expected: str) -> None:
    assert ops.dtype(ops.convert_to_tensor(data)) == expected


RESULTS = [
    (lambda x: ops.sum(x > 0), "int32"), (lambda x: ops.sum(x.astype("int8")), "int32"),
    (lambda x: ops.prod(x.astype("uint8")), "uint32"), (lambda x: ops.cumsum(x > 0), "int32"),
    (lambda x: ops.mean(x.astype("int64")), "float32"), (lambda x: ops.mean(x.astype("float16")), "float16"),
    (lambda x: ops.argmax(x), "int32"), (lambda x: ops.argsort(x), "int32"), (lambda x: ops.nonzero(x)[0], "int32"),
    (lambda x: ops.divide(x.astype("int32"), 2), "float32"), (lambda x: ops.floor_divide(x > 0, x > 0), "int32"),
    (lambda x: ops.top_k(x, 1)[1], "int32"), (lambda x: ops.count_nonzero(x), "int32"),
    (lambda x: ops.searchsorted(x, x), "int32"), (lambda x: ops.exp(x > 0), "float32"), (lambda x: x == x, "bool"),
    (lambda x: ops.arange(3), "int32"), (lambda x: ops.arange(3.0), "float32"), (lambda x: ops.zeros(2), "float32"),
    (lambda x: ops.one_hot(ops.argsort(x), 3), "float32"), (lambda x: ops.softmax(x.astype("float16")), "float16"),
]  # fmt: skip


@pytest.mark.parametrize("function, expected", RESULTS)
def test_results(backend: Any, function: Any, expected: str) -> None:
    assert ops.dtype(function(backend.asarray(np.array([1.0, 2.0, 3.0])))) == expected


@pytest.mark.parametrize("floatx", ["float16", "float64"])
def test_floatx(backend: Any, floatx: str) -> None:
    hilevel.config.set_floatx(floatx)
    try:
        made = [
            ops.zeros(2),
            ops.convert_to_tensor([1.5]),
            ops.exp(backend.asarray(np.array([1], "int32"))),
        ]
        assert {ops.dtype(x) for x in made} == {floatx}
        assert ops.dtype(hilevel.random.uniform((2,), seed=1)) == floatx
        assert hilevel.Variable(lambda shape, dtype: ops.ones(shape, dtype), shape=(2,)).dtype == floatx
    finally:
        hilevel.config.set_floatx("float32")


def test_names() -> None:
    assert dtypes.standardize_dtype(None) == dtypes.standardize_dtype("float") == "float32"
    assert dtypes.standardize_dtype(np.float16) == "float16"
    assert dtypes.result_type(float, int) == "float32"
    with pytest.raises(ValueError, match="'flaot32' is not a dtype"):
        dtypes.as_dtype("flaot32")
    with pytest.raises(ValueError, match="floatx must be one of"):
        hilevel.config.set_floatx("int32")


@pytest.mark.parametrize("name", ["deg2rad", "selu", "sinc", "layer_normalization", "normalize", "sparsemax"])
def test_bfloat16_by_keyword_and_as_a_variable(name: str, backend: Any) -> None:
    pytest.importorskip("ml_dtypes")
    op, x = getattr(ops, name), ops.ones((2, 3), "bfloat16")
    for y in (op(x), op(x=x), op(hilevel.Variable(x)), op(x=hilevel.Variable(x))):
        assert ops.dtype(y) == "bfloat16"
        np.testing.assert_array_equal(*(ops.convert_to_numpy(v).astype("float32") for v in (y, op(x))))


def test_sums_and_products_of_bfloat16_are_exact(backend: Any) -> None:
    """In bfloat16 a running sum of ones stops at 256."""
    pytest.importorskip("ml_dtypes")
    x = ops.ones((1000,), "bfloat16")
    for y in (ops.sum(x), ops.matmul(x, x), ops.mean(x) * 1000, ops.cumsum(x)[-1], ops.dot(x, x)):
        assert ops.dtype(y) == "bfloat16" and float(ops.convert_to_numpy(y)) == 1000


def test_the_dtype_of_the_first_tensor_stays(backend: Any) -> None:
    x = ops.ones((2, 3), "float16")
    assert ops.dtype(ops.layer_normalization(x, gamma=np.ones(3), beta=np.ones(3, "float32"))) == "float16"
    assert ops.dtype(ops.max(x > 0, initial=1)) == ops.dtype(ops.min(x > 0, initial=1)) == "bool"
    assert ops.dtype(ops.cast(x, None)) == ops.dtype(ops.saturate_cast(x, None)) == "float32"


def test_clip_counts_its_limits(backend: Any) -> None:
    """Limits between integers make floats; limits that an unsigned integer cannot hold do nothing."""
    y = ops.clip(np.array([0, 1, 2], "int32"), 0.5, 1.5)
    assert ops.dtype(y) == "float32" and ops.convert_to_numpy(y).tolist() == [0.5, 1.0, 1.5]
    y = ops.clip(np.array([0, 200], "uint8"), -1, 1000)
    assert ops.dtype(y) == "uint8" and ops.convert_to_numpy(y).tolist() == [0, 200]
