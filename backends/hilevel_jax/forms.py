"""A form of an op that JAX computes better than the shared one."""

from __future__ import annotations

import inspect
from typing import Any

import jax

from hilevel._types import Function
from hilevel.protocol import Override


def override(function: Function) -> Override:
    """A form of an op, compiled as one where it is not part of a larger program. Arguments that are not annotated as
    arrays are settings."""
    settings = [
        n for n, p in inspect.signature(function).parameters.items() if "Array" not in str(p.annotation)
    ]
    compiled = jax.jit(function, static_argnames=settings)

    def value(xp: Any, *args: Any, **kwargs: Any) -> Any:
        return compiled(*args, **kwargs)

    return Override(value)
