"""Interpreters: what is done with the call of an op.

A thread has one interpreter in force, `context.interpreter`, which gets the calls of all ops. `Evaluate` computes. A
tape (`hilevel.engine.autodiff.tape`) lies on top of another interpreter, lets it compute, and records. A capture
(`hilevel.engine.compile.capture`), a search for NaN (`hilevel.debug`) and a count of operations
(`hilevel.utils.flops`) watch.
`Shapes` runs on tensors of which only the shape is known. A call on a symbolic tensor does not get here: it becomes a
node of a graph, by the tensor's `graph_call`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from hilevel.engine.backends import current_backend, loaded_backends
from hilevel.engine.context import Context, context
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Function

NUMBERS: frozenset[Any] = frozenset({float, int, bool, type(None)})
HOST_TYPES: frozenset[Any] = frozenset({np.ndarray, *NUMBERS, *(np.dtype(c).type for c in "?bhilqBHILQefd")})
ARRAYS: set[Any] = set(HOST_TYPES - NUMBERS)
"""The classes of tensors that ops take as they are. A backend's own are added when an op meets the first."""
RECORDED: set[Any] = set()
"""The classes of tensors that an interpreter records. They hold an array, which `leave` returns."""
NO_OPTIONS: Mapping[str, Any] = {}


class Interpreter:
    """Base of interpreters."""

    tape: Any = None
    """The tape that records, if there is one on top."""
    infers_shapes = False
    """Whether only shapes are computed: Variables are read as abstract tensors, and nothing is written."""
    is_plain = False
    """Whether ops are only evaluated, so that a backend's own compiler and differentiation can do that as well."""

    @property
    def untaped(self) -> Interpreter:
        """This interpreter without a tape on top."""
        return self

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of an op for tensors, promoted to the dtypes that it needs, and attributes."""
        raise NotImplementedError

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Call a function of arrays: the value of an op, its gradient rule, a draw of random numbers."""
        return function(*args, **kwargs)

    def use(self, layer: Any) -> None:
        """Take note that the call of a layer begins: the running function depends on the layer's attributes."""

    def leave(self, layer: Any) -> None:
        """Take note that the call of a layer ends, also by an error."""

    def repeated(self, count: int) -> AbstractContextManager[None]:
        """Return a block for the one step on shapes that stands for so many steps of a loop."""
        return nullcontext()

    def recorded(self, node: Any) -> None:
        """Take note of an op that the tape on top has recorded."""

    def differentiated(self, node: Any, g: Any, gradients: Sequence[Any]) -> None:
        """Take note of the gradients that the rule of a recorded op returned for the gradient `g` of its result."""

    def refuse(self, why: str) -> None:
        """Take note that the running function cannot be replayed."""


class Evaluate(Interpreter):
    """Computes at once, by the backend's own form of an op where it has one."""

    is_plain = True

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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
    """Base of interpreters that compute, and watch the calls of functions of arrays that this takes: see `call`."""

    is_plain = False

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        backend, args = on_backend(args, context.backend or current_backend())
        if not backend.takes_host_arrays:
            args = backend.convert_operands(args)
        return self.call((backend.overrides[op] or op).value, (backend.xp, *args), kwargs)


class Shapes(Interpreter):
    """Finds the shape and dtype of results, by the shape rules of ops. Ops without an abstract operand are computed."""

    infers_shapes = True

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for a in args:
            if a.__class__ in SPEC_TYPES:
                return op.abstract(args, kwargs)
        return EVALUATE.run(op, args, kwargs)


EVALUATE = Evaluate()
SHAPES = Shapes()
SPEC_TYPES: set[Any] = set()
"""The class `TensorSpec`, which puts itself here when it has been read."""
Context.interpreter = EVALUATE


def on_backend(args: Sequence[Any], backend: Backend) -> tuple[Backend, Any]:
    """Return operands as arrays, and the backend they belong to: the given one if it is that of any."""
    args = [a.leave() if a.__class__ in RECORDED else a for a in args]
    for a in args:
        if a.__class__ not in NUMBERS and backend.is_array(a):
            return backend, args
    for a in args:
        if a.__class__ not in HOST_TYPES:
            return backend_of(a), args
    return backend, args


def plain_array(x: Any) -> Any:
    """Return the array of a tensor that a tape, or a capture that is over, has recorded; an array as it is."""
    return x.leave() if x.__class__ in RECORDED else x


def backend_of(value: Any) -> Backend:
    """The backend that an array belongs to; host arrays belong to the current one."""
    current = current_backend()
    if isinstance(value, (np.ndarray, np.generic)) or current.is_array(value):
        return current
    for backend in loaded_backends():
        if backend.is_array(value):
            return backend
    return current
