"""Depthwise convolutions as sums of products of whole tensors, over the elements of a window.

Kernels are `(*window, 1, channels * multiplier)`, the same as in a convolution with a group for each channel.
"""

from __future__ import annotations

import numpy as np

from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.ops.nn.windows import Windows, map_blocks


def conv(xp: Namespace, x: TensorLike, kernel: TensorLike, windows: Windows) -> Tensor:
    """Return the convolution."""
    filters = kernel.shape[-1]
    counts = windows.output_size(x.shape[1:-1])
    x = _repeat_channels(xp, windows.padded(xp, x), filters)
    y: Tensor = xp.zeros((x.shape[0], *counts, filters), x.dtype)
    elements = list(zip(windows.slices(counts), kernel.reshape((-1, filters)), strict=True))

    def work(block: slice) -> None:
        source, part = x[block], y[block]
        for place, weight in elements:
            part += source[place] * weight

    map_blocks(work, y, _bytes(y))
    return y


def input_gradient(
    xp: Namespace, g: Array, kernel: Array, windows: Windows, groups: int, spatial: tuple[int, ...]
) -> Array:
    """Return the gradient of the input, with the spatial shape `spatial`."""
    n, *counts, filters = g.shape
    total: Array = xp.zeros((n, *windows.padded_size(counts), filters), g.dtype)
    elements = list(zip(windows.slices(counts), kernel.reshape((-1, filters)), strict=True))

    def work(block: slice) -> None:
        part, source = total[block], g[block]
        for place, weight in elements:
            part[place] += source * weight

    map_blocks(work, g, _bytes(g))
    if filters > groups:
        total = total.reshape((*total.shape[:-1], groups, -1)).sum(axis=-1)
    return windows.unpadded(xp, total, spatial)


def kernel_gradient(xp: Namespace, x: Array, g: Array, windows: Windows) -> Array:
    """Return the gradient of the kernel, `(window, channels * multiplier)`."""
    _, *counts, filters = g.shape
    x = _repeat_channels(xp, windows.padded(xp, x), filters)
    places = list(windows.slices(counts))
    total: Array = xp.zeros((len(places), filters), g.dtype)

    def work(block: slice) -> list[Array]:
        source, part = x[block], g[block]
        ones = xp.ones((part.size // filters,), g.dtype)
        return [xp.matmul(ones, (source[place] * part).reshape((-1, filters))) for place in places]

    for sums in map_blocks(work, g, _bytes(g)):
        for i, row in enumerate(sums):
            total[i] += row
    return total


def _repeat_channels(xp: Namespace, x: Array, filters: int) -> Array:
    """Repeat each channel for each of its filters."""
    channels = x.shape[-1]
    return x if channels == filters else xp.repeat(x, filters // channels, axis=-1)


def _bytes(x: Tensor) -> int:
    """Return the memory for one sample, including temporary arrays."""
    return 3 * int(np.prod(x.shape[1:])) * x.dtype.itemsize
