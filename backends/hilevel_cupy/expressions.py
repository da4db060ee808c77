"""Functions of arrays, translated to the source of a kernel that computes one element.

A trace calls a function of arrays with `Expression`s in place of arrays and a `Functions` object in place of `cupy`.
Each operation on them adds a statement of C++ to the trace. A function that does more than arithmetic on elements,
such as a sum, raises an error, and has no kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import cupy
import numpy as np

from hilevel.engine.types import DType, Function

TYPES = {
    "bool": "bool", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int",
    "uint64": "unsigned long long", "float16": "float16", "float32": "float", "float64": "double",
}  # fmt: skip
"""The types of C++ by the names of dtypes. CuPy defines `float16`."""
BOOL = np.dtype(bool)


HALF = "#include <cupy/float16.cuh>" if int(cupy.__version__.split(".")[0]) >= 14 else ""
"""The header of `float16`. CuPy 14 includes it only in kernels with operands or results in float16."""


def kernel(operands: str, results: str, body: Sequence[str], name: str) -> Function:
    """Return a kernel over elements, which CuPy compiles when it first runs.

    Args:
        operands, results: the parameters, such as `float32 x, raw int64 n`.
        body: the statements.
        name: the name of the kernel in a profile.
    """
    made: Function = cupy.ElementwiseKernel(operands, results, "\n".join(body), name, preamble=HALF)
    return made


class NotElementwiseError(TypeError):
    """A function does not compute its results element by element."""


class Trace:
    """The statements of a kernel.

    Attributes:
        statements: the statements, in order.
    """

    def __init__(self) -> None:
        self.statements: list[str] = []
        self._known: dict[tuple[str, DType], str] = {}

    def variable(self, source: str, dtype: DType, shape: tuple[int, ...]) -> Expression:
        """Return an expression for a value; the value of an earlier statement if that is equal."""
        name = self._known.get((source, dtype))
        if name is None:
            name = self._known[source, dtype] = f"t{len(self.statements)}"
            self.statements.append(f"const {_type(dtype)} {name} = ({_type(dtype)})({source});")
        return Expression(self, name, dtype, shape)


class Expression:
    """One element of an array in a kernel.

    Args:
        trace: the statements of the kernel.
        name: the name of a variable in the kernel, or a constant.
        dtype, shape: of the array.
        is_argument: whether the function got the array. Then it must not change it.
    """

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, trace: Trace, name: str, dtype: DType, shape: tuple[int, ...], is_argument: bool = False
    ) -> None:
        self.trace, self.name, self.is_argument = trace, name, is_argument
        self.dtype, self.shape = dtype, shape
        self.ndim, self.size = len(shape), math.prod(shape)

    def become(self, y: Expression) -> Expression:
        """Change the element in place, so that all names of the array have the new value."""
        y = y.astype(self.dtype)
        if self.is_argument or y.shape != self.shape:
            _refuse("A change of this array in place")
        self.name = y.name
        return self

    def astype(self, dtype: Any, copy: bool = True) -> Expression:
        """Return the element in another dtype."""
        return _cast(self, np.dtype(dtype))

    def copy(self) -> Expression:
        """Return the element, for another array."""
        return Expression(self.trace, self.name, self.dtype, self.shape)

    def __bool__(self) -> NoReturn:
        raise NotElementwiseError("The function reads the values of an array.")

    __iter__ = __len__ = __getitem__ = __setitem__ = __index__ = __bool__

    def __neg__(self) -> Expression:
        return negative(self)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return absolute(self)

    def __invert__(self) -> Expression:
        return ELEMENTWISE["invert"](self)


def _refuse(name: str) -> NoReturn:
    raise NotElementwiseError(f"{name} has no form for one element.")


def _type(dtype: DType) -> str:
    return TYPES.get(dtype.name) or _refuse(dtype.name)


def _cast(x: Any, dtype: DType) -> Expression:
    if not isinstance(x, Expression):
        _refuse("A number without an array")
    if x.dtype == dtype:
        return x.copy()
    if x.dtype.kind == "f" and dtype == BOOL:
        return x.trace.variable(f"{_wide(x)} != 0", BOOL, x.shape)
    return x.trace.variable(_wide(x), dtype, x.shape)


def _wide(x: Expression) -> str:
    """Return the source of an element for arithmetic, which CUDA computes for float16 in float."""
    return f"(float){x.name}" if x.dtype.name == "float16" else x.name


# -- operands ---------------------------------------------------------------------------------------


def _operands(*operands: Any) -> tuple[Trace, DType, tuple[int, ...]]:
    """Return the trace, the common dtype and the broadcast shape of operands, which may be Python scalars."""
    arrays = [x for x in operands if isinstance(x, Expression)]
    if not arrays or not all(isinstance(x, (Expression, bool, int, float, np.generic)) for x in operands):
        _refuse("An operand of another type")
    return arrays[0].trace, _common(operands), np.broadcast_shapes(*[x.shape for x in arrays])


def _common(operands: Sequence[Any]) -> DType:
    """Return the common dtype of operands, which may be Python scalars."""
    return np.result_type(*[x.dtype if isinstance(x, (Expression, np.generic)) else x for x in operands])


def _source(x: Any, dtype: DType) -> str:
    """Return the source of an operand in a dtype; a finite number as a constant."""
    if isinstance(x, Expression):
        return _wide(_cast(x, dtype))
    if not math.isfinite(x) or (isinstance(x, int) and abs(x) >= 1 << 31):
        _refuse(str(x))
    kind = "float" if dtype.name == "float16" else _type(dtype)
    return f"({kind})({float(x)!r})" if dtype.kind == "f" else f"({kind})({int(x)})"


Make = Callable[..., Expression]


def _arithmetic(form: str, kinds: str = "fiu", result: DType | None = None) -> Make:
    """Return a function of operands in their common dtype, of one of these kinds.

    Args:
        form: the source, with places {0} and {1} for the operands.
        kinds: the kinds of dtypes that the function accepts.
        result: the dtype of the result; the common dtype by default.
    """

    def function(*operands: Any) -> Expression:
        trace, dtype, shape = _operands(*operands)
        if dtype.kind not in kinds:
            _refuse(f"{form} of {dtype}")
        source = form.format(*[_source(x, dtype) for x in operands])
        return trace.variable(source, dtype if result is None else result, shape)

    return function


def _predicate(form: str, kinds: str = "fiub") -> Make:
    """Return a function of operands in their common dtype with a bool as result."""
    return _arithmetic(form, kinds, BOOL)


def _logical(form: str) -> Make:
    """Return a function of booleans."""

    def function(*operands: Any) -> Expression:
        trace, _, shape = _operands(*operands)
        return trace.variable(form.format(*[_source(x, BOOL) for x in operands]), BOOL, shape)

    return function


add = _arithmetic("{0} + {1}")
subtract = _arithmetic("{0} - {1}")
multiply = _arithmetic("{0} * {1}")
divide = _arithmetic("{0} / {1}", "f")
negative = _arithmetic("-{0}")
square = _arithmetic("{0} * {0}")
maximum = _arithmetic("({0} > {1} || {0} != {0}) ? {0} : {1}")
minimum = _arithmetic("({0} < {1} || {0} != {0}) ? {0} : {1}")
sign = _arithmetic("{0} > 0 ? 1 : ({0} < 0 ? -1 : {0})", "fi")
_pow = _arithmetic("pow({0}, {1})", "f")
_abs_of_float, _abs_of_int = _arithmetic("fabs({0})", "f"), _arithmetic("{0} < 0 ? -{0} : {0}", "i")
_bits = _arithmetic("~{0}", "iu")
logical_and, logical_or = _logical("{0} && {1}"), _logical("{0} || {1}")
logical_xor, logical_not = _logical("{0} != {1}"), _logical("!{0}")


def absolute(x: Any) -> Expression:
    """Return the absolute value."""
    return (_abs_of_float if x.dtype.kind == "f" else _abs_of_int)(x)


def power(x: Any, exponent: Any) -> Expression:
    """Return a power; a square and a square root as such."""
    known = {2: square, 0.5: ELEMENTWISE["sqrt"], 1: lambda y: y.copy()}
    if isinstance(x, Expression) and isinstance(exponent, (int, float)) and exponent in known:
        return known[exponent](x)
    return _pow(x, exponent)


def where(condition: Any, x: Any, y: Any) -> Expression:
    """Return `x` where the condition is true, else `y`."""
    dtype = _common((x, y))
    trace, _, shape = _operands(condition, x, y)
    form = f"{_source(condition, BOOL)} ? {_source(x, dtype)} : {_source(y, dtype)}"
    return trace.variable(form, dtype, shape)


def clip(x: Any, a_min: Any = None, a_max: Any = None) -> Expression:
    """Return `x` within limits."""
    x = x if a_min is None else maximum(x, a_min)
    return x if a_max is None else minimum(x, a_max)


def _broadcast_to(x: Expression, shape: tuple[int, ...]) -> Expression:
    return Expression(x.trace, x.name, x.dtype, np.broadcast_shapes(x.shape, shape))


def _full_like(x: Expression, fill_value: Any, dtype: Any = None) -> Expression:
    dtype = x.dtype if dtype is None else np.dtype(dtype)
    return x.trace.variable(_source(fill_value, dtype), dtype, x.shape)


def _asarray(x: Any, dtype: Any = None) -> Expression:
    return x if dtype is None and isinstance(x, Expression) else _cast(x, np.dtype(dtype))


ELEMENTWISE: dict[str, Make] = {
    name: _arithmetic(f"{name}({{0}})", "f")
    for name in ("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "tanh", "sin", "cos", "tan",
                 "sinh", "cosh", "floor", "ceil", "rint", "trunc")
} | {
    name: _arithmetic(f"{c}({{0}})", "f")
    for name, c in {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
                    "arctanh": "atanh", "arccosh": "acosh"}.items()
} | {
    "add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "true_divide": divide,
    "negative": negative, "absolute": absolute, "abs": absolute, "square": square, "sign": sign,
    "maximum": maximum, "minimum": minimum, "power": power, "where": where, "clip": clip,
    "reciprocal": _arithmetic("1 / {0}", "f"), "arctan2": _arithmetic("atan2({0}, {1})", "f"),
    "logical_and": logical_and, "logical_or": logical_or, "logical_xor": logical_xor,
    "logical_not": logical_not,
    "bitwise_and": _arithmetic("{0} & {1}", "biu"), "bitwise_or": _arithmetic("{0} | {1}", "biu"),
    "bitwise_xor": _arithmetic("{0} ^ {1}", "biu"),
    "invert": lambda x: logical_not(x) if x.dtype == BOOL else _bits(x),
    "isnan": _predicate("{0} != {0}", "f"), "isfinite": _predicate("{0} - {0} == 0", "f"),
    "isinf": _predicate("{0} == {0} && {0} - {0} != 0", "f"),
    "zeros_like": lambda x, dtype=None: _full_like(x, 0, dtype),
    "ones_like": lambda x, dtype=None: _full_like(x, 1, dtype),
    "full_like": _full_like, "asarray": _asarray, "broadcast_to": _broadcast_to,
    "erf": _arithmetic("erf({0})", "f"), "astype": lambda x, dtype: x.astype(dtype), "copy": lambda x: x.copy(),
}  # fmt: skip
"""The functions of elements, by CuPy's names."""

COMPARISONS = {
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
}  # fmt: skip
ELEMENTWISE |= {name: _predicate(f"{{0}} {sign} {{1}}") for name, sign in COMPARISONS.items()}


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}  # fmt: skip
"""The functions of the operators of arrays."""


def _reflected(function: Make) -> Make:
    return lambda x, y: function(y, x)


def _in_place(function: Make) -> Make:
    return lambda x, y: x.become(function(x, y))


for _name, _function in OPERATORS.items():
    setattr(Expression, f"__{_name}__", ELEMENTWISE[_function])
    setattr(Expression, f"__r{_name}__", _reflected(ELEMENTWISE[_function]))
    setattr(Expression, f"__i{_name}__", _in_place(ELEMENTWISE[_function]))
for _name, _function in zip(("lt", "le", "gt", "ge", "eq", "ne"), COMPARISONS, strict=True):
    setattr(Expression, f"__{_name}__", ELEMENTWISE[_function])


def of_module(name: str) -> Any:
    """Return a dtype or a constant of NumPy by its name. Raise NotElementwiseError for another name."""
    value = getattr(np, name, None)
    return value if isinstance(value, (type, float)) or name == "newaxis" else _refuse(name)


class Functions:
    """The functions of elements in place of the module `cupy`, with its dtypes and constants."""

    def __getattr__(self, name: str) -> Any:
        return ELEMENTWISE[name] if name in ELEMENTWISE else of_module(name)
