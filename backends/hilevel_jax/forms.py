"""Forms of ops that JAX computes better than the shared ones."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override, module_with
from hilevel.engine.types import Array, Function


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


def _constant_max(*args: Any, **kwargs: Any) -> Array:
    """A maximum that has no gradient."""
    return jax.lax.stop_gradient(jnp.max(*args, **kwargs))


_SHIFTED = module_with(jnp, max=_constant_max)


def by_exponentials(op: Any) -> Override:
    """A softmax, or what has one in it. The maximum that is taken from its arguments is a constant for the result;
    JAX would work its gradient out all the same, and look for the maxima once more: half as slow again in attention."""
    return Override(lambda xp, *args, **kwargs: op.value(_SHIFTED, *args, **kwargs))
