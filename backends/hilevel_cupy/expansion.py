"""Expansion: a call of an op as the calls of CuPy in it, so that its element-wise parts can be fused with others.

The function of a call runs on `Traced` arrays, which have a slot, a shape and a dtype, but no values. Each call of
CuPy is recorded. A function that calls anything else is left as it is.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import cupy
import cupyx.scipy.special
import numpy as np

from hilevel import tree
from hilevel.engine.backends import current_backend
from hilevel.engine.compile.capture import Call, ValueId
from hilevel.engine.context import scope
from hilevel.engine.interpreter import ARRAYS, Interpreter
from hilevel.engine.op import Op
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.types import DType
from hilevel_cupy import joining
from hilevel_cupy.expressions import (
    COMPARISONS,
    ELEMENTWISE,
    OPERATORS,
    Expression,
    NotElementwiseError,
    Trace,
    of_module,
)

Spec = tuple[tuple[int, ...], DType]


def astype(x: Any, dtype: Any) -> Any:
    """Return an array in a dtype."""
    return x.astype(dtype)


def copy(x: Any) -> Any:
    """Return a copy of an array."""
    return x.copy()


FUNCTIONS: dict[str, Any] = {"erf": cupyx.scipy.special.erf, "astype": astype, "copy": copy}
FUNCTIONS |= {name: getattr(cupy, name) for name in ELEMENTWISE if name not in FUNCTIONS}
"""CuPy's element-wise functions, by the names of their forms for one element."""


def expanded(call: Call, specs: list[Spec]) -> list[Call] | None:
    """Return the calls of CuPy that a call makes; None if it calls more than the functions that are known here.

    Args:
        call: a call of a captured step.
        specs: the shape and dtype of each value, by its slot. The specs of new values are appended.
    """
    expansion, count = _Expansion(specs), len(specs)
    try:
        return expansion.calls_of(call)
    except Exception:  # the function of the user does something else with its arrays
        del specs[count:]
        return None


class _Expansion(Interpreter):
    """The calls of CuPy in one call, in order. The interpreter of ops that its function uses."""

    def __init__(self, specs: list[Spec]) -> None:
        self.specs = specs
        self.calls: list[Call] = []
        self.functions = _Functions(self)

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record the calls of an op that the function of the call uses."""
        form = current_backend().overrides[op] or op
        return form.value(self.functions, *args, **kwargs)

    def calls_of(self, call: Call) -> list[Call]:
        """Run the function of a call, and return its calls."""
        args, kwargs = replaced((call.args, call.kwargs), self._argument)
        with scope(interpreter=self):
            results = tree.flatten(call.function(*args, **kwargs))
        made = {c.out for c in self.calls}
        names: dict[int, ValueId] = {}
        for slot, y in zip(tree.flatten(call.out), results, strict=True):
            if isinstance(slot, ValueId):
                if not isinstance(y, Traced) or (y.shape, y.dtype) != self.specs[slot]:
                    raise NotElementwiseError("A result is not as in the capture.")
                if y.slot not in made or y.slot in names:  # an argument, or twice the same array
                    y = y.copy()
                names[y.slot] = slot

        def rename(x: Any) -> Any:
            return names.get(x, x) if isinstance(x, ValueId) else x

        return [
            Call(c.function, replaced(c.args, rename), c.kwargs, rename(c.out), (), None) for c in self.calls
        ]

    def _argument(self, x: Any) -> Any:
        if isinstance(x, ValueId):
            return Traced(self, x, *self.specs[x], is_fixed=True)
        if isinstance(x, cupy.ndarray):
            return Traced(self, x, x.shape, x.dtype, is_fixed=True)
        return self.functions if x is cupy else x

    def emit(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], spec: Spec) -> Traced:
        """Record a call with one result."""
        slot = ValueId(len(self.specs))
        self.specs.append(spec)
        of = lambda x: x.slot if isinstance(x, Traced) else x
        self.calls.append(Call(function, replaced(args, of), kwargs, slot, (), None))
        return Traced(self, slot, *spec)

    def constant(self, function: Any, shape: tuple[int, ...], dtype: Any) -> Traced:
        """Record a call that makes an array."""
        return self.emit(function, (shape,), {"dtype": dtype}, (tuple(shape), np.dtype(dtype)))

    def elementwise(self, name: str, *operands: Any, **options: Any) -> Traced:
        """Record a call of an element-wise function. Its form for one element gives the shape and dtype."""
        trace = Trace()
        elements = [
            Expression(trace, "x", x.dtype, x.shape) if isinstance(x, Traced) else x for x in operands
        ]
        y = ELEMENTWISE[name](*elements, **options)
        return self.emit(FUNCTIONS[name], operands, options, (y.shape, y.dtype))


class Traced:
    """An array of an expansion: its slot, or itself if it is a constant; its shape and dtype.

    It is fixed, and cannot change in place, if it is an argument or if it shares memory with a view.
    """

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, expansion: _Expansion, slot: Any, shape: tuple[int, ...], dtype: DType, is_fixed: bool = False
    ) -> None:
        self.expansion, self.slot, self.shape, self.dtype = expansion, slot, shape, dtype
        self.is_fixed = is_fixed
        self.ndim, self.size = len(shape), math.prod(shape)

    def become(self, y: Traced) -> Traced:
        """Change the array in place, so that all of its names have the new value."""
        y = y.astype(self.dtype, copy=False)
        if self.is_fixed or y.shape != self.shape:
            raise NotElementwiseError("An argument or a view is changed in place.")
        self.slot = y.slot
        return self

    def same(self) -> Traced:
        """Return the array as a view of itself."""
        self.is_fixed = True
        return self

    def view(self, function: Any, args: tuple[Any, ...], shape: tuple[int, ...]) -> Traced:
        """Record a call that returns a view. From now on neither array may change in place."""
        y = self.expansion.emit(function, (self, *args), {}, (shape, self.dtype))
        y.is_fixed = self.is_fixed = True
        return y

    def astype(self, dtype: Any, copy: bool = True) -> Traced:
        """Return the array in a dtype."""
        if self.dtype == dtype and not copy:
            return self
        return self.expansion.elementwise("astype", self, np.dtype(dtype))

    def copy(self) -> Traced:
        """Return a copy."""
        return self.expansion.elementwise("copy", self)

    def reshape(self, *shape: Any) -> Traced:
        """Return the elements in another shape."""
        return _reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Traced:
        """Return the array with its axes in another order."""
        return _transpose(self, axes[0] if len(axes) == 1 else axes or None)

    @property
    def T(self) -> Traced:
        """The array with its axes in reverse order."""
        return _transpose(self)

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Traced:
        """Return the sum over axes."""
        return REDUCTIONS["sum"](self, axis, keepdims, dtype)

    def max(self, axis: Any = None, keepdims: bool = False) -> Traced:
        """Return the maximum over axes."""
        return REDUCTIONS["max"](self, axis, keepdims)

    def __getitem__(self, key: Any) -> Traced:
        parts = key if isinstance(key, tuple) else (key,)
        if not all(k is None or k is Ellipsis or isinstance(k, (int, slice)) for k in parts):
            raise NotElementwiseError("An index is an array.")
        return self.view(operator.getitem, (key,), _view(self)[key].shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __matmul__(self, other: Any) -> Traced:
        return _matmul(self, other)


ARRAYS.add(Traced)


def _operator_of(name: str) -> Callable[..., Traced]:
    return lambda x, *others: x.expansion.elementwise(name, x, *others)


def _reflected(name: str) -> Callable[..., Traced]:
    return lambda x, other: x.expansion.elementwise(name, other, x)


def _in_place(name: str) -> Callable[..., Traced]:
    return lambda x, other: x.become(x.expansion.elementwise(name, x, other))


for _name, _function in OPERATORS.items():
    setattr(Traced, f"__{_name}__", _operator_of(_function))
    setattr(Traced, f"__r{_name}__", _reflected(_function))
    setattr(Traced, f"__i{_name}__", _in_place(_function))
for _name, _function in {"neg": "negative", "abs": "absolute", "invert": "invert"}.items():
    setattr(Traced, f"__{_name}__", _operator_of(_function))
for _name, _function in zip(("lt", "le", "gt", "ge", "eq", "ne"), COMPARISONS, strict=True):
    setattr(Traced, f"__{_name}__", _operator_of(_function))


# -- other functions --------------------------------------------------------------------------------


def _view(x: Traced) -> np.ndarray[Any, Any]:
    """Return an array of NumPy of the same shape, which takes no memory."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape)


def _matmul(a: Traced, b: Traced) -> Traced:
    if a.dtype != b.dtype or a.dtype.kind != "f" or a.ndim < 2 or b.ndim < 2:
        raise NotElementwiseError("The product is not one of matrices.")
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    return a.expansion.emit(cupy.matmul, (a, b), {}, (shape, a.dtype))


def _reshape(a: Traced, newshape: Any) -> Traced:
    sizes = [int(n) for n in newshape] if isinstance(newshape, Sequence) else [int(newshape)]
    rest = math.prod(n for n in sizes if n != -1)
    shape = tuple(a.size // max(rest, 1) if n == -1 else n for n in sizes)
    if shape == a.shape:
        return a.same()
    return a.view(cupy.reshape, (shape,), shape)


def _transpose(a: Traced, axes: Any = None) -> Traced:
    if axes is not None and list(axes) == list(range(a.ndim)):
        return a.same()
    return a.view(cupy.transpose, (axes,), _view(a).transpose(axes).shape)


def _swapaxes(a: Traced, axis1: int, axis2: int) -> Traced:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return _transpose(a, tuple(axes))


def _concatenate(parts: Sequence[Traced], axis: int = 0) -> Traced:
    if len({part.dtype for part in parts}) > 1:
        raise NotElementwiseError("The arrays are of several dtypes.")
    first = parts[0]
    shape = list(first.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return first.expansion.emit(joining.concatenate, (list(parts), axis), {}, (tuple(shape), first.dtype))


def _stack(parts: Sequence[Traced], axis: int = 0) -> Traced:
    first = parts[0]
    if len({(part.dtype, part.shape) for part in parts}) > 1:
        raise NotElementwiseError("The arrays are of several dtypes or shapes.")
    shape = list(first.shape)
    shape.insert(axis % (first.ndim + 1), len(parts))
    return first.expansion.emit(joining.stack, (list(parts), axis), {}, (tuple(shape), first.dtype))


def _expand_dims(a: Traced, axis: Any) -> Traced:
    return _reshape(a, np.expand_dims(_view(a), axis).shape)


def _reduction(name: str) -> Callable[..., Traced]:
    def reduce(a: Traced, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Traced:
        if a.dtype.kind != "f" or dtype not in (None, a.dtype):
            raise NotElementwiseError("Sums of integers may be in another dtype.")
        axes = axes_tuple(axis, a.ndim)
        kept = [1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes]
        options = {"axis": axes, "keepdims": keepdims}
        return a.expansion.emit(getattr(cupy, name), (a,), options, (tuple(kept), a.dtype))

    return reduce


REDUCTIONS = {name: _reduction(name) for name in ("sum", "max", "min", "mean", "prod")}
OTHERS: dict[str, Callable[..., Traced]] = REDUCTIONS | {
    "matmul": _matmul, "reshape": _reshape, "transpose": _transpose, "expand_dims": _expand_dims,
    "swapaxes": _swapaxes, "concatenate": _concatenate, "stack": _stack,
}  # fmt: skip


class _Functions:
    """The functions in place of the module `cupy`."""

    def __init__(self, expansion: _Expansion) -> None:
        self._expansion = expansion

    def __getattr__(self, name: str) -> Any:
        if name in OTHERS:
            return OTHERS[name]
        if name in ("ones", "zeros"):
            return partial(self._expansion.constant, getattr(cupy, name))
        if name in ELEMENTWISE:
            return partial(self._expansion.elementwise, name)
        return of_module(name)


def replaced(structure: Any, function: Callable[[Any], Any]) -> Any:
    """Return a structure with `function(leaf)` in place of each leaf. Tuples keep their classes."""
    if isinstance(structure, dict):
        return {key: replaced(x, function) for key, x in structure.items()}
    if isinstance(structure, (tuple, list)):
        items = [replaced(x, function) for x in structure]
        return structure._make(items) if hasattr(structure, "_make") else type(structure)(items)
    return function(structure)
