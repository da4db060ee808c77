"""Interpreters: the objects that execute the calls of ops.

`context.interpreter` executes all ops that a thread calls.

| interpreter | a call of an op |
|---|---|
| `Evaluate` | is computed |
| `Shapes` | is inferred from shapes and dtypes alone |
| `Tape` (`hilevel.engine.autodiff.tape`) | is computed by another interpreter, and recorded |
| subclasses of `Observer` | is computed and captured, counted or checked for NaN |

A call on a symbolic tensor does not get here: the tensor's `graph_call` makes it a node of a graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel.engine.allowance import allowance, claim
from hilevel.engine.backends import current_backend, loaded_backends
from hilevel.engine.context import Context, context
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Array, Function

if TYPE_CHECKING:
    from hilevel.engine.autodiff.tape import TapeTensor
    from hilevel.engine.op import Op

NUMBERS: set[Any] = {float, int, bool, type(None)}
"""The classes of Python scalars. `hilevel.engine.spec` adds the class of unknown sizes."""
HOST_TYPES: set[Any] = {np.ndarray, *NUMBERS, *(np.dtype(c).type for c in "?bhilqBHILQefd")}
ARRAYS: set[Any] = set(HOST_TYPES - NUMBERS)
"""The classes of tensors that ops accept without conversion. The first array of a backend adds its class."""
RECORDED: set[Any] = set()
"""The classes of tensors that an interpreter creates. Their method `unwrap` returns the array."""
NO_OPTIONS: Mapping[str, Any] = {}


class Interpreter:
    """Base class of interpreters."""

    tape: Any = None
    """The tape, if this is one; else None."""
    infers_shapes = False
    """True if only shapes are inferred. Variables are read as `TensorSpec` then, and not written."""
    is_plain = False
    """True if it only evaluates, so that the backend's own compiler and differentiation can replace it."""

    @property
    def untaped(self) -> Interpreter:
        """The interpreter below the tape; itself if it is no tape."""
        return self

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of an op for its tensors, which have been promoted, and its attributes."""
        raise NotImplementedError

    scan: Any = None
    """A function that runs a loop, `scan(f, init, xs, length, reverse)`; None for the usual loop."""

    def infer(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of a composite on specs, or of an op whose attributes have specs or unknown sizes."""
        return op.abstract(args, kwargs)

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Call a function of arrays, such as the value of an op, a gradient rule, or a random draw."""
        return function(*args, **kwargs)

    def use(self, layer: object) -> None:
        """Note the begin of a layer's call. The running function may depend on the layer's attributes."""

    def leave(self, layer: object) -> None:
        """Note the end of a layer's call, also if it fails."""

    def run_if(self, condition: Any, action: Callable[[], object]) -> None:
        """Run an action that changes Variables, if a condition, a boolean scalar with a value, is true."""
        if bool(condition):
            action()

    def repeated(self, count: int) -> AbstractContextManager[None]:
        """Return a block for one step on shapes that represents `count` steps of a loop."""
        return nullcontext()

    def recorded(self, node: TapeTensor) -> None:
        """Note a call that the tape above has recorded."""

    def differentiated(self, node: TapeTensor, g: Array, gradients: Sequence[Any]) -> None:
        """Note the gradients that a gradient rule returned for the gradient `g` of a node."""

    def refuse(self, why: str) -> None:
        """Note that the running function cannot be replayed, and why."""


class Evaluate(Interpreter):
    """The interpreter that computes at once, by the backend's own form of an op if it has one."""

    is_plain = True

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        backend = context.backend or current_backend()
        for a in args:
            kind = a.__class__
            if kind not in HOST_TYPES and (kind in RECORDED or not isinstance(a, backend.array_types)):
                if any(x.__class__ in SPEC_TYPES for x in args):
                    return SHAPES.run(op, args, kwargs)
                backend, args = on_backend(args, backend)
                break
        if not backend.takes_host_arrays:
            args = backend.convert_operands(args)
        return (backend.overrides[op] or op).value(backend.xp, *args, **kwargs)


class Observer(Evaluate):
    """Base class of interpreters that compute every function of arrays through their method `call`."""

    is_plain = False

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        backend, args = on_backend(args, context.backend or current_backend())
        if not backend.takes_host_arrays:
            args = backend.convert_operands(args)
        return self.call((backend.overrides[op] or op).value, (backend.xp, *args), kwargs)


class Shapes(Interpreter):
    """The interpreter that infers shapes and dtypes by shape rules. Ops without a `TensorSpec` operand are computed."""

    infers_shapes = True

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for a in args:
            if a.__class__ in SPEC_TYPES:
                return op.abstract(args, kwargs)
        if allowance.get() is not None:
            claim_result(op, args, kwargs)
        return EVALUATE.run(op, args, kwargs)


def claim_result(op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse the result of a constant op of a loaded model, if it is larger than the file may take."""
    try:
        result: Any = op.abstract(args, kwargs)
    except (TypeError, RuntimeError):  # the shape depends on the values, and so is not larger than them
        return
    if result.__class__ in SPEC_TYPES:
        claim(math.prod(result.shape) * result.dtype.itemsize, f"The op {op.name}")


EVALUATE = Evaluate()
SHAPES = Shapes()
SPEC_TYPES: set[Any] = set()
"""The class `TensorSpec`, which `hilevel.engine.spec` adds."""
Context.interpreter = EVALUATE


def on_backend(args: Sequence[Any], backend: Backend) -> tuple[Backend, Any]:
    """Return the backend of the operands, and the operands as arrays. The given backend has precedence."""
    args = [a.unwrap() if a.__class__ in RECORDED else a for a in args]
    for a in args:
        if a.__class__ not in NUMBERS and backend.is_array(a):
            return backend, args
    for a in args:
        if a.__class__ not in HOST_TYPES:
            return backend_of(a), args
    return backend, args


def plain_array(x: Array) -> Array:
    """Return the array of a tensor of a tape or a finished capture; other objects unchanged."""
    return x.unwrap() if x.__class__ in RECORDED else x


def backend_of(value: Array) -> Backend:
    """Return the backend of an array; the current backend for NumPy arrays."""
    current = current_backend()
    if isinstance(value, (np.ndarray, np.generic)) or current.is_array(value):
        return current
    for backend in loaded_backends():
        if backend.is_array(value):
            return backend
    return current
