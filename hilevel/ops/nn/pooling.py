"""Pooling: the largest element, or the mean, of each window.

The primitives take tensors with channels last, `(batch, *spatial, channels)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hilevel.engine.allowance import claim
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.dtypes import lowest
from hilevel.engine.op import composite, op, rounded, to_array, to_float_array
from hilevel.engine.spec import TensorSpec, like
from hilevel.engine.types import Array, Function, Namespace, Sizes, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.windows import (
    Windows,
    channels_come_first,
    map_blocks,
    per_axis,
    to_first,
    to_last,
    windows_of,
)
from hilevel.ops.numpy.elementwise import where
from hilevel.ops.numpy.indexing import take
from hilevel.ops.numpy.products import matmul
from hilevel.ops.numpy.shaping import moveaxis, transpose


def _bytes(x: Tensor) -> int:
    """Return the memory for one sample."""
    return int(np.prod(x.shape[1:])) * x.dtype.itemsize


# -- the largest -----------------------------------------------------------------------------------------


@op(dtype="number")
def max_pool_op(xp: Namespace, x: Tensor, /, windows: Windows) -> Tensor:
    """Return the largest element of each window."""
    return _reduce_windows(xp, windows.padded(xp, x, lowest(x.dtype)), windows, xp.maximum)


def _reduce_windows(xp: Namespace, x: Array, windows: Windows, function: Function) -> Array:
    """Reduce each window of a padded tensor by a function of two tensors."""
    counts = tuple(
        (n - r) // s + 1
        for n, r, s in zip(x.shape[1:-1], windows.effective_size, windows.strides, strict=True)
    )
    y: Array = xp.empty((x.shape[0], *counts, x.shape[-1]), x.dtype)
    first, *rest = windows.slices(counts)

    def work(block: slice) -> None:
        source, part = x[block], y[block]
        part[...] = source[first]
        for place in rest:
            function(part, source[place], out=part)

    map_blocks(work, y, _bytes(x))
    return y


@max_pool_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, windows: Windows) -> Any:
    return max_pool_gradient_op(g, x, y, windows=windows)


@max_pool_op.shape
def _(x: TensorSpec, windows: Windows) -> TensorSpec:
    return TensorSpec((x.shape[0], *windows.output_size(x.shape[1:-1], "max_pool"), x.shape[-1]), x.dtype)


@op(shape=lambda g, x, y, windows: like(x))
def max_pool_gradient_op(xp: Namespace, g: Tensor, x: Tensor, y: Tensor, /, windows: Windows) -> Tensor:
    """Return the gradient of the input: each window's gradient at the first of its largest elements."""
    spatial = x.shape[1:-1]
    x = windows.padded(xp, x, lowest(x.dtype))
    side_by_side = windows.size == windows.strides
    make = xp.empty if side_by_side else xp.zeros
    total = make(x.shape, g.dtype)

    def work(block: slice) -> None:
        part, gradient = total[block], g[block]
        for place, hit in _first_matches(xp, x[block], y[block], windows):
            if side_by_side:
                xp.multiply(gradient, hit, out=part[place])
            else:
                part[place] += gradient * hit

    map_blocks(work, g, _bytes(total))
    return windows.unpadded(xp, total, spatial)


@max_pool_gradient_op.gradient
def _(xp: Namespace, h: Tensor, z: Tensor, g: Tensor, x: Tensor, y: Tensor, windows: Windows) -> Any:
    return (lambda: _gather_first(xp, h, x, y, windows)), None, None


def _gather_first(xp: Namespace, h: Array, x: Array, y: Array, windows: Windows) -> Array:
    """Return for each window the element of `h` at the first of the window's largest elements in `x`."""
    x, h = windows.padded(xp, x, lowest(x.dtype)), windows.padded(xp, h)
    total: Any = 0.0
    for place, hit in _first_matches(xp, x, y, windows):
        total = total + h[place] * hit
    return total


def _first_matches(xp: Namespace, x: Array, y: Array, windows: Windows) -> Iterator[tuple[Any, Array]]:
    """Yield for each element of the windows its slices in `x`, and the windows in which it is the first that equals
    `y`."""
    taken: Array = None
    for place in windows.slices(y.shape[1:-1]):
        hit = x[place] == y
        if taken is None:
            taken = hit
        else:
            hit, taken = xp.greater(hit, taken), xp.logical_or(hit, taken)
        yield place, hit


# -- the mean --------------------------------------------------------------------------------------------


@op(dtype="float")
def sum_pool_op(xp: Namespace, x: Tensor, /, windows: Windows) -> Tensor:
    """Return the sum of each window."""
    return _reduce_windows(xp, windows.padded(xp, x), windows, xp.add)


@sum_pool_op.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x: Tensor, windows: Windows) -> Any:
    return sum_pool_gradient_op(g, windows=windows, spatial=x.shape[1:-1])


@sum_pool_op.shape
def _(x: TensorSpec, windows: Windows) -> TensorSpec:
    return TensorSpec((x.shape[0], *windows.output_size(x.shape[1:-1], "average_pool"), x.shape[-1]), x.dtype)


@op
def sum_pool_gradient_op(xp: Namespace, g: Tensor, /, windows: Windows, spatial: tuple[int, ...]) -> Tensor:
    """Add each window's gradient to all of its elements."""
    counts = g.shape[1:-1]
    total: Tensor = xp.zeros((g.shape[0], *windows.padded_size(counts), g.shape[-1]), g.dtype)
    places = list(windows.slices(counts))

    def work(block: slice) -> None:
        for place in places:
            total[block][place] += g[block]

    map_blocks(work, g, _bytes(total))
    return windows.unpadded(xp, total, spatial)


@sum_pool_gradient_op.gradient
def _(xp: Namespace, h: Tensor, y: Tensor, g: Tensor, windows: Windows, spatial: tuple[int, ...]) -> Any:
    return sum_pool_op(h, windows=windows)


@sum_pool_gradient_op.shape
def _(g: TensorSpec, windows: Windows, spatial: tuple[int, ...]) -> TensorSpec:
    return TensorSpec((g.shape[0], *spatial, g.shape[-1]), g.dtype)


def _valid_counts(windows: Windows, spatial: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Return the number of elements of each window that are not padding: `(*output_size, 1)`."""
    padded = [n + before + after for n, (before, after) in zip(spatial, windows.padding, strict=True)]
    claim(8 * math.prod(padded), "The padding of a pooling")
    ones = np.ones((1, *spatial, 1), np.float32)
    return sum_pool_op.value(np, ones, windows)[0]


# -- the functions ---------------------------------------------------------------------------------------


@composite
def max_pool(
    inputs: TensorLike,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the largest element of each window, for each channel.

    Of equal elements the first gets the gradient.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        pool_size: the size of the windows along each axis, or along all.
        strides: the step from one window to the next; `pool_size` by default.
        padding: `"valid"` for none, `"same"` for an output of the input's size divided by the strides.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.max_pool(np.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)[0, :, 0]
    array([3., 2.])

    Raises:
        ShapeError: the input has no spatial axes, or a window is larger than the input.
        ValueError: an argument has an invalid value.
    """
    return _pool("max_pool", max_pool_op, to_array(inputs), pool_size, strides, padding, data_format)


@composite
@rounded
def average_pool(
    inputs: TensorLike,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the mean of each window, for each channel. Padding does not count.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        pool_size, strides, padding, data_format: as in `max_pool`.

    >>> ops.average_pool(np.array([[[1.0], [3.0], [2.0]]]), 2, padding="same")[0, :, 0]
    array([2., 2.])
    """

    def mean(x: Tensor, windows: Windows) -> Tensor:
        count = _valid_counts(windows, x.shape[1:-1]) if any(map(any, windows.padding)) else None
        y = sum_pool_op(x, windows=windows)
        if count is None:
            return y * (1 / int(np.prod(windows.size)))
        return y / constant(x, count, x.dtype)

    return _pool("average_pool", mean, to_float_array(inputs), pool_size, strides, padding, data_format)


def _pool(
    name: str, pool: Function, x: Tensor, size: Sizes, strides: Sizes | None, padding: str,
    data_format: str | None,
) -> Tensor:  # fmt: skip
    first = channels_come_first(name, data_format)
    if len(x.shape) < 3:
        first = False
    x = transpose(x, to_last(len(x.shape))) if first else x
    if padding.lower() not in ("valid", "same"):
        raise ValueError(f'{name}: padding must be "valid" or "same"; got {padding!r}.')
    windows = windows_of(name, x.shape, size, size if strides is None else strides, padding)
    y = pool(x, windows=windows)
    return transpose(y, to_first(len(x.shape))) if first else y


@composite
@rounded
def adaptive_average_pool(inputs: TensorLike, output_size: Sizes, data_format: str | None = None) -> Tensor:
    """Return the means of windows whose positions give the result a fixed size.

    Window `i` of `n` reaches from `floor(i * length / n)` to `ceil((i + 1) * length / n)`.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        output_size: the size of the result along each spatial axis, or along all.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.adaptive_average_pool(np.array([[[1.0], [3.0], [5.0]]]), 2)[0, :, 0]
    array([2., 4.])
    """

    def mean(x: Tensor, starts: np.ndarray[Any, Any], ends: np.ndarray[Any, Any]) -> Tensor:
        places = np.arange(x.shape[-1])[:, None]
        weights = ((places >= starts) & (places < ends)) / (ends - starts)
        return matmul(x, constant(x, weights, x.dtype))

    return _adaptive_pool("adaptive_average_pool", mean, to_float_array(inputs), output_size, data_format)


@composite
def adaptive_max_pool(inputs: TensorLike, output_size: Sizes, data_format: str | None = None) -> Tensor:
    """Return the largest elements of windows whose positions give the result a fixed size.

    The windows are the same as in `adaptive_average_pool`.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        output_size: the size of the result along each spatial axis, or along all.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.adaptive_max_pool(np.array([[[1.0], [3.0], [5.0]]]), 2)[0, :, 0]
    array([3., 5.])
    """

    def largest(x: Tensor, starts: np.ndarray[Any, Any], ends: np.ndarray[Any, Any]) -> Tensor:
        y = take(x, starts, axis=-1)
        for i in range(1, int((ends - starts).max())):
            other = take(x, np.minimum(starts + i, ends - 1), axis=-1)
            y = where((y >= other) | (y != y), y, other)
        return y

    return _adaptive_pool("adaptive_max_pool", largest, to_array(inputs), output_size, data_format)


def _adaptive_pool(
    name: str, pool: Function, x: Tensor, output_size: Sizes, data_format: str | None
) -> Tensor:
    """Pool one spatial axis after another, as the last axis of the tensor."""
    first = channels_come_first(name, data_format)
    rank = len(x.shape) - 2
    if rank < 1:
        raise ShapeError(f"{name} expects an input with spatial axes; got shape {tuple(x.shape)}.")
    sizes = per_axis(name, "output_size", output_size, rank)
    for axis in range(rank):
        place = axis + (2 if first else 1)
        length, n = x.shape[place], sizes[axis]
        claim(32 * n, f"output_size={n}")
        starts = np.arange(n) * length // n
        ends = -(-np.arange(1, n + 1) * length // n)
        x = moveaxis(pool(moveaxis(x, place, -1), starts, ends), -1, place)
    return x
