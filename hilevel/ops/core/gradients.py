"""Functions with a gradient rule of their own, as ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.autodiff import functional
from hilevel.engine.types import Function


def custom_gradient(f: Function) -> Function:
    """Decorator for a function that brings its own gradient; see `hilevel.custom_gradient`.

    >>> double = ops.custom_gradient(lambda x: (x, lambda upstream: 2.0 * upstream))
    >>> hilevel.grad(lambda x: double(x))(3.0)
    np.float32(2.0)
    """
    return functional.custom_gradient(f)


def jvp(fun: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """The value of `fun` and its derivative in the direction of the tangents; see `hilevel.jvp`.

    With `has_aux`, `fun` returns a pair, whose second part comes back as a third result.

    >>> ops.jvp(lambda x: x * x, (3.0,), (1.0,))
    (np.float32(9.0), np.float32(6.0))
    """
    if not has_aux:
        return functional.jvp(fun, primals, tangents)
    return (*functional.jvp(lambda *args: fun(*args)[0], primals, tangents), fun(*primals)[1])
