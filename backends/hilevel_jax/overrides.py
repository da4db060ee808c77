"""Ops that JAX computes better in a form of its own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hilevel._types import Array
from hilevel.ops.attention import _attention
from hilevel.ops.crossentropy import _softmax_crossentropy
from hilevel.ops.nn import _standardize_saving, first_along, log_softmax, softmax
from hilevel.protocol import Override, module_with
from hilevel_jax.convolution import CONVOLUTION
from hilevel_jax.pooling import POOLING
from hilevel_jax.recurrent import RECURRENT


@jax.custom_vjp  # type: ignore[untyped-decorator]
def sparse_softmax_crossentropy(logits: Array, target: Array) -> Array:
    """With its own way back: JAX's for looking up the target's logit is a scatter, slow on a CPU. Comparing all classes
    with the target on the way forward, too, took a twentieth more time over 5000 classes."""
    return _sparse_forward(logits, target)[0]


def _sparse_forward(logits: Array, target: Array) -> Any:
    largest = jnp.max(logits, axis=-1, keepdims=True)
    total = jnp.log(jnp.sum(jnp.exp(logits - largest), axis=-1, keepdims=True))
    inside = (target >= 0) & (target < logits.shape[-1])
    own = jnp.take_along_axis(logits, target[..., None], axis=-1, mode="clip")
    own = jnp.where(inside[..., None], own, jnp.nan)
    return (total - (own - largest))[..., 0], (logits, target, largest, total)


def _sparse_backward(kept: Any, g: Array) -> Any:
    logits, target, largest, total = kept
    hot = target[..., None] == jnp.arange(logits.shape[-1], dtype=target.dtype)
    return (jnp.exp(logits - largest - total) - hot) * g[..., None], None


sparse_softmax_crossentropy.defvjp(_sparse_forward, _sparse_backward)


def _constant_max(*args: Any, **kwargs: Any) -> Array:
    """A maximum that has no gradient."""
    return jax.lax.stop_gradient(jnp.max(*args, **kwargs))


_SHIFTED = module_with(jnp, max=_constant_max)


def by_exponentials(op: Any) -> Override:
    """A softmax, or what has one in it. The maximum that is taken from its arguments is a constant for the result;
    JAX would work its gradient out all the same, and look for the maxima once more: half as slow again in attention."""
    return Override(lambda xp, *args, **kwargs: op.value(_SHIFTED, *args, **kwargs))


def lookup(xp: Any, table: Array, indices: Array) -> Array:
    """Rows of a table, NaN for an index outside. JAX itself counts negative indices from the end."""
    places = jnp.where(indices < 0, table.shape[0], indices)
    return table.at[places].get(mode="fill", fill_value=jnp.nan)


def index_of(extreme: Any, whole: Any) -> Any:
    """`argmax` or `argmin` with indices of 32 bits from the start: those of 64 cost twice as much."""

    def value(xp: Any, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        if axis is None:
            return whole(x, keepdims=keepdims).astype(jnp.int32)
        index = extreme(x, axis % x.ndim, jnp.int32)
        return jnp.expand_dims(index, axis) if keepdims else index

    return value


def standardize(xp: Any, x: Array, gamma: Any, beta: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    """The plain form, with a constant that has no gradient: none flows through it, which JAX would compute."""
    near = jax.lax.stop_gradient(first_along(x, axes))
    return _standardize_saving(xp, x, gamma, beta, axes, epsilon, near)[0]


OVERRIDES: dict[str, Override] = {
    "embedding_lookup": Override(lookup),
    **CONVOLUTION,
    **POOLING,
    "argmax": Override(index_of(jax.lax.argmax, jnp.argmax)),
    "argmin": Override(index_of(jax.lax.argmin, jnp.argmin)),
    "erf": Override(lambda xp, x: jax.scipy.special.erf(x)),
    "erfinv": Override(lambda xp, x: jax.scipy.special.erfinv(x)),
    "recurrent": RECURRENT,
    "softplus": Override(lambda xp, x: jax.nn.softplus(x)),
    "attention": by_exponentials(_attention),
    "log_softmax": by_exponentials(log_softmax),
    "softmax": by_exponentials(softmax),
    "softmax_crossentropy": by_exponentials(_softmax_crossentropy),
    "sparse_softmax_crossentropy": Override(
        lambda xp, logits, target: sparse_softmax_crossentropy(logits, target)
    ),
    "standardize": Override(standardize),
    "stop_gradient": Override(lambda xp, variable: jax.lax.stop_gradient(variable)),
}
