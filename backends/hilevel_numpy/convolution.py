"""Convolutions as products of matrices, in parts whose patches stay in the cache, on all cores.

A part is some samples of the batch or, of large ones, some lines of one. It is padded, and the gradient of the
activation taken, while it is copied, so nothing of the size of the batch is written but the result. Sums over the batch
are added up in an order that does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from hilevel.ops import convolution as plain
from hilevel.ops.nn import activated, before_activation
from hilevel.ops.patches import is_narrow, sliding
from hilevel.ops.windows import Windows
from hilevel.protocol import Override
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]
Part = tuple[slice, slice]
"""Samples, and the lines of windows, along the first spatial axis."""

_PATCHES = 1 << 20
"""Bytes of a part with its patches. Below a quarter of that Python's share is felt, above it memory is."""
_PARTIAL_SUMS = 1 << 22
"""Bytes of the sums for parts of the batch that are added up in the end."""


@dataclass(frozen=True)
class _Source:
    """What a convolution slides over: a shape, a dtype, and how to read a part of it."""

    read: Callable[[Any], Array]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _source(x: Array) -> _Source:
    return _Source(x.__getitem__, x.shape, x.dtype)


def _before(g: Array, y: Array, activation: str) -> _Source:
    """The gradient of what went into an activation."""
    if activation == "linear":
        return _source(g)
    return _Source(lambda key: before_activation(g[key], y[key], activation), g.shape, g.dtype)


def _is_other(windows: Windows, groups: int) -> bool:
    """Whether a convolution is left to the shared form: one of groups, or one that cuts its input off."""
    return groups > 1 or min(map(min, windows.padding)) < 0


# -- parts ---------------------------------------------------------------------------------------------


def _parts(samples: int, counts: Sequence[int], row: int) -> list[Part]:
    """Parts of the windows, of which each takes `row` bytes."""
    step = max(1, _PATCHES // max(row * int(np.prod(counts[1:])), 1))
    if step >= counts[0]:
        step //= counts[0]
        return [(slice(i, i + step), slice(0, counts[0])) for i in range(0, samples, step)]
    step = -(-counts[0] // -(-counts[0] // step))  # of equal length
    lines = [slice(i, min(i + step, counts[0])) for i in range(0, counts[0], step)]
    return [(slice(i, i + 1), part) for i in range(samples) for part in lines]


def _patches(x: _Source, windows: Windows, part: Part, counts: Sequence[int]) -> Array:
    """What lies under the windows of a part, as a matrix `(windows, window * channels)`, in scratch memory."""
    lines = part[1]
    x_part = _padded(x, windows, part[0], [(lines.start, lines.stop), *((0, n) for n in counts[1:])])
    channels = x.shape[-1]
    if max(*windows.size, *windows.strides) == 1:
        return x_part.reshape(-1, channels)
    view = sliding(np, x_part, windows)[0]
    rank = len(counts)
    columns = int(np.prod(windows.size)) * channels
    if is_narrow(windows, channels):  # windows last, where too few numbers lie together to be copied quickly
        view = view.transpose(*range(1 + rank, 2 + 2 * rank), *range(1 + rank))
        patches = scratch("patches", view.shape, x.dtype)
        patches[...] = view
        return patches.reshape(columns, -1).T
    patches = scratch("patches", view.shape, x.dtype)
    patches[...] = view
    return patches.reshape(-1, columns)


def _padded(x: _Source, windows: Windows, batch: slice, spans: Sequence[tuple[int, int]]) -> Array:
    """All that lies under the windows from some to others of each axis, with zeros around it."""
    inside, wanted, places = [batch], [], [slice(None)]
    for (first, last), n, s, r, (low, _) in zip(
        spans, x.shape[1:-1], windows.strides, windows.reach, windows.padding, strict=True
    ):
        start, end = first * s - low, (last - 1) * s + r - low
        inside.append(slice(max(start, 0), min(end, n)))
        wanted.append(end - start)
        places.append(slice(inside[-1].start - start, inside[-1].stop - start))
    found = x.read(tuple(inside))
    shape = (len(found), *wanted, x.shape[-1])
    if found.shape == shape:
        return found
    padded = scratch("padded", shape, x.dtype)
    padded.fill(0)
    padded[tuple(places)] = found
    return padded


# -- the result ----------------------------------------------------------------------------------------


def conv(
    xp: Any, x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int, activation: str
) -> Array:
    """The convolution, its bias and its activation."""
    if _is_other(windows, groups):
        return plain._conv.value(xp, x, kernel, bias, windows, groups, activation)
    return _convolved(_source(x), kernel, bias, windows, activation)


def _convolved(
    x: _Source, kernel: Array, bias: Array | None, windows: Windows, activation: str = "linear"
) -> Array:
    counts = windows.counts(x.shape[1:-1])
    *_, filters = kernel.shape
    weights = kernel.reshape(-1, filters)
    y = np.empty((x.shape[0], *counts, filters), x.dtype)
    parts = _parts(x.shape[0], counts, (len(weights) + filters) * x.dtype.itemsize)
    biases = None if bias is None or not parts else np.tile(bias, y[parts[0]].size // filters)

    def work(part: Part) -> None:
        out = y[part]
        np.matmul(_patches(x, windows, part, counts), weights, out=out.reshape(-1, filters))
        if biases is not None:
            flat = out.reshape(-1)
            flat += biases[: flat.size]
        if activation != "linear":
            activated(np, out, activation)

    parallel(work, parts)
    return y


# -- the gradients -------------------------------------------------------------------------------------


def conv_gradient(
    xp: Any, g: Array, y: Array, x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int,
    activation: str,
) -> Any:  # fmt: skip
    """Those of input, kernel and bias, each when it is asked for; the last two in one go."""
    if _is_other(windows, groups):
        rule: Any = plain._conv.rule
        return rule(xp, g, y, x, kernel, bias, windows, groups, activation)
    before = _before(g, y, activation)
    weights = cache(lambda: _weight_gradients(_source(x), before, windows, bias is not None))
    return (
        lambda: _input_gradient(before, kernel, windows, x.shape[1:-1]),
        lambda: weights()[0],
        lambda: weights()[1],
    )


def conv_kernel_gradient(xp: Any, x: Array, g: Array, windows: Windows, groups: int) -> Array:
    """The gradient of the kernel."""
    if _is_other(windows, groups):
        return plain._conv_kernel_gradient.value(xp, x, g, windows, groups)
    return _weight_gradients(_source(x), _source(g), windows, False)[0]


def _weight_gradients(x: _Source, g: _Source, windows: Windows, biased: bool) -> tuple[Array, Array]:
    """Those of kernel and bias, which is 0 where there is none."""
    *counts, filters = g.shape[1:]
    shape = (*windows.size, x.shape[-1], filters)
    rows = int(np.prod(shape[:-1]))
    parts = _parts(x.shape[0], counts, (rows + filters) * x.dtype.itemsize)
    sums = min(max(4, _PARTIAL_SUMS // (rows * filters * x.dtype.itemsize)), len(parts), 32)
    bounds = [len(parts) * i // sums for i in range(sums + 1)] if parts else []

    def work(some: Sequence[Part]) -> Array:
        total = np.zeros((rows + 1, filters), x.dtype)
        product = scratch("product", (rows, filters), x.dtype)
        for part in some:
            g_rows = g.read(part).reshape(-1, filters)
            np.matmul(_patches(x, windows, part, counts).T, g_rows, out=product)
            total[:-1] += product
            if biased:
                total[-1] += np.matmul(np.ones(len(g_rows), x.dtype), g_rows)
        return total

    total = np.zeros((rows + 1, filters), x.dtype)
    for part in parallel(work, [parts[i:j] for i, j in pairwise(bounds)]):
        total += part
    return total[:-1].reshape(shape), total[-1]


def conv_input_gradient(
    xp: Any, g: Array, kernel: Array, windows: Windows, groups: int, spatial: tuple[int, ...]
) -> Array:
    """The gradient of the input, which has the axes `spatial`."""
    if _is_other(windows, groups):
        return plain._conv_input_gradient.value(xp, g, kernel, windows, groups, spatial)
    return _input_gradient(_source(g), kernel, windows, spatial)


def _input_gradient(g: _Source, kernel: Array, windows: Windows, spatial: tuple[int, ...]) -> Array:
    if max(windows.strides) == 1:
        turned, around = plain.turned(np, kernel, windows, 1, spatial, g.shape[1:-1])
        if not _is_other(around, 1):
            return _convolved(g, turned, None, around)
    return _scattered(g, kernel, windows, spatial)


def _scattered(g: _Source, kernel: Array, windows: Windows, spatial: tuple[int, ...]) -> Array:
    """The input's gradient in general: each window's share is added where the window lies."""
    *_, channels, filters = kernel.shape
    n, *counts, _ = g.shape
    weights = np.ascontiguousarray(kernel.reshape(-1, channels, filters).swapaxes(1, 2))
    places = list(windows.places(counts))
    extent = (*windows.extent(counts), channels)
    out = np.empty((n, *spatial, channels), g.dtype)
    step = max(1, _PATCHES // (3 * int(np.prod(extent)) * g.dtype.itemsize))

    def work(batch: slice) -> None:
        rows = g.read(batch).reshape(-1, filters)
        share = scratch("patches", (len(rows), channels), g.dtype)
        total = scratch("padded", (len(out[batch]), *extent), g.dtype)
        total.fill(0)
        for place, weight in zip(places, weights, strict=True):
            np.matmul(rows, weight, out=share)
            total[place] += share.reshape(-1, *counts, channels)
        out[batch] = windows.unpadded(np, total, spatial)

    parallel(work, [slice(i, i + step) for i in range(0, n, step)])
    return out


OVERRIDES: dict[str, Override] = {
    "conv": Override(conv, conv_gradient),
    "conv_kernel_gradient": Override(conv_kernel_gradient),
    "conv_input_gradient": Override(conv_input_gradient),
}
