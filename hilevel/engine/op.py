"""Ops: a value, a gradient rule and a shape rule, side by side.

```python
@op(dtype="float")
def tanh(xp, x):
    return xp.tanh(x)

@tanh.gradient
def _(xp, g, y, x):
    return g * (1 - y * y)

@tanh.shape
def _(x):
    return like(x)
```

The value gets the array module `xp` and arrays. Its parameters before `*` are tensors, the parameters after `*`
attributes. With `/` in place of `*`, callers may pass attributes by position. Without either, all are tensors.

The gradient rule gets the gradient `g` of the result, the result and the same arguments. It returns the gradient of
each tensor argument. An expensive gradient may be returned as a function without arguments, which is called only if
that gradient is needed. Where the op broadcasts, a gradient may have the broadcast shape: the tape sums it to the
shape of the argument. The shape rule gets and returns `TensorSpec` tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, overload

import numpy as np

from hilevel.engine import dtypes, tensor
from hilevel.engine.autodiff.tape import TapeTensor
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import FLOAT32, INT32
from hilevel.engine.interpreter import ARRAYS, HOST_TYPES, NUMBERS, SHAPES, backend_of
from hilevel.engine.spec import TensorSpec, as_spec
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Array, DType, DTypeLike, Function, Tensor, TensorLike
from hilevel.errors import ShapeError, refuse_sparse

P = ParamSpec("P")
_ndarray = np.ndarray

_PROMOTIONS: dict[str | None, Function | None] = {
    None: None,
    "common": dtypes.to_common,
    "number": dtypes.to_number,
    "float": dtypes.to_float,
    "product": dtypes.to_product,
    "sum": dtypes.to_sum,
}
_UNSETTLED = {"number": "b", "float": "biu", "product": "i", "sum": "biu"}
"""The kinds of dtypes that each promotion changes."""


class Op(Generic[P]):
    """A primitive operation: a function of tensors and attributes with a gradient rule and a shape rule.

    A call on arrays computes. A call on tensors of a tape is recorded as well. A call on symbolic tensors adds a
    node to their graph. A call on `TensorSpec` tensors infers the shape and dtype of the result.

    Args:
        value: `value(xp, *tensors, **attributes)`, which computes the result.
        dtype: the promotion of the tensors; see `op`.
        shape: the shape rule.

    >>> ops.tanh
    <op tanh>
    """

    is_composite = False
    keeps_elements = False
    """True if the result has the elements of its operand, in another shape or dtype."""

    def __init__(self, value: Function, dtype: str | None = None, shape: Function | None = None) -> None:
        signature = inspect.signature(value)
        parameters = list(signature.parameters.values())[1:]
        variadic = bool(parameters) and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
        self.value = value
        self.name = value.__name__.strip("_").removesuffix("_op")
        self.arity = -1 if variadic else _number_of_tensors(signature)
        self.parameters = [p.name for p in parameters]
        self.required = sum(p.default is inspect.Parameter.empty for p in parameters)
        self.promote = _PROMOTIONS[dtype]
        self.settled = frozenset(d for d in dtypes.NATIVE if d.kind not in _UNSETTLED.get(dtype or "", ""))
        self.rule: Function | None = None
        self.shape_rule = shape
        self.saving: Function | None = None
        self.__name__ = self.__qualname__ = value.__name__
        self.__doc__ = value.__doc__
        self.__module__ = value.__module__
        self.__wrapped__ = value
        if not variadic:
            parameters = [p.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in parameters]
        self.__signature__ = signature.replace(parameters=parameters)

    def gradient(self, rule: Function) -> Function:
        """Set the gradient rule, `rule(xp, g, y, *tensors, **attributes)`, as a decorator."""
        self.rule = rule
        return rule

    def shape(self, rule: Function) -> Function:
        """Set the shape rule, from `TensorSpec` tensors to `TensorSpec` tensors, as a decorator."""
        self.shape_rule = rule
        return rule

    def residuals(self, value: Function) -> Function:
        """Set a form of the value that returns `(y, residuals)`, as a decorator.

        The tape passes the residuals to the gradient rule as a keyword argument. Without residuals the rule computes
        these values itself.
        """
        self.saving = value
        return value

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        return self.__name__  # pickle finds it in its module

    # -- calling -----------------------------------------------------------------------------------

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        """Bind the arguments, promote the tensors among them, and let the interpreter execute the call."""
        if len(args) != self.arity and self.arity >= 0:
            args, kwargs = self._bind(args, kwargs)  # type: ignore[assignment]
        has_arrays = False
        for a in args:
            if a.__class__ in ARRAYS:
                has_arrays = True
            elif a.__class__ not in NUMBERS:
                has_arrays = False
                break
        if not has_arrays:
            operands = as_operands(args)
            if isinstance(operands, TensorBase):
                return operands.graph_call(self, args, kwargs)
            args = operands
        if self.promote is None:
            for a in args:
                if a.__class__ is _ndarray and a.dtype not in self.settled:
                    args = tuple(map(dtypes.native, args))  # type: ignore[assignment]
                    break
        elif _unsettled(args, self.settled):
            args = self.promote(args)
            if is_emulated(args):
                return rounded(self)(*args, **kwargs)
        try:
            return context.interpreter.run(self, args, kwargs)
        except (ValueError, TypeError, IndexError) as error:
            symbol = _first_symbolic(kwargs.values())
            if symbol is not None:
                return symbol.graph_call(self, args, kwargs)
            if any(map(_is_abstract, kwargs.values())):
                return context.interpreter.infer(self, args, kwargs)
            self._explain(args, kwargs, error)
            raise

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the tensors by position, and the attributes by name."""
        names = self.parameters
        if self.arity < len(args) <= len(names):
            return args[: self.arity], kwargs | dict(
                zip(names[self.arity :], args[self.arity :], strict=False)
            )
        if len(args) > len(names):
            raise TypeError(
                f"{self.name}() takes at most {len(names)} arguments ({', '.join(names)}); got {len(args)}."
            )
        given = dict(zip(names, args, strict=False)) | kwargs
        missing = [n for n in names[: self.required] if n not in given]
        if missing:
            raise TypeError(f"{self.name}() misses the argument {', '.join(missing)}.")
        tensors = tuple(given.pop(n, None) for n in names[: self.arity])
        return tensors, given

    def abstract(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return the shape and dtype of the result for `TensorSpec` operands."""
        if self.shape_rule is None:
            raise TypeError(f"The op {self.name} has no shape rule; add one with @{self.name}.shape.")
        result = self.shape_rule(*[as_spec(a) for a in args], **kwargs)
        if self.keeps_elements:
            result.source = getattr(args[0], "source", None)
        return result

    def _explain(self, args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception) -> None:
        """Raise the error of the shape rule, which is the same on every backend, in place of an array library's."""
        better = current_backend().translate(error)
        if better is None and self.shape_rule is not None:
            try:
                with scope(interpreter=SHAPES):
                    self.abstract(args, kwargs)
            except ShapeError as shape_error:
                better = shape_error
            except Exception:
                return
        if better is not None:
            raise better from None


def _number_of_tensors(signature: inspect.Signature) -> int:
    """Return the number of tensor parameters of an op's value: all before `/` or `*`."""
    namespace, *parameters = signature.parameters.values()
    kinds = [p.kind for p in parameters]
    if namespace.kind is inspect.Parameter.POSITIONAL_ONLY:
        return kinds.count(inspect.Parameter.POSITIONAL_ONLY)
    return len(kinds) - kinds.count(inspect.Parameter.KEYWORD_ONLY)


def _unsettled(args: Sequence[Any], settled: frozenset[Any]) -> bool:
    """Return whether operands may need a cast: a quick check before the slow dtype rules."""
    first: Any = None
    number = False
    for a in args:
        if a.__class__ in NUMBERS and a is not None:
            number = True
        elif a is not None:
            dtype = a.dtype
            if first is None:
                first = dtype
            elif dtype is not first:
                return True
    return first not in settled or (number and first.kind in "biu")


# -- dtypes that a backend stores, but does not compute in -------------------------------------------


def is_emulated(args: Sequence[Any]) -> bool:
    """Return whether the backend of an operand, or NumPy, stores its dtype but does not compute in it."""
    for a in args:
        if getattr(a, "dtype", INT32).kind == "V" and a.__class__ in ARRAYS and a.__class__ is not TensorSpec:
            value = a.value if a.__class__ is TapeTensor else a
            return value.__class__ in HOST_TYPES or a.dtype.name in backend_of(value).emulated
    return False


def rounded(function: Callable[P, Any]) -> Callable[P, Any]:
    """Wrap a function of tensors: for an emulated dtype, compute in float32 and round the result.

    Functions that combine tensors with Python floats by operators need this decorator: a NumPy array of bfloat16
    times a float is float32.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        operands = (*args, *kwargs.values()) if kwargs else args
        for a in operands:
            if getattr(a, "dtype", INT32).kind == "V":
                break
        else:
            return function(*args, **kwargs)
        values: list[Any] = [a.read() if isinstance(a, TensorBase) else a for a in operands]
        if not is_emulated(values):
            return function(*args, **kwargs)
        dtype = dtypes.promoted(*(a.dtype for a in values if hasattr(a, "dtype")))
        if dtype.kind != "V":
            return function(*args, **kwargs)
        wide: Any = [a.astype(FLOAT32) if getattr(a, "dtype", None) == dtype else a for a in values]
        y = function(*wide[: len(args)], **dict(zip(kwargs, wide[len(args) :], strict=True)))
        return tuple(_narrow(part, dtype) for part in y) if isinstance(y, tuple) else _narrow(y, dtype)

    return call


def _narrow(y: Array, dtype: DType) -> Array:
    return y.astype(dtype) if y.dtype == FLOAT32 else y


def as_operands(args: tuple[Any, ...]) -> Any:
    """Return operands as tensors and Python scalars; or a symbolic tensor among them.

    Variables are read. Lists and other objects become arrays, and so do Python scalars if there is no tensor.
    """
    operands: list[Any] = []
    numbers = True
    for a in args:
        if a.__class__ not in NUMBERS:
            numbers = False
            if isinstance(a, TensorBase):
                if a.is_symbolic:
                    return a
                a = a.read()
            elif a.__class__ not in ARRAYS:
                a = to_array(a)
        operands.append(a)
    if numbers:
        return tuple([a if a is None else to_array(a) for a in operands])
    return tuple(operands)


def to_array(x: TensorLike, dtype: DTypeLike = None) -> Array:
    """Return a tensor as an operand; convert other objects to arrays of the current backend by the dtype rules."""
    if isinstance(x, TensorBase):
        x = x.read()
        return x if dtype is None else x.astype(dtypes.as_dtype(dtype))
    kind, backend = x.__class__, current_backend()
    if kind in HOST_TYPES and kind not in NUMBERS:
        x = dtypes.native(x)
        if not backend.takes_host_arrays:
            return backend.asarray(x, None if dtype is None else dtypes.as_dtype(dtype))
    elif kind not in ARRAYS:
        if kind in NUMBERS or isinstance(x, (list, tuple)):
            if kind not in NUMBERS and any(map(_holds_tensor, x)):
                return tensor.ops.stack([to_array(item, dtype) for item in x])
            return backend.asarray(_host(x, dtype))
        if not (backend.is_array(x) or backend_of(x).is_array(x)):
            return backend.asarray(_host(x, dtype))
        ARRAYS.add(kind)
    return x if dtype is None or x.dtype == dtypes.as_dtype(dtype) else x.astype(dtypes.as_dtype(dtype))


def to_operand(x: TensorLike) -> Any:
    """Return a Python scalar unchanged, so that it does not promote the dtype, and any other operand as an array."""
    return x if isinstance(x, (int, float)) else to_array(x)


def to_float_array(x: TensorLike) -> Array:
    """Convert as `to_array` does, integers and booleans to floatx."""
    return dtypes.to_float((to_array(x),))[0]


def _holds_tensor(x: object) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_holds_tensor, x))
    return (x.__class__ in ARRAYS and x.__class__ not in HOST_TYPES) or isinstance(x, TensorBase)


def _host(x: TensorLike, dtype: DTypeLike) -> np.ndarray[Any, Any]:
    array = np.asarray(x)
    if array.dtype == object:
        refuse_sparse(x)
        raise TypeError(
            f"Cannot convert {type(x).__name__} to a tensor: {str(x)[:80]!r}. Expected an array, a Python scalar, or "
            "lists of equal length."
        )
    array = dtypes.native(array)
    if dtype is not None:
        return array.astype(dtypes.as_dtype(dtype), copy=False)
    if not hasattr(x, "dtype") and array.dtype.kind in "fiu" and _is_python(x):
        return array.astype(dtypes.of_scalar(0.0 if array.dtype.kind == "f" else 0))
    return array


def _is_python(x: TensorLike) -> bool:
    """Return whether the elements are Python scalars, which have no dtype of their own."""
    while isinstance(x, (list, tuple)) and len(x):
        x = x[0]
    return not hasattr(x, "dtype") and not hasattr(x, "__array__")


@overload
def op(
    function: Callable[Concatenate[Any, P], Any], *, dtype: str | None = None, shape: Function | None = None
) -> Op[P]: ...
@overload
def op(
    function: None = None, *, dtype: str | None = None, shape: Function | None = None
) -> Callable[[Callable[Concatenate[Any, P], Any]], Op[P]]: ...
def op(function: Function | None = None, *, dtype: str | None = None, shape: Function | None = None) -> Any:
    """Make a primitive op of the function that computes its value, as a decorator.

    Args:
        function: `function(xp, *tensors, **attributes)`. The parameters before `*` or `/` are tensors.
        dtype: the promotion of the tensors; None for no promotion. `"common"` casts them to their common dtype.
            `"number"` also casts booleans to int32, `"float"` integers to floatx, and `"product"` int8 to int32.
            `"sum"` casts booleans and small integers to int32.
        shape: the shape rule, if it is one of the rules that many ops share.

    >>> @ops.op(dtype="float")
    ... def cube(xp, x):
    ...     return x * x * x
    >>> cube([1.0, 2.0])
    array([1., 8.], dtype=float32)
    """
    if function is None:
        return lambda f: Op(f, dtype, shape)
    return Op(function, dtype, shape)


class Composite(Generic[P]):
    """A function of ops that depends on shapes. A call on symbolic tensors adds one node to their graph.

    Args:
        function: the function of tensors.

    >>> ops.take
    <op take>
    """

    def __init__(self, function: Callable[P, Any]) -> None:
        self.function = function
        self.shape_rule: Function | None = None
        self.__name__ = self.__qualname__ = self.name = function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self.__signature__ = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        symbol = _first_symbolic((*args, *kwargs.values()))
        if symbol is not None:
            return symbol.graph_call(self, args, kwargs)
        if self.shape_rule is not None and any(map(_is_abstract, (*args, *kwargs.values()))):
            return context.interpreter.infer(self, args, kwargs)
        return self.function(*args, **kwargs)

    def abstract(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the shape and dtype of the result by the shape rule, which this composite must have."""
        assert self.shape_rule is not None
        return self.shape_rule(*args, **kwargs)

    def shape(self, rule: Function) -> Function:
        """Set a shape rule for a result whose shape cannot be inferred from the function, as a decorator."""
        self.shape_rule = rule
        return rule

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        return self.__name__  # pickle finds it in its module


def _first_symbolic(values: Iterable[Any]) -> Any:
    """Return the first symbolic tensor among arguments, or in lists, tuples and dicts among them; None without one."""
    for x in values:
        if isinstance(x, TensorBase):
            if x.is_symbolic:
                return x
        elif isinstance(x, (list, tuple, dict)):
            found = _first_symbolic(x.values() if isinstance(x, dict) else x)
            if found is not None:
                return found
    return None


def _is_abstract(x: object) -> bool:
    """Return whether an argument of a composite is a `TensorSpec`, or a list with one."""
    return isinstance(x, TensorSpec) or (isinstance(x, (list, tuple)) and any(map(_is_abstract, x)))


def composite(function: Callable[P, Any]) -> Composite[P]:
    """Make a composite of a function that calls ops and depends on the shapes of its arguments, as a decorator.

    Args:
        function: the function of tensors.

    >>> @ops.composite
    ... def flat(x):
    ...     return ops.reshape(x, (x.shape[0], -1))
    >>> flat(np.ones((2, 3, 4))).shape
    (2, 12)
    """
    return Composite(function)


__all__ = ["Composite", "Op", "TensorSpec", "composite", "op", "to_array", "to_float_array"]
