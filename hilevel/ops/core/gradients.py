"""Functions with a gradient rule of their own, as ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.autodiff import functional
from hilevel.engine.op import composite
from hilevel.engine.types import Function


def custom_gradient(f: Function) -> Function:
    """Give a function a gradient of its own, as a decorator; see `hilevel.custom_gradient`.

    Args:
        f: a function of tensors of any shapes that returns its value and a function for the backward pass. The
            latter maps the gradient of the value to the gradients of the arguments.

    >>> double = ops.custom_gradient(lambda x: (x, lambda upstream: 2.0 * upstream))
    >>> hilevel.grad(lambda x: double(x))(3.0)
    np.float32(2.0)
    """
    return functional.custom_gradient(f)


@composite
def jvp(fun: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return the value of `fun` and its derivative in the direction of the tangents; see `hilevel.jvp`.

    Args:
        fun: a function of tensors.
        primals, tangents: the arguments, and as many tensors of the same shapes for the direction.
        has_aux: whether `fun` returns a pair of the value and further data, which becomes a third result.

    >>> ops.jvp(lambda x: x * x, (3.0,), (1.0,))
    (np.float32(9.0), np.float32(6.0))
    """
    if not has_aux:
        return functional.jvp(fun, primals, tangents)
    return (*functional.jvp(lambda *args: fun(*args)[0], primals, tangents), fun(*primals)[1])
