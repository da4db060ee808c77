"""Recurrent layers over a sequence: the steps of `hilevel.ops.nn.recurrence` under `lax.scan`.

The custom backward pass computes the gradient of the recurrent weights as one product. On a CPU that takes half the
time of JAX's products step by step.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Function, Namespace, Structure
from hilevel.ops.nn.recurrence import STEPS, Step, recurrent_op, run_backward, run_forward
from hilevel_jax.placement import over_batch

_HAS_ROWS = (True, False, False, False, False, True, True, True, True)
"""For each tensor of the op whether its first axis has the samples."""


def _loop(unroll: bool) -> Any:
    def loop(
        xp: Namespace, body: Function, carry: Structure, xs: Sequence[Any], reverse: bool = False
    ) -> Any:
        places: list[int] = []

        def once(carry: Structure, x: Structure) -> Any:
            """Run a step, and stack an array once that the body returns twice, which saves 5 % of an LSTM's time."""
            carry, kept = body(carry, x)
            different = list({id(y): y for y in kept}.values())
            places[:] = [next(i for i, d in enumerate(different) if d is y) for y in kept]
            return carry, different

        carry, kept = jax.lax.scan(once, carry, tuple(xs), reverse=reverse, unroll=unroll)
        return carry, tuple(kept[i] for i in places)

    return loop


@functools.cache
def _sequence(
    cell: str, activation: str, recurrent_activation: str, unroll: bool, return_sequences: bool
) -> Any:
    """Return the function of a sequence with its custom backward pass, cached by the arguments."""
    step: Step = STEPS[cell](activation, recurrent_activation)
    loop = _loop(unroll)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def sequence(*tensors: Any) -> Any:
        return run_forward(jnp, loop, step, *tensors, return_sequences=return_sequences)[0]

    def forward(*tensors: Any) -> Any:
        y, residuals = run_forward(jnp, loop, step, *tensors, return_sequences=return_sequences)
        return y, (residuals, tensors)

    def backward(kept: Any, g: Any) -> Any:
        residuals, tensors = kept
        found = run_backward(jnp, loop, step, g, residuals, *tensors, return_sequences=return_sequences)
        return tuple(_filled(d() if callable(d) else d, x) for d, x in zip(found, tensors, strict=True))

    sequence.defvjp(forward, backward)

    def divided(*tensors: Any) -> Any:
        x, _, recurrent_kernel, *_ = tensors
        return over_batch(sequence, _HAS_ROWS, *tensors, work=x.shape[0] * x.shape[1] * recurrent_kernel.size)

    return divided


def _filled(gradient: Array | None, x: Array | None) -> Any:
    """Return a gradient as JAX requires it: None for None, and zeros of dtype float0 for booleans."""
    if x is None or gradient is not None:
        return gradient
    return jnp.zeros(x.shape, jax.dtypes.float0) if x.dtype == bool else jnp.zeros_like(x)


def _value(xp: Namespace, *tensors: Any, **options: Any) -> Any:
    return _sequence(**options)(*tensors)


def _gradient(xp: Namespace, g: Structure, y: Structure, *tensors: Any, **options: Any) -> Any:
    _, back = jax.vjp(_sequence(**options), *tensors)
    return tuple(None if d is None or d.dtype == jax.dtypes.float0 else d for d in back(g))


OVERRIDES = {recurrent_op: Override(_value, _gradient)}
