"""What an op is: a value, a gradient and a shape, written side by side.

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

The value gets the array module `xp` and arrays. Its parameters before `*` are tensors, those after it attributes; `/`
in place of `*` lets callers give attributes by position, too. Without either all are tensors.

The gradient rule gets the gradient `g` of the result, the result and the same arguments, and returns the gradient of
each tensor argument; where one of several costs something, a function without arguments that computes it, which is
called only if it is needed. It may return more than the argument's shape where the op broadcasts: the sum over the
repeated axes is taken for it. The shape rule gets and returns `TensorSpec` tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
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
from hilevel.engine.types import DTypeLike, Function, Tensor
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
"""Kinds of dtypes that are always promoted."""


class Op(Generic[P]):
    """A primitive operation. Called on arrays it computes; on traced values it also records itself; on
    symbolic ones it becomes a node of a graph; on abstract ones it says what shape would result.

    >>> ops.tanh
    <op tanh>
    """

    is_composite = False
    keeps_elements = False
    """Whether the result has the elements of its operand, in another shape or dtype."""

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
        """Decorator: the op's gradient rule, `rule(xp, g, y, *tensors, **attributes)`."""
        self.rule = rule
        return rule

    def shape(self, rule: Function) -> Function:
        """Decorator: the op's shape rule, from abstract tensors to abstract tensors."""
        self.shape_rule = rule
        return rule

    def residuals(self, value: Function) -> Function:
        """Decorator: a form of the value that returns `(y, residuals)`. The tape hands the residuals to the
        gradient rule by that name; without them the rule computes what it needs."""
        self.saving = value
        return value

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        return self.__name__  # pickle finds it in its module

    # -- calling -----------------------------------------------------------------------------------

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        """Bind the arguments, promote the tensors among them, and hand them to the interpreter in force."""
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
            self._explain(args, kwargs, error)
            raise

    def _bind(self, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Put every tensor argument in its place, and every other under its name."""
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

    def abstract(self, args: Any, kwargs: Any) -> Any:
        """The shape and dtype of the result."""
        if self.shape_rule is None:
            raise TypeError(f"The op {self.name} has no shape rule; add one with @{self.name}.shape.")
        result = self.shape_rule(*[as_spec(a) for a in args], **kwargs)
        if self.keeps_elements:
            result.source = getattr(args[0], "source", None)
        return result

    def _explain(self, args: Any, kwargs: Any, error: Exception) -> None:
        """After a failure: let the shape rule say what is wrong, in words that are equal on every backend."""
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
    """Return the number of tensors among the parameters of an op's value: those before `/` or `*`, or all."""
    namespace, *parameters = signature.parameters.values()
    kinds = [p.kind for p in parameters]
    if namespace.kind is inspect.Parameter.POSITIONAL_ONLY:
        return kinds.count(inspect.Parameter.POSITIONAL_ONLY)
    return len(kinds) - kinds.count(inspect.Parameter.KEYWORD_ONLY)


def _unsettled(args: Any, settled: frozenset[Any]) -> bool:
    """Whether operands may have to be cast: a quick check before the slow dtype rules."""
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


def is_emulated(args: Any) -> bool:
    """Whether an operand's dtype is one that its backend, or NumPy on the host, stores but does not compute in."""
    for a in args:
        if getattr(a, "dtype", INT32).kind == "V" and a.__class__ in ARRAYS and a.__class__ is not TensorSpec:
            value = a.value if a.__class__ is TapeTensor else a
            return value.__class__ in HOST_TYPES or a.dtype.name in backend_of(value).emulated
    return False


def rounded(function: Callable[P, Any]) -> Callable[P, Any]:
    """Decorator for a function of tensors: where their dtype is emulated, compute in float32 and round the result.

    Functions that combine tensors with Python floats by operators need it: a NumPy array of bfloat16 times a float is
    float32.
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


def _narrow(y: Any, dtype: Any) -> Any:
    return y.astype(dtype) if y.dtype == FLOAT32 else y


def as_operands(args: tuple[Any, ...]) -> Any:
    """Return operands as tensors and numbers: Variables are read, lists and other objects become arrays. If all are
    numbers, these become arrays. If one is a symbolic tensor, return that."""
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


def to_array(x: Any, dtype: DTypeLike = None) -> Any:
    """An array of the current backend, by the dtype rules: Python floats and lists of them in floatx."""
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


def to_float_array(x: Any) -> Any:
    """`to_array`, integers and booleans as floatx."""
    return dtypes.to_float((to_array(x),))[0]


def _holds_tensor(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_holds_tensor, x))
    return (x.__class__ in ARRAYS and x.__class__ not in HOST_TYPES) or isinstance(x, TensorBase)


def _host(x: Any, dtype: DTypeLike) -> np.ndarray[Any, Any]:
    array = np.asarray(x)
    if array.dtype == object:
        refuse_sparse(x)
        raise TypeError(
            f"Cannot make a tensor of {type(x).__name__}: {str(x)[:80]!r}. Expected numbers, an array, or "
            "lists of equal length."
        )
    array = dtypes.native(array)
    if dtype is not None:
        return array.astype(dtypes.as_dtype(dtype), copy=False)
    if not hasattr(x, "dtype") and array.dtype.kind in "fiu" and _is_python(x):
        return array.astype(dtypes.of_scalar(0.0 if array.dtype.kind == "f" else 0))
    return array


def _is_python(x: Any) -> bool:
    """Whether the numbers are Python's, which have no dtype of their own."""
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
def op(function: Any = None, *, dtype: str | None = None, shape: Function | None = None) -> Any:
    """Decorator: make a primitive op of the function that computes its value.

    The parameters before `*`, or `/`, are tensors, those after it attributes.

    `dtype` says what is done to the operands first: `"common"` brings them to their common dtype, `"number"` makes
    int32 of booleans, too, `"float"` brings them to a floating-point dtype, `"product"` makes int32 of int8, `"sum"`
    of booleans and small integers; nothing where it is None. `shape` is the shape rule, where it is one of those that
    many ops share.

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
    """A function of ops that looks at shapes: on symbolic tensors it becomes one node of the graph.

    >>> ops.take
    <op take>
    """

    def __init__(self, function: Callable[P, Any]) -> None:
        self.function = function
        self.__name__ = self.__qualname__ = self.name = function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self.__signature__ = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        for a in (*args, *kwargs.values()):
            if isinstance(a, TensorBase) and a.is_symbolic:
                return a.graph_call(self, args, kwargs)
            if isinstance(a, (list, tuple)):
                for item in a:
                    if isinstance(item, TensorBase) and item.is_symbolic:
                        return item.graph_call(self, args, kwargs)
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        return self.__name__  # pickle finds it in its module


def composite(function: Callable[P, Any]) -> Composite[P]:
    """Decorator for an op that is said with other ops and looks at the shapes of its arguments.

    >>> @ops.composite
    ... def flat(x):
    ...     return ops.reshape(x, (x.shape[0], -1))
    >>> flat(np.ones((2, 3, 4))).shape
    (2, 12)
    """
    return Composite(function)


__all__ = ["Composite", "Op", "TensorSpec", "composite", "op", "to_array", "to_float_array"]
