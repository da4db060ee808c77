"""The dtype rules, equal on every backend.

| operands                                   | result                                            |
|--------------------------------------------|---------------------------------------------------|
| two floats                                 | the wider; float16 with bfloat16: float32         |
| float with integer or bool                 | the float                                         |
| two integers                               | the wider; int64 where neither holds both         |
| bool with integer                          | the integer                                       |
| bool with bool in //, %, **                | int32                                             |
| array with a Python number                 | the array's, but an integer array with a float:   |
|                                            | floatx; a bool array with an int: int32           |
| Python numbers, lists of Python numbers    | floatx, int32 or bool                             |
| float functions, division, mean of integers| floatx                                            |
| sum, prod of bool and small integers       | int32 (uint32 for unsigned)                       |
| comparisons                                | bool                                              |
| argmax, argsort, indices                   | int32                                             |

NumPy arrays keep their dtype: a float64 array stays float64, on JAX too. Layers cast their float inputs to
their own dtype.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hilevel._types import DType, DTypeLike
from hilevel.config import settings

INT32: DType = np.dtype("int32")
BOOL: DType = np.dtype("bool")


def as_dtype(name: DTypeLike) -> DType:
    """The dtype object of a name; `"float"` is floatx, `bfloat16` the dtype of ml_dtypes, which JAX brings."""
    if isinstance(name, np.dtype):
        return name
    return settings.floatx_dtype if name is float or name == "float" else _named(name)


@cache
def _named(name: Any) -> DType:
    if name == "bfloat16":
        return _bfloat16()
    if name is int:
        return INT32
    try:
        return np.dtype(name)
    except TypeError:
        raise ValueError(f"{name!r} is not a dtype. Examples: 'float32', 'int32', 'bool'.") from None


def _bfloat16() -> DType:
    try:
        import ml_dtypes
    except ImportError as error:
        raise ImportError(
            "bfloat16 needs the package ml_dtypes, which comes with JAX: pip install ml_dtypes"
        ) from error
    return np.dtype(ml_dtypes.bfloat16)


def standardize_dtype(dtype: DTypeLike) -> str:
    """The name of a dtype; None is floatx.

    >>> import numpy, hilevel
    >>> hilevel.utils.standardize_dtype(numpy.float32), hilevel.utils.standardize_dtype(None)
    ('float32', 'float32')
    """
    return settings.floatx if dtype is None else str(as_dtype(dtype).name)


def is_float(dtype: DType) -> bool:
    """Whether the dtype is one of the floating-point types, bfloat16 included."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


@cache
def common(a: DType, b: DType) -> DType:
    """The dtype of a result of two arrays, by the table above."""
    if a == b:
        return a
    float_a, float_b = is_float(a), is_float(b)
    if float_a and float_b:
        if "bfloat16" in (a.name, b.name):
            other = b if a.name == "bfloat16" else a
            return np.dtype("float32") if other.name == "float16" else other
        return np.promote_types(a, b)
    if float_a or float_b:
        return a if float_a else b
    result = np.promote_types(a, b)
    return np.dtype("int64") if result.kind == "f" else result


def sum_dtype(dtype: DType) -> DType:
    """The dtype in which a sum or product is formed."""
    if dtype.kind in "bi" and dtype.itemsize < 4:
        return INT32
    if dtype.kind == "u" and dtype.itemsize < 4:
        return np.dtype("uint32")
    return dtype


def of_scalar(x: float | complex) -> DType:
    """The dtype of a Python number where no array is beside it."""
    if isinstance(x, bool):
        return BOOL
    return INT32 if isinstance(x, int) else settings.floatx_dtype


def beside_scalar(dtype: DType, scalar: float) -> DType:
    """The dtype of an array's result with a Python number."""
    if isinstance(scalar, float) and dtype.kind in "biu":
        return settings.floatx_dtype
    if isinstance(scalar, int) and not isinstance(scalar, bool) and dtype.kind == "b":
        return INT32
    return dtype


def to_common(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands in their common dtype. Python numbers beside an array stay as they are."""
    arrays = [a for a in args if hasattr(a, "dtype")]
    if not arrays:
        return args
    dtype = arrays[0].dtype
    for a in arrays[1:]:
        dtype = common(dtype, a.dtype)
    for a in args:
        if not hasattr(a, "dtype") and a is not None:
            dtype = beside_scalar(dtype, a)
    return tuple(a.astype(dtype) if hasattr(a, "dtype") and a.dtype != dtype else a for a in args)


def to_number(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands in their common dtype, booleans as int32."""
    return tuple(a.astype(INT32) if getattr(a, "dtype", None) == BOOL else a for a in to_common(args))


def to_float(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands in their common dtype, integers as floatx."""
    args = to_common(args)
    return tuple(
        a.astype(settings.floatx_dtype) if hasattr(a, "dtype") and a.dtype.kind in "biu" else a for a in args
    )


def result_type(*dtypes: DTypeLike) -> str:
    """The name of the dtype that operands of these dtypes (names, dtypes or Python types) give.

    >>> import hilevel
    >>> hilevel.backend.result_type("int32", "float16")
    'float16'
    """
    python = {bool: False, int: 0, float: 0.0}
    scalars = [python[d] for d in dtypes if d in python]
    named = [as_dtype(d or settings.floatx) for d in dtypes if d not in python]
    if not named:
        return of_scalar(sum(scalars)).name
    dtype = named[0]
    for other in named[1:]:
        dtype = common(dtype, other)
    for scalar in scalars:
        dtype = beside_scalar(dtype, scalar)
    return dtype.name
