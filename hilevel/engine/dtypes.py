"""The dtype rules, which are the same on every backend.

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
| array with a Python scalar                 | the array's, but an integer array with a float:   |
|                                            | floatx; a bool array with an int: int32           |
| two int8 in matmul and einsum              | int32                                             |
| Python scalars, lists of Python scalars    | floatx, int32 or bool                             |
| float functions, division, mean of integers| floatx                                            |
| sum, prod of bool and small integers       | int32 (uint32 for unsigned)                       |
| comparisons                                | bool                                              |
| argmax, argsort, indices                   | int32                                             |

These are the rules of Keras, except that its `result_type` turns int64 into int32 and float64 into float32.
NumPy arrays keep their dtype: a float64 array stays float64, on JAX too. Layers cast their float inputs to
their own dtype.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hilevel.engine.settings import settings
from hilevel.engine.types import Array, DType, DTypeLike, TensorLike

INT32: DType = np.dtype("int32")
FLOAT32: DType = np.dtype("float32")
BOOL: DType = np.dtype("bool")
NATIVE = frozenset(np.dtype(c) for c in "?bhilqBHILQefdFD")
"""NumPy's own numeric and boolean dtypes, in the byte order of this machine."""

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
"""The promotion lattice: for each dtype the next wider dtypes. A result has the narrowest dtype that is at least as
wide as the dtypes of all operands. `int`, `float` and `complex` are Python scalars, narrower than any array dtype of
their kind."""

_PYTHON: dict[Any, str] = {bool: "bool", int: "int", float: "float", complex: "complex"}


def as_dtype(name: Any) -> DType:
    """Return the dtype of a name. None and `"float"` are floatx; `"bfloat16"` is the dtype of the package ml_dtypes."""
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
    """Return the name of a dtype.

    Args:
        dtype: a dtype, its name or a scalar type; None for floatx.

    >>> import numpy, hilevel
    >>> hilevel.utils.standardize_dtype(numpy.float32), hilevel.utils.standardize_dtype(None)
    ('float32', 'float32')
    """
    return settings.floatx if dtype is None else str(as_dtype(dtype).name)


def is_float_dtype(dtype: DTypeLike) -> bool:
    """Return whether a dtype is a floating-point type.

    Args:
        dtype: a dtype, its name or a scalar type; None for floatx.

    >>> import hilevel
    >>> hilevel.backend.is_float_dtype("bfloat16"), hilevel.backend.is_float_dtype("int32")
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: DTypeLike) -> bool:
    """Return whether a dtype is an integer type, with or without sign.

    Args:
        dtype: a dtype, its name or a scalar type; None for floatx.

    >>> import hilevel
    >>> hilevel.backend.is_int_dtype("uint8"), hilevel.backend.is_int_dtype("bool")
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("int", "uint"))


def is_float(dtype: DType) -> bool:
    """Return whether the dtype is a floating-point type, including bfloat16."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


def is_numeric(dtype: DType) -> bool:
    """Return whether the dtype is numeric or boolean, in contrast to text, dates, objects and records."""
    return dtype.kind in "biufc" or (dtype.kind == "V" and dtype.type is not np.void)


def lowest(dtype: DType) -> Any:
    """Return the lowest value of a dtype: minus infinity, the lowest integer, or False."""
    if dtype.kind == "b":
        return False
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def highest(dtype: DType) -> Any:
    """Return the highest value of a dtype: infinity, the highest integer, or True."""
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


def native(x: Array) -> Array:
    """Return a NumPy array in the byte order of this machine, other objects unchanged.

    >>> from hilevel.engine.dtypes import native
    >>> native(np.array([1], ">i4")).dtype.isnative
    True

    Raises:
        TypeError: the dtype of the array is neither numeric nor boolean.
    """
    if not isinstance(x, np.ndarray) or x.dtype in NATIVE:
        return x
    _check_numeric(x.dtype)
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def _check_numeric(dtype: DType) -> None:
    if not is_numeric(dtype):
        raise TypeError(
            f"Expected an array of a numeric or boolean dtype; got dtype {dtype}. Pass one array for each field of "
            "a structured array, and encode text or dates first."
        )


@cache
def _reach(name: str) -> frozenset[str]:
    """Return the name of a dtype and the names of all wider dtypes."""
    return frozenset({name}).union(*map(_reach, _WIDER[name].split()))


@cache
def _joined(*operands: DType | type) -> DType | str:
    """Return the dtype for operands of these dtypes and Python types. Python types alone give their names."""
    names = {_PYTHON.get(d) or _known(d) for d in operands}
    shared = frozenset.intersection(*map(_reach, names))
    name = next(name for name in shared if shared <= _reach(name))
    return name if name in ("int", "float", "complex") else _named(name)


def _known(dtype: Any) -> str:
    """Return the name of an array's dtype.

    Raises:
        TypeError: the dtype is not in the lattice.
    """
    _check_numeric(dtype)
    if dtype.name not in _WIDER:
        raise TypeError(
            f"No promotion rule for the dtype {dtype}. Cast the operand first, with ops.cast(x, dtype)."
        )
    return dtype.name


def promoted(*operands: DType | type) -> DType:
    """Return the dtype of a result by the table above.

    Args:
        operands: the dtypes of arrays, and the Python types of scalars.

    >>> from hilevel.engine.dtypes import promoted
    >>> promoted(np.dtype("uint32"), np.dtype("int8")), promoted(np.dtype("float16"), float)
    (dtype('int32'), dtype('float16'))
    """
    found = _joined(*operands)
    return _default(found) if isinstance(found, str) else found


def _default(name: str) -> DType:
    """Return the dtype of Python scalars of a type; `float` and `complex` follow floatx."""
    if name == "complex":
        return np.dtype("complex128" if settings.floatx == "float64" else "complex64")
    return INT32 if name == "int" else settings.floatx_dtype


def sum_dtype(dtype: DType) -> DType:
    """Return the dtype in which a sum or product is accumulated."""
    if dtype.kind in "bi" and dtype.itemsize < 4:
        return INT32
    if dtype.kind == "u" and dtype.itemsize < 4:
        return np.dtype("uint32")
    return dtype


def of_scalar(x: complex) -> DType:
    """Return the dtype of a Python scalar without an array beside it."""
    return promoted(_python_type(x))


def beside_scalar(dtype: DType, scalar: complex) -> DType:
    """Return the dtype of a result of an array and a Python scalar."""
    return promoted(dtype, _python_type(scalar))


def _python_type(x: complex) -> type:
    """Return the builtin type of a Python scalar, whose class may be a subclass."""
    return x.__class__ if x.__class__ in _PYTHON else next(t for t in _PYTHON if isinstance(x, t))


def common_dtype(*args: TensorLike) -> DType:
    """Return the dtype of a result of arrays and Python scalars. None has no influence."""
    return promoted(*map(_counted_by, args))


def _counted_by(x: TensorLike) -> DType | type:
    """Return the dtype or Python type of an operand; `bool` for None, as it promotes to everything."""
    return x.dtype if hasattr(x, "dtype") else bool if x is None else _python_type(x)


def to_common(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cast operands to their common dtype. Python scalars beside an array are unchanged."""
    operands = [*map(_counted_by, args)]
    if all(d in _PYTHON for d in operands):
        return args
    dtype = promoted(*operands)
    return tuple(a.astype(dtype) if hasattr(a, "dtype") and a.dtype != dtype else a for a in args)


def to_number(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cast operands to their common dtype, booleans to int32."""
    return tuple(a.astype(INT32) if getattr(a, "dtype", None) == BOOL else a for a in to_common(args))


def to_float(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cast operands to their common dtype, integers and booleans to floatx."""
    args = to_common(args)
    return tuple(
        a.astype(settings.floatx_dtype) if hasattr(a, "dtype") and a.dtype.kind in "biu" else a for a in args
    )


def to_product(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cast the operands of a matrix product to their common dtype; int8 alone to int32, as its sums overflow."""
    if all(getattr(a, "dtype", None) == np.int8 for a in args):
        return tuple(a.astype(INT32) for a in args)
    return to_common(args)


def to_sum(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cast the operand to the dtype in which its sum is accumulated."""
    (x,) = to_common(args)
    dtype = sum_dtype(x.dtype)
    return (x if x.dtype == dtype else x.astype(dtype),)


def result_type(*dtypes: DTypeLike) -> str:
    """Return the name of the dtype of a result.

    Args:
        dtypes: the dtypes of the operands: names, dtypes, None for floatx, or Python types for Python scalars. Without
            any, the result is floatx.

    >>> import hilevel
    >>> hilevel.backend.result_type("int32", "float16"), hilevel.backend.result_type("int8", float)
    ('float16', 'float32')

    Raises:
        ValueError: a name is not a dtype.
        TypeError: a dtype is neither numeric nor boolean.
    """
    operands = (d if isinstance(d, type) and d in _PYTHON else as_dtype(d or settings.floatx) for d in dtypes)
    return promoted(*operands).name if dtypes else settings.floatx
