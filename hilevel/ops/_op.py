"""What an op is: a value, a gradient and a shape, written side by side.

```python
@op(dtype="float")
def tanh(xp, x: Tensor):
    return xp.tanh(x)

@tanh.gradient
def _(xp, g, y, x):
    return g * (1 - y * y)

@tanh.shape
def _(x):
    return like(x)
```

The value gets the array module `xp` and arrays. The gradient rule gets the gradient `g` of the result, the result
and the same arguments, and returns the gradient of each tensor argument; where one of several costs something, a
function without arguments that computes it, which is called only if it is needed. It may return more than the
argument's shape where the op broadcasts: the sum over the repeated axes is taken for it. The shape rule gets and
returns `Abstract` tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, overload

import numpy as np

from hilevel import dtypes, tensor
from hilevel._context import context, scope
from hilevel._types import DTypeLike, Function, Tensor
from hilevel.autodiff.capture import present
from hilevel.autodiff.tape import Traced, check_alive, owner, paused
from hilevel.backends import current_backend
from hilevel.dtypes import FLOAT32, INT32
from hilevel.errors import ShapeError, refuse_sparse
from hilevel.ops._abstract import Abstract, as_abstract
from hilevel.tensor import (
    ABSTRACT,
    DEVICE,
    HOST,
    KINDS,
    OTHER,
    SCALAR,
    SYMBOLIC,
    TRACED,
    VARIABLE,
)

P = ParamSpec("P")
_ndarray = np.ndarray

_TENSOR = ("Tensor", "Tensor | None", "'Tensor'")
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

    made_of_ops = False
    keeps_elements = False
    """Whether the result has the elements of its operand, in another shape or dtype."""

    def __init__(self, value: Function, dtype: str | None = None, shape: Function | None = None) -> None:
        signature = inspect.signature(value)
        parameters = list(signature.parameters.values())[1:]
        names = [p.name for p in parameters if p.annotation in _TENSOR]
        variadic = bool(parameters) and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
        self.value = value
        self.name = value.__name__.strip("_")
        self.arity = -1 if variadic else len(names)
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
        if len(args) != self.arity and self.arity >= 0:
            args, kwargs = self._bind(args, kwargs)  # type: ignore[assignment]
        kind = 0
        for a in args:
            kind |= KINDS.get(a.__class__, OTHER)
        if kind & (OTHER | VARIABLE | SYMBOLIC) or kind == SCALAR:
            if kind & SYMBOLIC:
                return _graph_call(self, args, kwargs)
            args, kind = _read(args)  # type: ignore[assignment]
        if self.promote is None:
            for a in args:
                if a.__class__ is _ndarray and a.dtype not in self.settled:
                    args = tuple(map(_native, args))  # type: ignore[assignment]
                    break
        elif _unsettled(args, self.settled):
            args = self.promote(args)
            if not kind & ABSTRACT and is_emulated(args):
                return rounded(self)(*args, **kwargs)
        if kind & ABSTRACT:
            return self.abstract(args, kwargs)
        try:
            if kind & TRACED:
                return self._record(args, kwargs)
            backend = context.backend or current_backend()
            if kind & DEVICE:
                args = tuple(map(present, args))  # type: ignore[assignment]
                if not any(map(backend.is_array, args)):
                    backend = _backend_of(args)
            if not backend.takes_host_arrays:
                args = backend.adopt(args)  # type: ignore[assignment]
            override = backend.overrides.get(self.name)
            value = self.value if override is None else override.value
            if context.capture is not None:
                return context.capture.call(value, (backend.xp, *args), kwargs)
            return value(backend.xp, *args, **kwargs)
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

    def _record(self, args: Any, kwargs: Any) -> Any:
        """Compute, and append the result to the open recording."""
        values: list[Any] = []
        parents: list[Traced | None] = []
        backend = context.backend or current_backend()
        record = context.recording
        linked = False
        for a in args:
            parent = None
            if a.__class__ is Traced:
                if a.recording is record:
                    parent, linked = a, True
                else:
                    check_alive(a)
                a = a.value
                if a.__class__ not in _HOST_TYPES and not backend.is_array(a):
                    backend = owner(a)
            parents.append(parent)
            values.append(a)
        if not backend.takes_host_arrays:
            values = list(backend.adopt(values))
        override = backend.overrides.get(self.name)
        form = self.value if override is None else override.value
        recorded = self.rule is not None and linked
        saving = self.saving if override is None or override.gradient is None else override.saving
        if not recorded:
            saving = None
        if saving is not None:
            form = saving
        if context.capture is not None:
            y = context.capture.call(form, (backend.xp, *values), kwargs)
        else:
            y = form(backend.xp, *values, **kwargs)
        if not recorded or record is None:
            return y
        residuals = None
        if saving is not None:
            y, residuals = y
        node = Traced(y, record, self, values, parents)
        node.attributes = kwargs
        node.residuals = residuals
        record.nodes.append(node)
        return _pick_all(node) if y.__class__ is tuple else node

    def abstract(self, args: Any, kwargs: Any) -> Any:
        """The shape and dtype of the result."""
        if self.shape_rule is None:
            raise TypeError(f"The op {self.name} has no shape rule; add one with @{self.name}.shape.")
        result = self.shape_rule(*[as_abstract(a) for a in args], **kwargs)
        if self.keeps_elements:
            result.source = getattr(args[0], "source", None)
        return result

    def _explain(self, args: Any, kwargs: Any, error: Exception) -> None:
        """After a failure: let the shape rule say what is wrong, in words that are equal on every backend."""
        better = current_backend().translate(error)
        if better is None and self.shape_rule is not None:
            try:
                with paused(), scope(abstract=1):
                    self.abstract(args, kwargs)
            except ShapeError as shape_error:
                better = shape_error
            except Exception:
                return
        if better is not None:
            raise better from None


def _native(x: Any) -> Any:
    return dtypes.native(x) if isinstance(x, _ndarray) else x


def _unsettled(args: Any, settled: frozenset[Any]) -> bool:
    """Whether operands may have to be cast: a quick check before the slow dtype rules."""
    first: Any = None
    number = False
    for a in args:
        if a.__class__ in _NUMBERS:
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
        if getattr(a, "dtype", INT32).kind == "V" and KINDS.get(a.__class__, OTHER) & (
            HOST | DEVICE | TRACED
        ):
            value = a.value if a.__class__ is Traced else a
            return value.__class__ in _HOST_TYPES or a.dtype.name in owner(value).emulated
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
        values = [_read_variable(a) for a in operands]
        if not is_emulated(values):
            return function(*args, **kwargs)
        dtype = dtypes.promoted(*(a.dtype for a in values if hasattr(a, "dtype")))
        if dtype.kind != "V":
            return function(*args, **kwargs)
        wide: Any = [a.astype(FLOAT32) if getattr(a, "dtype", None) == dtype else a for a in values]
        y = function(*wide[: len(args)], **dict(zip(kwargs, wide[len(args) :], strict=True)))
        return tuple(_narrow(part, dtype) for part in y) if isinstance(y, tuple) else _narrow(y, dtype)

    return call


def _read_variable(x: Any) -> Any:
    return x.read() if KINDS.get(x.__class__) == VARIABLE else x


def _narrow(y: Any, dtype: Any) -> Any:
    return y.astype(dtype) if y.dtype == FLOAT32 else y


_NUMBERS = frozenset({float, int, bool})
_HOST_TYPES = frozenset(t for t, kind in KINDS.items() if kind == HOST)


def _graph_call(op: Any, args: Any, kwargs: Any) -> Any:
    symbolic = next(a for a in args if KINDS.get(a.__class__) == SYMBOLIC)
    return symbolic.graph_call(op, args, kwargs)


def _read(args: Any) -> tuple[tuple[Any, ...], int]:
    """Variables as what they hold, lists and unknown things as arrays, and the kinds that result."""
    out, kind = [], 0
    for a in args:
        k = KINDS.get(a.__class__, OTHER)
        if k == VARIABLE:
            a = a.read()
        elif k == OTHER:
            a = to_array(a)
        out.append(a)
        kind |= KINDS.get(a.__class__, OTHER)
    if kind == SCALAR:
        return tuple(a if a is None else to_array(a) for a in out), kind & ~SCALAR
    return tuple(out), kind


def to_array(x: Any, dtype: DTypeLike = None) -> Any:
    """An array of the current backend, by the dtype rules: Python floats and lists of them in floatx."""
    x = present(x)
    kind = KINDS.get(x.__class__, OTHER)
    if kind in (TRACED, ABSTRACT, VARIABLE, SYMBOLIC):
        x = x.read() if kind == VARIABLE else x
        return x if dtype is None else x.astype(dtypes.as_dtype(dtype))
    backend = current_backend()
    if kind == HOST:
        x = dtypes.native(x)
    if kind == HOST and not backend.takes_host_arrays:
        return backend.asarray(x, None if dtype is None else dtypes.as_dtype(dtype))
    if kind in (HOST, DEVICE):
        return x if dtype is None or x.dtype == dtypes.as_dtype(dtype) else x.astype(dtypes.as_dtype(dtype))
    if kind == OTHER and not isinstance(x, (list, tuple)):
        known = next((t for t in KINDS if KINDS[t] == VARIABLE and isinstance(x, t)), None)
        if known is not None:
            return to_array(x.read(), dtype)
        if backend.is_array(x) or owner(x).is_array(x):
            KINDS[x.__class__] = HOST if backend.is_host(x) else DEVICE
            return x if dtype is None else x.astype(dtypes.as_dtype(dtype))
    if isinstance(x, (list, tuple)) and any(_holds_tensor(item) for item in x):
        return tensor.ops.stack([to_array(item, dtype) for item in x])
    return backend.asarray(_host(x, dtype))


def to_float_array(x: Any) -> Any:
    """`to_array`, integers and booleans as floatx."""
    return dtypes.to_float((to_array(x),))[0]


def _holds_tensor(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_holds_tensor, x))
    return KINDS.get(x.__class__, OTHER) in (TRACED, ABSTRACT, VARIABLE, SYMBOLIC, DEVICE)


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


def _backend_of(args: Any) -> Any:
    return owner(next(a for a in args if KINDS.get(a.__class__, OTHER) == DEVICE))


def _pick_all(node: Traced) -> tuple[Traced, ...]:
    outputs = []
    for i, value in enumerate(node.value):
        output = Traced(value, node.recording, None, (), (node,))
        output.picked = i
        outputs.append(output)
    return tuple(outputs)


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

    `dtype` says what is done to the operands first: `"common"` brings them to their common dtype, `"number"` makes
    int32 of booleans, too, `"float"` brings them to a floating-point dtype, `"product"` makes int32 of int8, `"sum"`
    of booleans and small integers; nothing where it is None. `shape` is the shape rule, where it is one of those that
    many ops share.

    >>> @ops.op(dtype="float")
    ... def cube(xp, x: "Tensor"):
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
            if KINDS.get(a.__class__) == SYMBOLIC:
                return a.graph_call(self, args, kwargs)  # type: ignore[attr-defined]
            if isinstance(a, (list, tuple)):
                for item in a:
                    if KINDS.get(item.__class__) == SYMBOLIC:
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


__all__ = ["Abstract", "Composite", "Op", "composite", "op", "to_array", "to_float_array"]
