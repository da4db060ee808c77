"""The dtype rules, equal on every backend.

| operands                                   | result                                            |
|--------------------------------------------|---------------------------------------------------|
| two floats                                 | the wider; float16 with bfloat16: float32         |
| float with integer or bool                 | the float                                         |
| two signed, or two unsigned, integers      | the wider                                         |
| signed with a narrower unsigned integer    | the signed                                        |
| uint8 with int8; uint16 with int8, int16   | int16; int32                                      |
| uint32 with int8, int16, int32             | int32                                             |
| uint64 with a signed integer               | floatx                                            |
| bool with integer                          | the integer                                       |
| bool with bool in //, %, **                | int32                                             |
| array with a Python number                 | the array's, but an integer array with a float:   |
|                                            | floatx; a bool array with an int: int32           |
| two int8 in matmul and einsum              | int32                                             |
| Python numbers, lists of Python numbers    | floatx, int32 or bool                             |
| float functions, division, mean of integers| floatx                                            |
| sum, prod of bool and small integers       | int32 (uint32 for unsigned)                       |
| comparisons                                | bool                                              |
| argmax, argsort, indices                   | int32                                             |

These are the rules of Keras, whose `result_type` has no 64 bits: there int64 is int32 and float64 is float32.
NumPy arrays keep their dtype: a float64 array stays float64, on JAX too. Layers cast their float inputs to
their own dtype.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hilevel.engine.settings import settings
from hilevel.engine.types import DType, DTypeLike

INT32: DType = np.dtype("int32")
FLOAT32: DType = np.dtype("float32")
BOOL: DType = np.dtype("bool")
NATIVE = frozenset(np.dtype(c) for c in "?bhilqBHILQefdFD")
"""Dtypes of NumPy itself for numbers and booleans, in the byte order of this machine."""

_WIDER = {
    "bool": "int",
    "int": "uint8 int8",
    "uint8": "uint16 int16",
    "uint16": "uint32 int32",
    "uint32": "uint64 int32",
    "uint64": "float",
    "int8": "int16",
    "int16": "int32",
    "int32": "int64",
    "int64": "float",
    "float": "bfloat16 float16 complex",
    "bfloat16": "float32",
    "float16": "float32",
    "float32": "float64 complex64",
    "float64": "complex128",
    "complex": "complex64",
    "complex64": "complex128",
    "complex128": "",
}
"""The promotion lattice: for each dtype the next wider ones. A result has the narrowest dtype that is as wide as those
of all operands. Python numbers are `int`, `float` and `complex`; they stand below every array dtype of their kind."""

_PYTHON: dict[Any, str] = {bool: "bool", int: "int", float: "float", complex: "complex"}


def as_dtype(name: Any) -> DType:
    """The dtype object of a name; None and `"float"` are floatx, `bfloat16` that of ml_dtypes, which JAX brings."""
    if isinstance(name, np.dtype):
        return name
    return settings.floatx_dtype if name is None or name is float or name == "float" else _named(name)


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


def is_numeric(dtype: DType) -> bool:
    """Whether arrays of this dtype hold numbers or booleans, not text, dates, objects or records."""
    return dtype.kind in "biufc" or (dtype.kind == "V" and dtype.type is not np.void)


def lowest(dtype: DType) -> Any:
    """The lowest number of a dtype: minus infinity, the lowest integer, or False."""
    if dtype.kind == "b":
        return False
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def native(x: Any) -> Any:
    """Return a NumPy array in the byte order of this machine, anything else unchanged.

    >>> from hilevel.engine.dtypes import native
    >>> native(np.array([1], ">i4")).dtype.isnative
    True

    Raises:
        TypeError: the array does not hold numbers or booleans.
    """
    if not isinstance(x, np.ndarray) or x.dtype in NATIVE:
        return x
    _check_numeric(x.dtype)
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def _check_numeric(dtype: DType) -> None:
    if not is_numeric(dtype):
        raise TypeError(
            f"Expected an array of numbers or booleans; got one of dtype {dtype}. Pass one array for each field of "
            "a structured array, and turn text or dates into numbers first."
        )


@cache
def _reach(name: str) -> frozenset[str]:
    """A dtype and all wider ones."""
    return frozenset({name}).union(*map(_reach, _WIDER[name].split()))


@cache
def _joined(*operands: Any) -> DType | str:
    """The dtype for operands of these dtypes and Python types; `"int"`, `"float"` or `"complex"` for their defaults."""
    names = {_PYTHON.get(d) or _known(d) for d in operands}
    shared = frozenset.intersection(*map(_reach, names))
    name = next(name for name in shared if shared <= _reach(name))
    return name if name in ("int", "float", "complex") else _named(name)


def _known(dtype: DType) -> str:
    """The name of an array's dtype, which is in the lattice."""
    _check_numeric(dtype)
    if dtype.name not in _WIDER:
        raise TypeError(
            f"No promotion rule for the dtype {dtype}. Cast the operand first, with ops.cast(x, dtype)."
        )
    return dtype.name


def promoted(*operands: Any) -> DType:
    """The dtype of a result of operands, by the table above. An array counts by its dtype, a Python number by its type.

    >>> from hilevel.engine.dtypes import promoted
    >>> promoted(np.dtype("uint32"), np.dtype("int8")), promoted(np.dtype("float16"), float)
    (dtype('int32'), dtype('float16'))
    """
    found = _joined(*operands)
    return _default(found) if isinstance(found, str) else found


def _default(name: str) -> DType:
    """The dtype of Python numbers of a type; floats and complex numbers follow floatx."""
    if name == "complex":
        return np.dtype("complex128" if settings.floatx == "float64" else "complex64")
    return INT32 if name == "int" else settings.floatx_dtype


def sum_dtype(dtype: DType) -> DType:
    """The dtype in which a sum or product is formed."""
    if dtype.kind in "bi" and dtype.itemsize < 4:
        return INT32
    if dtype.kind == "u" and dtype.itemsize < 4:
        return np.dtype("uint32")
    return dtype


def of_scalar(x: complex) -> DType:
    """The dtype of a Python number where no array is beside it."""
    return promoted(_python_type(x))


def beside_scalar(dtype: DType, scalar: complex) -> DType:
    """The dtype of an array's result with a Python number."""
    return promoted(dtype, _python_type(scalar))


def _python_type(x: complex) -> type:
    """The Python type of a number, whose class may be derived from it."""
    return x.__class__ if x.__class__ in _PYTHON else next(t for t in _PYTHON if isinstance(x, t))


def common_dtype(*args: Any) -> DType:
    """The dtype of a result of arrays and Python numbers. None does not count."""
    return promoted(*map(_counted_by, args))


def _counted_by(x: Any) -> Any:
    """The dtype or the type by which an operand counts; None is a boolean, which gives way to everything."""
    return x.dtype if hasattr(x, "dtype") else bool if x is None else _python_type(x)


def to_common(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands in their common dtype. Python numbers beside an array stay as they are."""
    operands = [*map(_counted_by, args)]
    if all(d in _PYTHON for d in operands):
        return args
    dtype = promoted(*operands)
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


def to_product(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of a product of matrices in their common dtype; in int32 if all are int8, whose sums overflow."""
    if all(getattr(a, "dtype", None) == np.int8 for a in args):
        return tuple(a.astype(INT32) for a in args)
    return to_common(args)


def to_sum(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operand in the dtype in which a sum of it is formed."""
    (x,) = to_common(args)
    dtype = sum_dtype(x.dtype)
    return (x if x.dtype == dtype else x.astype(dtype),)


def result_type(*dtypes: DTypeLike) -> str:
    """The name of the dtype that operands of these dtypes (names, dtypes or Python types) give; of none, floatx.

    A Python type stands for a Python number, None for floatx.

    >>> import hilevel
    >>> hilevel.backend.result_type("int32", "float16"), hilevel.backend.result_type("int8", float)
    ('float16', 'float32')

    Raises:
        ValueError: a name is not a dtype.
        TypeError: the dtype is not one of numbers or booleans.
    """
    operands = (d if isinstance(d, type) and d in _PYTHON else as_dtype(d or settings.floatx) for d in dtypes)
    return promoted(*operands).name if dtypes else settings.floatx
