"""Poolings in the forms that XLA computes fastest on a CPU.

`reduce_window` is fast, but its gradient takes forty times as long as JAX's gradient of a chain of slices. For
windows that do not overlap, as most, a custom backward pass reads the gradient of the window of each element. So a
step of a small convolutional network takes 25 instead of 45 ms.
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
"""The number of elements up to which a window is reduced at once, and not axis by axis."""
_MANY = 64
"""The maximum length of a window that becomes a chain of slices."""


def max_pool(x: Array, windows: Windows) -> Array:
    """Compute the maximum of each window."""
    if is_short(windows):
        return window_maxima(windows.padded(jnp, x, lowest(x.dtype)), unpadded(windows))
    return pooled(x, windows, larger, lowest(x.dtype))


def max_pool_gradient(g: Array, x: Array, y: Array, windows: Windows) -> Array:
    """Compute the gradient of max pooling by JAX."""
    return jax.vjp(partial(max_pool, windows=windows), x)[1](g)[0]


def sum_pool(x: Array, windows: Windows) -> Array:
    """Compute the sum of each window."""
    if is_short(windows):
        return window_sums(windows.padded(jnp, x), unpadded(windows))
    return pooled(x, windows, lax.add, 0)


def sum_pool_gradient(g: Array, windows: Windows, spatial: tuple[int, ...]) -> Array:
    """Compute the gradient of sum pooling by JAX."""
    like = jnp.zeros((g.shape[0], *spatial, g.shape[-1]), g.dtype)
    return jax.vjp(partial(sum_pool, windows=windows), like)[1](g)[0]


# -- windows in general ------------------------------------------------------------------------------------------


def larger(first: Array, second: Array) -> Array:
    """Return the maximum; of equal values the first, so that only it has a gradient. NaN if any operand is NaN."""
    return jnp.where((first >= second) | (first != first), first, second)


def pooled(x: Array, windows: Windows, combine: Function, start: complex) -> Array:
    """Reduce windows axis by axis, as a chain of slices; long windows by `reduce_window`."""
    counts = windows.output_size(x.shape[1:-1])
    x = windows.padded(jnp, x, start)
    if max(windows.size) > _MANY:
        whole = {larger: lax.max, lax.add: lax.add}[combine]
        dimensions = ((1, *pair, 1) for pair in (windows.size, windows.strides))
        return lax.reduce_window(x, np.asarray(start, x.dtype), whole, *dimensions, "VALID")
    for axis in reversed(range(len(counts))):
        last = (counts[axis] - 1) * windows.strides[axis] + 1
        starts = range(0, windows.size[axis] * windows.dilation[axis], windows.dilation[axis])
        parts = [lax.slice_in_dim(x, s, s + last, windows.strides[axis], axis + 1) for s in starts]
        x = reduce(combine, parts)
    return x


# -- short windows that do not overlap --------------------------------------------------------------------------


def is_short(windows: Windows) -> bool:
    """Return whether windows are adjacent, and have few elements."""
    return windows.size == windows.effective_size == windows.strides and int(np.prod(windows.size)) <= _FEW


def unpadded(windows: Windows) -> Windows:
    """Return the windows without padding."""
    return replace(windows, padding=((0, 0),) * len(windows.size))


def slices(x: Array, windows: Windows) -> list[Array]:
    """Return for each position in a window the elements there, of all windows."""
    return [x[place] for place in windows.slices(windows.output_size(x.shape[1:-1]))]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def window_maxima(x: Array, windows: Windows) -> Array:
    """Compute the maximum of each window; the windows cover `x`. Of equal values only the first has a gradient."""
    return reduce(lax.max, slices(x, windows))


def _forward(x: Array, windows: Windows) -> tuple[Array, Array]:
    """Compute the maxima, and as residuals their positions in the windows, in a quarter of the memory of `x`."""
    y = window_maxima(x, windows)
    found = list(enumerate(slices(x, windows)))
    index = jnp.full(y.shape, len(found), jnp.int8)
    for i, part in reversed(found):
        index = jnp.where(part == y, jnp.int8(i), index)
    return y, index


def _backward(windows: Windows, index: Array, g: Array) -> tuple[Array]:
    """Return the gradient of the window for its maximum, and 0 for the other elements."""
    own = np.arange(np.prod(windows.size), dtype=np.int8).reshape([n for s in windows.size for n in (s, 1)])
    return (_merge_windows(jnp.where(_split_windows(index) == own, _split_windows(g), 0), windows),)


window_maxima.defvjp(_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def window_sums(x: Array, windows: Windows) -> Array:
    """Compute the sum of each window; the windows cover `x`."""
    return reduce(lax.add, slices(x, windows))


def _sum_backward(windows: Windows, _: None, g: Array) -> tuple[Array]:
    return (_merge_windows(_split_windows(g), windows),)


window_sums.defvjp(lambda x, windows: (window_sums(x, windows), None), _sum_backward)


def _split_windows(x: Array) -> Array:
    """Reshape to `(batch, windows, 1, windows, 1, ..., channels)`, with axes for the elements of the windows."""
    return x.reshape(len(x), *(n for count in x.shape[1:-1] for n in (count, 1)), x.shape[-1])


def _merge_windows(x: Array, windows: Windows) -> Array:
    """Merge the axes of windows and of their elements to the axes of the input."""
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
