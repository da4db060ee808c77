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
from hilevel.engine.types import Array, Function, TensorLike
from hilevel.engine.variables import Variable

before_compiling: list[Function] = []
"""Functions that create Variables which a compiled function may need but cannot create itself."""


def jit(fn: Function | None = None) -> Function:
    """Compile a function of tensors, which may read and write Variables as plain code does.

    Each structure and each set of shapes of the arguments has its own compiled form. Strings, booleans, None and
    Variables among the arguments are constants of the form; the values of Variables are not. On JAX the function is
    traced. On NumPy and CuPy the first two runs are captured, and later runs replay the captured calls
    (`hilevel.engine.compile.replay`). A function that reads values, or differs between the runs, is not compiled
    there. On no backend can a compiled function create Variables.

    Args:
        fn: the function of tensors, and of nested structures of them. Without it, `jit` returns a decorator.

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
    """The compiled forms of a function: `compiled` has one for each backend, by name."""

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
        """Pass the Variables that a run on shapes used to the compilers that support it."""
        self.usage = usage
        for program in self.compiled.values():
            if hasattr(program, "usage"):
                program.usage = usage

    def max_steps_per_call(self, *args: Any) -> int:
        """Return the largest number of calls, with arguments of these shapes, that one program should process."""
        program = self._program()
        if not hasattr(program, "max_steps_per_call") or not context.interpreter.is_plain:
            return 1
        with scope(compiling=context.compiling + 1):
            return int(program.max_steps_per_call(*args))

    def call_many(self, count: int, *args: Any) -> tuple[Any, Any]:
        """Call the function on the first `count` slices of its arguments. Return the last result, and all, stacked."""
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
        return tree.map_structure(_plain_result, self.fn(*args, **kwargs))


def _plain_result(x: TensorLike) -> Array:
    """Return a result of a compiled function as a plain array, also for a Variable."""
    return untraced(x.read() if isinstance(x, Variable) else x)
