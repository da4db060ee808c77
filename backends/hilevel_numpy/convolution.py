"""Convolutions as matrix products, in parts whose patches stay in the cache, on all cores.

A part is several samples of the batch, or several lines of a large sample. Padding and the gradient of the activation
are applied while a part is copied, so that only the result has the size of the batch. Sums over the batch have an order
that does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.engine.types import Namespace
from hilevel.ops.nn import convolution as plain
from hilevel.ops.nn.dense import activation_vjp
from hilevel.ops.nn.patches import is_narrow
from hilevel.ops.nn.windows import Windows
from hilevel_numpy.dense import activate
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]
Part = tuple[slice, slice]
"""The samples, and the windows along the first spatial axis (lines)."""

_PATCHES = 1 << 21
"""The size in bytes of a part with its patches. Smaller parts cost Python's time, much larger parts memory accesses."""
_ENOUGH = 16
"""The desired number of parts, for any number of threads."""
_PARTIAL_SUMS = 1 << 22
"""The size in bytes of the partial sums over the batch, which are added at the end."""


@dataclass(frozen=True)
class _Source:
    """The input of a convolution: a shape, a dtype, and a function that reads a part."""

    read: Callable[[Any], Array]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _source(x: Array) -> _Source:
    return _Source(x.__getitem__, x.shape, x.dtype)


def _gradient_before_activation(g: Array, y: Array, activation: str) -> _Source:
    """Return the gradient of the operand of an activation."""
    if activation == "linear":
        return _source(g)
    return _Source(lambda key: activation_vjp(g[key], y[key], activation), g.shape, g.dtype)


def _is_other(windows: Windows, groups: int) -> bool:
    """Return whether the shared form has to compute a convolution: with groups or negative padding."""
    return groups > 1 or min(map(min, windows.padding)) < 0


# -- parts ---------------------------------------------------------------------------------------------


def _parts(samples: int, counts: Sequence[int], row: int) -> list[Part]:
    """Divide the windows, of `row` bytes each, into parts: enough for several threads, unless they are too small."""
    most = _PATCHES // max(row * prod(counts[1:]), 1)
    step = max(1, min(most, max(most // 4, samples * counts[0] // _ENOUGH)))
    if step >= counts[0]:
        step //= counts[0]
        return [(slice(i, i + step), slice(0, counts[0])) for i in range(0, samples, step)]
    step = -(-counts[0] // -(-counts[0] // step))  # equal lengths
    lines = [slice(i, min(i + step, counts[0])) for i in range(0, counts[0], step)]
    return [(slice(i, i + 1), part) for i in range(samples) for part in lines]


class _Patches:
    """The elements in the windows of a part, as matrices `(windows, window * channels)` in scratch memory (im2col)."""

    def __init__(self, x: _Source, windows: Windows, counts: Sequence[int]) -> None:
        self.read, self.dtype = x.read, x.dtype
        self.lengths, self.channels = x.shape[1:-1], x.shape[-1]
        self.windows, self.counts = windows, counts
        self.columns = prod(windows.size) * self.channels
        self.narrow = is_narrow(windows, self.channels)
        self.reach = windows.effective_size
        self.others = [self._span(axis, 0, n) for axis, n in enumerate(counts) if axis]

    def of(self, part: Part) -> Array:
        """Return the matrix of a part."""
        x = self._padded(part)
        if max(*self.windows.size, *self.windows.strides) == 1:
            return x.reshape(-1, self.channels)
        view = self._view(x, part[1].stop - part[1].start)
        patches = scratch("patches", view.shape, self.dtype)
        patches[...] = view
        return patches.reshape(self.columns, -1).T if self.narrow else patches.reshape(-1, self.columns)

    def _span(self, axis: int, first: int, last: int) -> tuple[slice, slice, int]:
        """Return the input slice of the windows `first` to `last` of an axis.

        Return also its place in the padded part, and the length of the latter.
        """
        low, step = self.windows.padding[axis][0], self.windows.strides[axis]
        start, end = first * step - low, (last - 1) * step + self.reach[axis] - low
        seen = slice(max(start, 0), min(end, self.lengths[axis]))
        return seen, slice(seen.start - start, seen.stop - start), end - start

    def _padded(self, part: Part) -> Array:
        """Return the input of the windows of a part, with zero padding."""
        spans = [self._span(0, part[1].start, part[1].stop), *self.others]
        found = self.read((part[0], *[seen for seen, _, _ in spans]))
        shape = (len(found), *[length for _, _, length in spans], self.channels)
        if found.shape == shape and found.flags.c_contiguous:
            return found
        padded = scratch("padded", shape, self.dtype)
        if found.shape != shape:
            padded.fill(0)
        padded[(slice(None), *[place for _, place, _ in spans])] = found
        return padded

    def _view(self, x: Array, lines: int) -> Array:
        """Return a view of the windows of a part, `(batch, *places, *window, channels)`.

        If few elements of a window are contiguous, so that copies are slow: `(*window, channels, batch, *places)`.
        """
        first, *along, last = x.strides
        places = (len(x), lines, *self.counts[1:])
        to_places = (first, *[a * s for a, s in zip(along, self.windows.strides, strict=True)])
        window = (*self.windows.size, self.channels)
        in_window = (*[a * d for a, d in zip(along, self.windows.dilation, strict=True)], last)
        if self.narrow:
            return np.ndarray(window + places, x.dtype, x, 0, in_window + to_places)
        return np.ndarray(places + window, x.dtype, x, 0, to_places + in_window)


# -- the result ----------------------------------------------------------------------------------------


def conv(
    xp: Namespace, x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int, activation: str
) -> Array:
    """Compute the convolution with its bias and activation."""
    if _is_other(windows, groups):
        y = plain.convolution.value(xp, x, kernel, bias, windows, groups, "linear")
        return activate(y, activation)
    return _convolved(_source(x), kernel, bias, windows, activation)


def _convolved(
    x: _Source, kernel: Array, bias: Array | None, windows: Windows, activation: str = "linear"
) -> Array:
    counts = windows.output_size(x.shape[1:-1])
    *_, filters = kernel.shape
    weights = kernel.reshape(-1, filters)
    y = np.empty((x.shape[0], *counts, filters), x.dtype)
    parts = _parts(x.shape[0], counts, (len(weights) + filters) * x.dtype.itemsize)
    patches = _Patches(x, windows, counts)
    biases = None if bias is None or not parts else np.tile(bias, y[parts[0]].size // filters)

    def work(part: Part) -> None:
        out = y[part]
        np.matmul(patches.of(part), weights, out=out.reshape(-1, filters))
        if biases is not None:
            flat = out.reshape(-1)
            flat += biases[: flat.size]
        activate(out, activation)

    parallel(work, parts)
    return y


# -- the gradients -------------------------------------------------------------------------------------


def conv_gradient(
    xp: Namespace, g: Array, y: Array, x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int,
    activation: str,
) -> Any:  # fmt: skip
    """Compute the gradients of input, kernel and bias on demand; the last two together."""
    if _is_other(windows, groups):
        rule: Any = plain.convolution.rule
        return rule(xp, g, y, x, kernel, bias, windows, groups, activation)
    g_in = _gradient_before_activation(g, y, activation)
    weights = cache(lambda: _weight_gradients(_source(x), g_in, windows, bias is not None))
    return (
        lambda: _input_gradient(g_in, kernel, windows, x.shape[1:-1]),
        lambda: weights()[0],
        lambda: weights()[1],
    )


def conv_kernel_gradient(xp: Namespace, x: Array, g: Array, windows: Windows, groups: int) -> Array:
    """Compute the gradient of the kernel."""
    if _is_other(windows, groups):
        return plain.convolution_kernel_gradient.value(xp, x, g, windows, groups)
    return _weight_gradients(_source(x), _source(g), windows, False)[0]


def _weight_gradients(x: _Source, g: _Source, windows: Windows, biased: bool) -> tuple[Array, Array]:
    """Compute the gradients of kernel and bias; the latter is 0 without a bias."""
    *counts, filters = g.shape[1:]
    shape = (*windows.size, x.shape[-1], filters)
    rows = prod(shape[:-1])
    parts = _parts(x.shape[0], counts, (rows + filters) * x.dtype.itemsize)
    patches = _Patches(x, windows, counts)
    sums = min(max(4, _PARTIAL_SUMS // (rows * filters * x.dtype.itemsize)), len(parts), 32)
    bounds = [len(parts) * i // sums for i in range(sums + 1)] if parts else []

    def work(some: Sequence[Part]) -> Array:
        total = np.zeros((rows + 1, filters), x.dtype)
        product = scratch("product", (rows, filters), x.dtype)
        for part in some:
            g_rows = g.read(part).reshape(-1, filters)
            np.matmul(patches.of(part).T, g_rows, out=product)
            total[:-1] += product
            if biased:
                total[-1] += np.matmul(np.ones(len(g_rows), x.dtype), g_rows)
        return total

    total = np.zeros((rows + 1, filters), x.dtype)
    for part in parallel(work, [parts[i:j] for i, j in pairwise(bounds)]):
        total += part
    return total[:-1].reshape(shape), total[-1]


def conv_input_gradient(
    xp: Namespace, g: Array, kernel: Array, windows: Windows, groups: int, spatial: tuple[int, ...]
) -> Array:
    """Compute the gradient of the input, whose spatial axes have the sizes `spatial`."""
    if _is_other(windows, groups):
        return plain.convolution_input_gradient.value(xp, g, kernel, windows, groups, spatial)
    return _input_gradient(_source(g), kernel, windows, spatial)


def _input_gradient(g: _Source, kernel: Array, windows: Windows, spatial: tuple[int, ...]) -> Array:
    if max(windows.strides) == 1:
        flipped, flipped_windows = plain.flip_kernel(np, kernel, windows, 1, spatial, g.shape[1:-1])
        if not _is_other(flipped_windows, 1):
            return _convolved(g, flipped, None, flipped_windows)
    return _scattered(g, kernel, windows, spatial)


def _scattered(g: _Source, kernel: Array, windows: Windows, spatial: tuple[int, ...]) -> Array:
    """Compute the gradient of the input in general: add the contribution of each window at its place."""
    *_, channels, filters = kernel.shape
    n, *counts, _ = g.shape
    weights = np.ascontiguousarray(kernel.reshape(-1, channels, filters).swapaxes(1, 2))
    places = list(windows.slices(counts))
    extent = (*windows.padded_size(counts), channels)
    padded = any(map(any, windows.padding))
    out = (np.empty if padded else np.zeros)((n, *spatial, channels), g.dtype)
    step = max(1, _PATCHES // (3 * prod(extent) * g.dtype.itemsize))

    def work(batch: slice) -> None:
        rows = g.read(batch).reshape(-1, filters)
        contribution = scratch("patches", (len(rows), channels), g.dtype)
        total = out[batch]
        if padded:
            total = scratch("padded", (len(total), *extent), g.dtype)
            total.fill(0)
        for place, weight in zip(places, weights, strict=True):
            np.matmul(rows, weight, out=contribution)
            total[place] += contribution.reshape(-1, *counts, channels)
        if padded:
            out[batch] = windows.unpadded(np, total, spatial)

    parallel(work, [slice(i, i + step) for i in range(0, n, step)])
    return out


OVERRIDES: dict[Any, Override] = {
    plain.convolution: Override(conv, conv_gradient),
    plain.convolution_kernel_gradient: Override(conv_kernel_gradient),
    plain.convolution_input_gradient: Override(conv_input_gradient),
}
