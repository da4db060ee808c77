"""`hilevel.jit`: compile a function that may read and write Variables."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.autodiff.tape import to_host, untraced
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.overlay import Usage
from hilevel.engine.types import Function
from hilevel.engine.variables import Variable

before_compiling: list[Function] = []
"""What makes Variables that a function may need and that cannot be made in it."""


def jit(fn: Function | None = None) -> Function:
    """A compiled form of a function of tensors, which may read and change Variables as plain code does.

    For each structure and shape of the arguments there is one compiled form; strings, booleans and None among them
    count as part of the function, and so do Variables (not what they hold). On JAX the function is traced. On NumPy
    and CuPy its first two runs are captured, and from the third on the calls they made are replayed
    (`hilevel.engine.compile.replay`). A function that cannot be replayed, as it reads values or does not do the
    same each time, runs as it is.
    The rules of a compiled function hold on every backend: no Variable can be created inside.

    >>> import hilevel
    >>> count = hilevel.Variable(0)
    >>> @hilevel.jit
    ... def step(x):
    ...     count.assign(count + 1)
    ...     return x * 2.0
    >>> step(np.array([1.0, 2.0])), int(count)
    (array([2., 4.]), 1)
    """
    if fn is None:
        return jit
    programs = JitFunction(fn)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        return programs(*args, **kwargs)

    call.programs = programs  # type: ignore[attr-defined]
    return call


class JitFunction:
    """The compiled forms of a function, one for each backend that it has been called on: `compiled`, by name."""

    def __init__(self, fn: Function) -> None:
        self.fn = fn
        self.compiled: dict[str, Any] = {}
        self.usage: Usage | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if context.compiling or not context.interpreter.is_plain:
            return self.fn(*args, **kwargs)
        program = self._program()
        with scope(compiling=context.compiling + 1):
            return program(*args, **kwargs)

    def expect(self, usage: Usage) -> None:
        """Pass on the Variables that a run on shapes used to compilers that can start from them."""
        self.usage = usage
        for program in self.compiled.values():
            if hasattr(program, "usage"):
                program.usage = usage

    def max_steps_per_call(self, *args: Any) -> int:
        """Return how many calls with arguments of these shapes are worth being one program, at most."""
        program = self._program()
        if not hasattr(program, "max_steps_per_call") or not context.interpreter.is_plain:
            return 1
        with scope(compiling=context.compiling + 1):
            return int(program.max_steps_per_call(*args))

    def call_many(self, count: int, *args: Any) -> tuple[Any, Any]:
        """Call the function on the first `count` slices of its arguments: the last result, and all of them stacked."""
        program = self._program()
        if hasattr(program, "call_many") and context.interpreter.is_plain:
            with scope(compiling=context.compiling + 1):
                return program.call_many(count, *args)
        slices = (tree.map_structure(lambda x, i=i: None if x is None else x[i], args) for i in range(count))
        results = [self(*one) for one in slices]
        return results[-1], tree.map_structure(lambda *r: np.stack(list(map(to_host, r))), *results)

    def _program(self) -> Any:
        backend = current_backend()
        if backend.name not in self.compiled:
            for prepare in before_compiling:
                prepare()
            program = self.compiled.setdefault(backend.name, backend.compile(self._plain))
            if hasattr(program, "usage"):
                program.usage = self.usage
        return self.compiled[backend.name]

    def _plain(self, *args: Any, **kwargs: Any) -> Any:
        return tree.map_structure(_leave, self.fn(*args, **kwargs))


def _leave(x: Any) -> Any:
    """A result as it leaves a compiled function: without the tape, a Variable as its value."""
    return untraced(x.read() if isinstance(x, Variable) else x)
