"""Poolings in the forms that XLA computes fastest on a processor.

`reduce_window` is fast, but its gradient takes forty times as long as that of a chain of slices, which JAX finds. Where
windows lie side by side, as they mostly do, there is a shorter way back: each element of the input looks up the window
it lies in. With that a step of a small convolutional network takes 25 instead of 45 ms.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hilevel.engine.dtypes import lowest
from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Function
from hilevel.ops.nn import pooling
from hilevel.ops.nn.windows import Windows
from hilevel_jax.forms import override

_FEW = 9
"""Windows of more elements are reduced axis by axis."""
_MANY = 64
"""Windows that are longer are not written out as so many slices."""


def max_pool(x: Array, windows: Windows) -> Array:
    """The largest number of each window."""
    if is_short(windows):
        return largest(windows.padded(jnp, x, lowest(x.dtype)), unpadded(windows))
    return pooled(x, windows, larger, lowest(x.dtype))


def max_pool_gradient(g: Array, x: Array, y: Array, windows: Windows) -> Array:
    """By JAX."""
    return jax.vjp(partial(max_pool, windows=windows), x)[1](g)[0]


def sum_pool(x: Array, windows: Windows) -> Array:
    """The sum of each window."""
    if is_short(windows):
        return total(windows.padded(jnp, x), unpadded(windows))
    return pooled(x, windows, lax.add, 0)


def sum_pool_gradient(g: Array, windows: Windows, spatial: tuple[int, ...]) -> Array:
    """By JAX."""
    like = jnp.zeros((g.shape[0], *spatial, g.shape[-1]), g.dtype)
    return jax.vjp(partial(sum_pool, windows=windows), like)[1](g)[0]


# -- in general ------------------------------------------------------------------------------------------


def larger(first: Array, second: Array) -> Array:
    """Of equal numbers the first, which alone has a gradient then; not a number, where one is none."""
    return jnp.where((first >= second) | (first != first), first, second)


def pooled(x: Array, windows: Windows, combine: Function, start: Any) -> Array:
    """A reduction over windows, axis by axis, as a chain of slices; by XLA's where that would be long."""
    counts = windows.output_size(x.shape[1:-1])
    x = windows.padded(jnp, x, start)
    if max(windows.size) > _MANY:
        whole = {larger: lax.max, lax.add: lax.add}[combine]
        around = ((1, *pair, 1) for pair in (windows.size, windows.strides))
        return lax.reduce_window(x, np.asarray(start, x.dtype), whole, *around, "VALID")
    for axis in reversed(range(len(counts))):
        last = (counts[axis] - 1) * windows.strides[axis] + 1
        starts = range(0, windows.size[axis] * windows.dilation[axis], windows.dilation[axis])
        parts = [lax.slice_in_dim(x, s, s + last, windows.strides[axis], axis + 1) for s in starts]
        x = reduce(combine, parts)
    return x


# -- short windows side by side --------------------------------------------------------------------------


def is_short(windows: Windows) -> bool:
    """Whether windows lie side by side, and have few elements."""
    return windows.size == windows.effective_size == windows.strides and int(np.prod(windows.size)) <= _FEW


def unpadded(windows: Windows) -> Windows:
    """The windows without padding."""
    return replace(windows, padding=((0, 0),) * len(windows.size))


def slices(x: Array, windows: Windows) -> list[Array]:
    """For each element of a window what lies there, for all windows."""
    return [x[place] for place in windows.slices(windows.output_size(x.shape[1:-1]))]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def largest(x: Array, windows: Windows) -> Array:
    """The largest number of each of the windows, which cover `x`. Of equal numbers the first alone has a gradient."""
    return reduce(lax.max, slices(x, windows))


def _forward(x: Array, windows: Windows) -> tuple[Array, Array]:
    """Kept is which element of each window is the largest, in a quarter of the memory of the numbers."""
    y = largest(x, windows)
    found = list(enumerate(slices(x, windows)))
    index = jnp.full(y.shape, len(found), jnp.int8)
    for i, part in reversed(found):
        index = jnp.where(part == y, jnp.int8(i), index)
    return y, index


def _backward(windows: Windows, index: Array, g: Array) -> tuple[Array]:
    """Each element looks whether it is the largest of its window."""
    own = np.arange(np.prod(windows.size), dtype=np.int8).reshape([n for s in windows.size for n in (s, 1)])
    return (_joined(jnp.where(_apart(index) == own, _apart(g), 0), windows),)


largest.defvjp(_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def total(x: Array, windows: Windows) -> Array:
    """The sum of each of the windows, which cover `x`."""
    return reduce(lax.add, slices(x, windows))


def _everywhere(windows: Windows, _: None, g: Array) -> tuple[Array]:
    return (_joined(_apart(g), windows),)


total.defvjp(lambda x, windows: (total(x, windows), None), _everywhere)


def _apart(x: Array) -> Array:
    """`(batch, windows, 1, windows, 1, ..., channels)`, with room for the elements of the windows."""
    return x.reshape(len(x), *(n for count in x.shape[1:-1] for n in (count, 1)), x.shape[-1])


def _joined(x: Array, windows: Windows) -> Array:
    """Windows and their elements as the axes of the input."""
    counts = x.shape[1:-1:2]
    x = jnp.broadcast_to(
        x, (len(x), *(n for pair in zip(counts, windows.size, strict=True) for n in pair), x.shape[-1])
    )
    return x.reshape(len(x), *(n * s for n, s in zip(counts, windows.size, strict=True)), x.shape[-1])


OVERRIDES: dict[Any, Override] = {
    pooling.max_pool_op: override(max_pool),
    pooling.max_pool_gradient_op: override(max_pool_gradient),
    pooling.sum_pool_op: override(sum_pool),
    pooling.sum_pool_gradient_op: override(sum_pool_gradient),
}
