"""Changing Variables under a condition that may not be known before the program runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hilevel import ops
from hilevel._types import Tensor
from hilevel.backends import current_backend
from hilevel.overlay import Overlay
from hilevel.variables import Variable


def do_if(condition: Tensor, action: Callable[[], None], variables: Sequence[Variable]) -> None:
    """Run an action that changes Variables, where a condition holds that may not be known before the program runs.

    >>> from hilevel.optimizers.conditional import do_if
    >>> v = hilevel.Variable(1.0)
    >>> do_if(np.bool_(False), lambda: v.assign(2.0), [v])
    >>> v.numpy()
    array(1., dtype=float32)
    """
    if current_backend().is_concrete(condition):
        if bool(condition):
            action()
        return

    def changed() -> list[Any]:
        with Overlay():
            action()
            return [v.read() for v in variables]

    values = ops.cond(condition, changed, lambda: [v.read() for v in variables])
    for v, value in zip(variables, values, strict=True):
        v.replace(value)
