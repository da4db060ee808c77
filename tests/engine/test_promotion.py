"""The dtype of every op's result: on NumPy, on JAX, by the shape rules, and in Keras."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dtype_cases import (
    BINARY,
    DTYPES,
    HOST_ONLY,
    NARROW,
    NUMBERS,
    OPERANDS,
    UNARY,
    WITHOUT_TENSORS,
    operand,
    pairs,
    signature,
    words,
)

import hilevel
from hilevel import ops
from hilevel.engine import dtypes
from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.spec import TensorSpec

jax = pytest.importorskip("jax")
KERAS = json.loads((Path(__file__).parents[1] / "data" / "dtypes.json").read_text())
PYTHON: dict[str, Any] = {"int": int, "float": float}
REFUSED = "-"


def in_32_bits(names: str) -> str:
    """The dtypes of a result as Keras has them."""
    return names.replace("64", "32")


@pytest.mark.parametrize("a", OPERANDS)
def test_result_type_is_that_of_keras(a: str) -> None:
    """But that 64 bits stay."""
    for b, expected in zip(OPERANDS, KERAS["result_type"][a].split(), strict=True):
        found = dtypes.result_type(PYTHON.get(a, a), PYTHON.get(b, b))
        assert in_32_bits(found) == expected, (a, b)
        assert "64" not in found or "64" in a + b


def test_result_type_of_several() -> None:
    """The result is not that of the pairs one after the other: uint8 with int64 would be int64."""
    assert dtypes.result_type("uint64", "int8", "float16") == "float16"
    assert dtypes.result_type("uint8", "int8", int) == "int16"
    assert dtypes.result_type(bool, bool) == "bool"
    assert dtypes.result_type() == dtypes.result_type(None) == "float32"
    assert dtypes.result_type("uint32", "complex64", complex) == "complex64"
    with pytest.raises(TypeError, match="Expected an array of a numeric"):
        dtypes.result_type("float32", "U3")


# -- every op ---------------------------------------------------------------------------------------

INTEGER_OPS = words(
    "bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_invert left_shift right_shift bitwise_left_shift "
    "bitwise_right_shift gcd lcm ldexp"
)
"""Ops that refuse other dtypes by their value, as in Keras: symbolic tensors have floatx by default."""

FLOATS = {"float16", "bfloat16", "float32"}
CONVOLUTIONS = words("conv conv_transpose depthwise_conv separable_conv dot_product_attention")
PYTHON_FLOATS = words("arctan2 logaddexp logaddexp2")


def is_different(name: str, *operands: str) -> bool:
    """Whether the result is not meant to be that of Keras."""
    if name in CONVOLUTIONS:  # XLA's convolution takes equal dtypes; here operands get a common float dtype
        return len({*operands}) > 1 or not FLOATS.issuperset(operands)
    if name in PYTHON_FLOATS:  # Keras makes a float32 tensor of the Python float
        return "float" in operands
    if name in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        return True  # Keras gives float32 where targets are integers; here the outputs' dtype counts
    if name in ("layer_normalization", "rms_normalization"):  # Keras rounds the result to an integer
        return not FLOATS.issuperset(operands)
    if name == "psnr":  # Keras gives float32 for float16 with integers
        return len({*operands}) > 1
    return name == "top_k" and operands == ("bool",)


def recorded(kind: str) -> dict[tuple[str, ...], str]:
    """The results of Keras, by the op's name and the operands."""
    found = {}
    for results, names in KERAS[kind].items():
        for name in words(names):
            operands: Any = [(d,) for d in NARROW] if kind == "unary" else pairs(name)
            found |= {(name, *o): r for o, r in zip(operands, results.split("; "), strict=True)}
    return found


EXPECTED = recorded("unary") | recorded("binary")


def outcome(call: Callable[[], Any]) -> str:
    try:
        return signature(call())
    except (TypeError, ValueError):
        return REFUSED


def on_numpy(case: Callable[..., Any], *operands: str) -> str:
    return outcome(lambda: case(*(operand(o, dtypes.as_dtype) for o in operands)))


def on_jax(case: Callable[..., Any], rows: list[tuple[str, ...]]) -> list[str]:
    """The results for several rows of operands, traced together: compiling each call would take minutes."""
    found = []

    def step(arrays: dict[str, Any]) -> None:
        tensors = arrays | NUMBERS
        found.extend(outcome(lambda row=row: case(*(tensors[o] for o in row))) for row in rows)

    jax.eval_shape(step, {d: operand(d, dtypes.as_dtype) for d in DTYPES})
    return found


def on_shapes(case: Callable[..., Any], *operands: str) -> str:
    with scope(interpreter=SHAPES):
        tensors = (NUMBERS[o] if o in NUMBERS else TensorSpec((4, 4), dtypes.as_dtype(o)) for o in operands)
        return outcome(lambda: case(*tensors))


def test_every_op_is_here() -> None:
    public = {name for name in ops.__all__ if not inspect.ismodule(getattr(ops, name))}
    assert public == UNARY.keys() | BINARY.keys() | set(WITHOUT_TENSORS)
    assert not UNARY.keys() & BINARY.keys()


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_same_dtype_everywhere(name: str) -> None:
    op = getattr(ops, name)
    case: Any = UNARY.get(name) or BINARY[name]
    run = lambda *tensors: case(op, *tensors)
    wrong = []
    rows: Any = [(d,) for d in DTYPES] if name in UNARY else pairs(name, DTYPES)
    with np.errstate(all="ignore"):
        with hilevel.use_backend("jax"):
            traced = [on_numpy(run, *row) for row in rows] if name in HOST_ONLY else on_jax(run, rows)
        for operands, jax_result in zip(rows, traced, strict=True):
            found = {"jax": jax_result}
            with hilevel.use_backend("numpy"):
                found["numpy"] = on_numpy(run, *operands)
                refused = name in INTEGER_OPS and found["numpy"] == REFUSED
                if name not in HOST_ONLY and not refused:
                    found["shapes"] = on_shapes(run, *operands)
            expected = EXPECTED.get((name, *operands), REFUSED)
            if expected != REFUSED and not is_different(name, *operands):
                found["keras"] = expected
            if len(set(found.values())) > 1:
                wrong.append((operands, found))
    assert not wrong
