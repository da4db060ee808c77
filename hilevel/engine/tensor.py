"""Base classes of hilevel's own tensors: operators, methods, and NumPy's functions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.api.lazy import LazyModule
from hilevel.engine.context import context
from hilevel.engine.types import Array, Axis, DTypeLike, Function, Index, TensorLike
from hilevel.errors import TracedValueError

ops: Any = LazyModule("hilevel.ops")
"""The ops that operators call. Their modules import this one."""


class TensorBase:
    """Base class of tensors: operators and methods that call `hilevel.ops`. Subclasses have `shape` and `dtype`."""

    __slots__ = ()
    shape: Any
    dtype: Any
    is_symbolic = False
    """True for a tensor of a graph. Its `graph_call(op, args, kwargs)` returns the result of an op."""
    graph_call: Any

    def read(self) -> Any:
        """Return the tensor as an operand of an op."""
        return self

    def __add__(self, other: TensorLike) -> Any:
        return ops.add(self, other)

    def __radd__(self, other: TensorLike) -> Any:
        return ops.add(other, self)

    def __sub__(self, other: TensorLike) -> Any:
        return ops.subtract(self, other)

    def __rsub__(self, other: TensorLike) -> Any:
        return ops.subtract(other, self)

    def __mul__(self, other: TensorLike) -> Any:
        return ops.multiply(self, other)

    def __rmul__(self, other: TensorLike) -> Any:
        return ops.multiply(other, self)

    def __truediv__(self, other: TensorLike) -> Any:
        return ops.divide(self, other)

    def __rtruediv__(self, other: TensorLike) -> Any:
        return ops.divide(other, self)

    def __floordiv__(self, other: TensorLike) -> Any:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: TensorLike) -> Any:
        return ops.floor_divide(other, self)

    def __mod__(self, other: TensorLike) -> Any:
        return ops.mod(self, other)

    def __rmod__(self, other: TensorLike) -> Any:
        return ops.mod(other, self)

    def __pow__(self, other: TensorLike) -> Any:
        return ops.power(self, other)

    def __rpow__(self, other: TensorLike) -> Any:
        return ops.power(other, self)

    def __matmul__(self, other: TensorLike) -> Any:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: TensorLike) -> Any:
        return ops.matmul(other, self)

    def __neg__(self) -> Any:
        return ops.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return ops.abs(self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return ops.round(self, ndigits or 0)

    def __invert__(self) -> Any:
        return ops.logical_not(self)

    def __and__(self, other: TensorLike) -> Any:
        return ops.logical_and(self, other)

    def __or__(self, other: TensorLike) -> Any:
        return ops.logical_or(self, other)

    def __xor__(self, other: TensorLike) -> Any:
        return ops.logical_xor(self, other)

    def __rand__(self, other: TensorLike) -> Any:
        return ops.logical_and(other, self)

    def __ror__(self, other: TensorLike) -> Any:
        return ops.logical_or(other, self)

    def __rxor__(self, other: TensorLike) -> Any:
        return ops.logical_xor(other, self)

    def __lt__(self, other: TensorLike) -> Any:
        return ops.less(self, other)

    def __le__(self, other: TensorLike) -> Any:
        return ops.less_equal(self, other)

    def __gt__(self, other: TensorLike) -> Any:
        return ops.greater(self, other)

    def __ge__(self, other: TensorLike) -> Any:
        return ops.greater_equal(self, other)

    def __eq__(self, other: object) -> Any:
        return ops.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return ops.not_equal(self, other)

    __hash__ = object.__hash__

    def __getitem__(self, key: Index) -> Any:
        return ops.getitem(self, key)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor without axes.")
        return self.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def T(self) -> Any:
        """The tensor with its axes in reverse order."""
        return ops.transpose(self)

    def astype(self, dtype: DTypeLike) -> Any:
        """Return the tensor in another dtype."""
        return ops.cast(self, dtype)

    def reshape(self, *shape: Any) -> Any:
        """Return the elements in another shape, given as integers or as one sequence; -1 stands for the rest."""
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """Return the tensor with its axes in another order, given as integers or as one sequence; reversed without."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return ops.transpose(self, order)

    def squeeze(self, axis: Axis = None) -> Any:
        """Return the tensor without axes of length 1."""
        return ops.squeeze(self, axis)

    def flatten(self) -> Any:
        """Return the elements along one axis."""
        return ops.ravel(self)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the sum over axes."""
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the mean over axes."""
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def std(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the standard deviation over axes."""
        return ops.std(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the variance over axes."""
        return ops.var(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the product over axes."""
        return ops.prod(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the maximum over axes."""
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the minimum over axes."""
        return ops.min(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Return the indices of the largest elements along an axis."""
        return ops.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Return the indices of the smallest elements along an axis."""
        return ops.argmin(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return True where all elements along axes are true."""
        return ops.all(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return True where any element along axes is true."""
        return ops.any(self, axis=axis, keepdims=keepdims)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return _by_name(ufunc.__name__, method == "__call__" and not kwargs, self, inputs, kwargs)

    def __array_function__(
        self, func: Function, types: Sequence[type], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        is_plain = func.__module__ != "numpy.fft"  # ops.fft takes and returns real and imaginary parts
        has_op = is_plain and hasattr(ops, ALIASES.get(func.__name__, func.__name__))
        if not has_op and context.interpreter.is_plain and not context.compiling and not self.is_symbolic:
            args, kwargs = tree.map_structure(_on_host, (tuple(args), dict(kwargs)))
            return func(*args, **kwargs)
        return _by_name(func.__name__, is_plain, self, args, kwargs)


def _on_host(x: Any) -> Any:
    """Return a tensor as a NumPy array, and other objects unchanged."""
    return x.numpy() if hasattr(x, "is_symbolic") else x


def values_of(x: Array) -> Array:
    """Return the array of a tensor for code that reads its values; other objects unchanged."""
    return x.read_values() if isinstance(x, ConcreteTensor) else x


class ConcreteTensor(TensorBase):
    """Base class of tensors that hold an array, `value`."""

    __slots__ = ()
    value: Any

    def read_values(self) -> Any:
        """Return the array, for code that reads its values."""
        return values_of(self.value)

    @property
    def shape(self) -> Any:
        """The shape of the value."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the value."""
        return self.value.dtype

    def numpy(self) -> Any:
        """Return the value as a NumPy array."""
        raise NotImplementedError

    def item(self) -> Any:
        """Return the value of a tensor of one element as a Python scalar."""
        return self.numpy().item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python scalars."""
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __index__(self) -> int:
        return int(self.numpy().__index__())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)


ALIASES = {
    "concat": "concatenate", "permute_dims": "transpose", "amax": "max", "amin": "min",
    "pow": "power", "true_divide": "divide", "arcsin": "arcsin", "absolute": "abs",
    "round_": "round", "remainder": "mod", "acos": "arccos", "asin": "arcsin", "atan": "arctan",
}  # fmt: skip


def _by_name(name: str, plain: bool, x: TensorBase, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the op that corresponds to a NumPy function, or raise TracedValueError."""
    function = getattr(ops, ALIASES.get(name, name), None)
    if plain and function is not None:
        return function(*args, **kwargs)
    advice = f"use hilevel.ops.{ALIASES.get(name, name)}" if function else "see hilevel.ops"
    raise TracedValueError(
        f"numpy.{name} cannot be used on {_description(x)}: hilevel cannot record the call. "
        f"Instead, {advice}. If no gradient is needed, pass "
        "hilevel.ops.convert_to_numpy(hilevel.ops.stop_gradient(x))."
    )


def _description(x: TensorBase) -> str:
    return f"a {type(x).__name__.lower()} tensor of shape {tuple(x.shape)}"
