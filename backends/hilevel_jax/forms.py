"""Forms of ops that JAX computes better than the shared ones."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.op import Op
from hilevel.engine.protocol import Override, module_with
from hilevel.engine.types import Array, Function, Namespace


def override(function: Function) -> Override:
    """Return a form of an op that is compiled, unless it is part of a larger program.

    Parameters without `Array` in their annotation are static arguments of `jax.jit`.
    """
    settings = [
        n for n, p in inspect.signature(function).parameters.items() if "Array" not in str(p.annotation)
    ]
    compiled = jax.jit(function, static_argnames=settings)

    def value(xp: Namespace, *args: Any, **kwargs: Any) -> Any:
        return compiled(*args, **kwargs)

    return Override(value)


def _constant_max(*args: Any, **kwargs: Any) -> Array:
    """Compute a maximum without gradient."""
    return jax.lax.stop_gradient(jnp.max(*args, **kwargs))


_SHIFTED = module_with(jnp, max=_constant_max)


def by_exponentials(op: Op[Any]) -> Override:
    """Return a form of an op with a softmax, which subtracts the maximum of its arguments without a gradient.

    The result does not depend on that maximum, but JAX would compute its gradient. Attention would take 50 % longer.
    """
    return Override(lambda xp, *args, **kwargs: op.value(_SHIFTED, *args, **kwargs))
