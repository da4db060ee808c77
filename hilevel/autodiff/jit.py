"""`hilevel.jit`: compile a function that may read and write Variables."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from hilevel import tree
from hilevel._context import context, scope
from hilevel._types import Function
from hilevel.autodiff.tape import to_host, untraced
from hilevel.backends import current_backend
from hilevel.variables import Variable

before_compiling: list[Function] = []
"""What makes Variables that a function may need and that cannot be made in it."""


def jit(fn: Function | None = None) -> Function:
    """A compiled form of a function of tensors, which may read and change Variables as plain code does.

    For each structure and shape of the arguments there is one compiled form; strings, booleans and None among them
    count as part of the function, and so do Variables (not what they hold). On JAX the function is traced. On NumPy
    and CuPy its first two runs are captured, and from the third on the calls they made are replayed
    (`hilevel.autodiff.replay`); a function that cannot be replayed, as it looks at numbers or does not do the same
    each time, runs as it is.
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
    compiled: dict[str, Function] = {}

    def plain(*args: Any, **kwargs: Any) -> Any:
        return tree.map_structure(_leave, fn(*args, **kwargs))

    def form() -> Function:
        backend = current_backend()
        if backend.name not in compiled:
            for prepare in before_compiling:
                prepare()
            compiled[backend.name] = backend.compile(plain)
        return compiled[backend.name]

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if context.recording is not None or context.abstract or context.compiling:
            return fn(*args, **kwargs)
        program = form()
        with scope(compiling=context.compiling + 1):
            return program(*args, **kwargs)

    def loops(*args: Any) -> bool:
        program = form()
        if not hasattr(program, "loops"):
            return False
        with scope(compiling=context.compiling + 1):
            return bool(program.loops(*args))

    def many(count: int, *args: Any) -> tuple[Any, Any]:
        program = form()
        with scope(compiling=context.compiling + 1):
            if hasattr(program, "many"):
                return program.many(count, *args)
            results = [
                program(*tree.map_structure(lambda x, i=i: None if x is None else x[i], args))
                for i in range(count)
            ]
            return results[-1], tree.map_structure(lambda *r: np.stack(list(map(to_host, r))), *results)

    call.loops, call.many = loops, many  # type: ignore[attr-defined]
    call.compiled = compiled  # type: ignore[attr-defined]
    return call


def _leave(x: Any) -> Any:
    """A result as it leaves a compiled function: without the tape, a Variable as its value."""
    return untraced(x.read() if isinstance(x, Variable) else x)
