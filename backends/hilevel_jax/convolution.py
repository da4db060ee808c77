"""Convolutions in the forms that XLA computes fastest.

These forms are for CPUs. The gradient of a kernel is a product of patches of a few samples at a time. It takes a
half to a seventh of the time of XLA's convolution. A depthwise convolution is a sum of products, in a fortieth of
the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, Function
from hilevel.ops.nn import convolution
from hilevel.ops.nn.dense import apply_activation
from hilevel.ops.nn.windows import Windows
from hilevel_jax.forms import override
from hilevel_jax.placement import over_batch

_MANY = 64
"""The maximum number of elements of a window that becomes a sum of slices."""
_PART = 1 << 22
"""The size in bytes of the patches of one part of the batch."""

# -- convolution -----------------------------------------------------------------------------------------


def by_xla(x: Array, kernel: Array, windows: Windows, groups: int) -> Array:
    """Convolve by XLA; by a matrix product if the window is one element."""
    if max(windows.size) == 1 and groups == 1:
        place = next(windows.slices(windows.output_size(x.shape[1:-1])))
        x = windows.padded(jnp, x)[place]
        y = x.reshape(-1, x.shape[-1]) @ kernel.reshape(kernel.shape[-2:])
        return y.reshape(*x.shape[:-1], -1)
    axes = "DHW"[-len(windows.size) :]
    return lax.conv_general_dilated(
        x, kernel, windows.strides, windows.padding, rhs_dilation=windows.dilation, feature_group_count=groups,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
    )  # fmt: skip


def by_eigen(x: Array, kernel: Array, windows: Windows, groups: int) -> Array:
    """Convolve by XLA with one extra line of windows, which is cut off again.

    XLA delegates a convolution to Eigen, which uses all cores, if the result is larger than the input. Others it
    delegates to YNNPACK, which mostly uses one core. With 64 channels and filters this form takes 4.5 instead of
    8.2 ms on two cores, and a tenth more if only one core is free.
    """
    (low, high), *rest = windows.padding
    longer = high + max(windows.effective_size[0] - low - high, 0)
    y = by_xla(x, kernel, replace(windows, padding=((low, longer), *rest)), groups)
    return y[:, : windows.output_size(x.shape[1:-1])[0]]


def by_eigen_back(x: Array, kernel: Array, windows: Windows, groups: int) -> Array:
    """Convolve in a form whose transpose has an extra line, as in `by_eigen`."""
    (low, high), *rest = windows.padding
    line = max(low + high - windows.effective_size[0] + 2, 0)
    x = jnp.pad(x, ((0, 0), (0, line), *((0, 0),) * (x.ndim - 2)))
    return by_xla(x, kernel, replace(windows, padding=((low, high - line), *rest)), groups)


def suits_eigen(spatial: tuple[int, ...], kernel: Array, windows: Windows, groups: int) -> bool:
    """Return whether XLA would delegate a convolution to YNNPACK that has enough work for several cores."""
    line = windows.effective_size[0] - sum(windows.padding[0])
    plain = kernel.ndim == 4 and groups == max(windows.strides) == max(windows.dilation) == 1
    return plain and max(windows.size) > 1 and min(kernel.shape[-2:]) >= 32 and 8 * line <= spatial[0]


def by_sum(x: Array, kernel: Array, windows: Windows, groups: int) -> Array:
    """Convolve depthwise, by a sum of slices times rows of the kernel."""
    filters = kernel.shape[-1]
    places = windows.slices(windows.output_size(x.shape[1:-1]))
    x = jnp.repeat(windows.padded(jnp, x), filters // groups, axis=-1)
    return sum(x[place] * row for place, row in zip(places, kernel.reshape(-1, filters), strict=True))


def is_depthwise(channels: int, windows: Windows, groups: int) -> bool:
    """Return whether each filter has one channel and a window of few elements."""
    return channels == 1 and groups > 1 and int(np.prod(windows.size)) <= _MANY


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve(x: Array, kernel: Array, windows: Windows, groups: int) -> Array:
    """Convolve in the fastest form."""
    xla = partial(by_xla, windows=windows, groups=groups)
    if is_depthwise(kernel.shape[-2], windows, groups):
        form = by_sum
    elif suits_eigen(x.shape[1:-1], kernel, windows, groups):
        form = by_eigen
    else:
        return xla(x, kernel)
    return lax.platform_dependent(x, kernel, cpu=partial(form, windows=windows, groups=groups), default=xla)


def _forward(x: Array, kernel: Array, windows: Windows, groups: int) -> Any:
    return convolve(x, kernel, windows, groups), (x, kernel)


def _backward(windows: Windows, groups: int, saved: tuple[Array, Array], g: Array) -> Any:
    x, kernel = saved
    return input_gradient(g, kernel, windows, groups, x.shape[1:-1]), kernel_gradient(x, g, windows, groups)


convolve.defvjp(_forward, _backward)


def input_gradient(g: Array, kernel: Array, windows: Windows, groups: int, spatial: tuple[int, ...]) -> Array:
    """Compute the gradient of the input."""
    like = jax.ShapeDtypeStruct((g.shape[0], *spatial, kernel.shape[-2] * groups), g.dtype)

    def of(form: Function) -> Function:
        def gradient(g: Array, kernel: Array) -> Array:
            return jax.linear_transpose(lambda x: form(x, kernel, windows, groups), like)(g)[0]

        return gradient

    if is_depthwise(kernel.shape[-2], windows, groups):
        form = by_sum
    elif suits_eigen(spatial, kernel, windows, groups):
        form = by_eigen_back
    else:
        return of(by_xla)(g, kernel)
    return lax.platform_dependent(g, kernel, cpu=of(form), default=of(by_xla))


def kernel_gradient(x: Array, g: Array, windows: Windows, groups: int) -> Array:
    """Compute the gradient of the kernel."""
    channels = x.shape[-1] // groups
    shape = (*windows.size, channels, g.shape[-1])

    def xla(x: Array, g: Array) -> Array:
        like = jax.ShapeDtypeStruct(shape, g.dtype)
        return jax.linear_transpose(lambda kernel: by_xla(x, kernel, windows, groups), like)(g)[0]

    def by_parts(x: Array, g: Array) -> Array:
        return kernel_gradient_by_parts(windows.padded(jnp, x), g, windows, groups).reshape(shape)

    known = groups == 1 or is_depthwise(channels, windows, groups)
    if max(windows.size) == 1 or np.prod(windows.size) > _MANY or not known or not len(g):
        return xla(x, g)
    fastest = partial(lax.platform_dependent, cpu=by_parts, default=xla)
    return over_batch(fastest, (True, True), x, g, summed=True)


def kernel_gradient_by_parts(x: Array, g: Array, windows: Windows, groups: int) -> Array:
    """Compute the gradient as a matrix, summed over parts of the batch, whose patches stay in the cache."""
    places = list(windows.slices(g.shape[1:-1]))
    few = x.shape[-1] * windows.size[-1] < 16
    of_part = _of_channels if groups > 1 else _of_columns if few else _of_rows
    each = int(np.prod(g.shape[1:-1])) * len(places) * x.shape[-1] * x.dtype.itemsize
    n = max((d for d in range(1, len(g) + 1) if len(g) % d == 0 and d * each <= _PART), default=1)
    parts = tuple(a.reshape(len(g) // n, n, *a.shape[1:]) for a in (x, g))

    def step(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
        return total + of_part(*part, places), None

    kind = jax.eval_shape(lambda x, g: of_part(x[:n], g[:n], places), x, g)
    return lax.scan(step, jnp.zeros(kind.shape, kind.dtype), parts)[0]


def _of_rows(x: Array, g: Array, places: Sequence[Any]) -> Array:
    patches = jnp.concatenate([x[place] for place in places], -1)
    g = g.reshape(-1, g.shape[-1])
    return (g.T @ patches.reshape(len(g), -1)).T


def _of_columns(x: Array, g: Array, places: Sequence[Any]) -> Array:
    x = jnp.moveaxis(x, -1, 0)
    g = g.reshape(-1, g.shape[-1])
    return jnp.concatenate([x[(slice(None), *place)] for place in places]).reshape(-1, len(g)) @ g


def _of_channels(x: Array, g: Array, places: Sequence[Any]) -> Array:
    x = jnp.repeat(x, g.shape[-1] // x.shape[-1], axis=-1)
    return jnp.stack([(x[place] * g).sum(tuple(range(g.ndim - 1))) for place in places])


def conv(
    x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int, activation: str
) -> Array:
    """Convolve, with bias and activation."""
    windows.output_size(x.shape[1:-1])  # raises for windows that are too large, which XLA accepts
    y = convolve(x, kernel, windows, groups)
    y = y if bias is None else y + bias
    return apply_activation(jnp, y, activation)


OVERRIDES: dict[Any, Override] = {
    convolution.convolution: override(conv),
    convolution.convolution_input_gradient: override(input_gradient),
    convolution.convolution_kernel_gradient: override(kernel_gradient),
}
