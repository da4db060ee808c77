"""Convolutions: three primitives, each the gradient of the others, and the public functions.

A convolution is linear in its input and in its kernel. Its gradients are two more products of this kind, whose
gradients are again the three. So it can be differentiated any number of times. The primitives take tensors with
channels last, `(batch, *spatial, channels)`, and kernels `(*window, channels / groups, filters)`. The functions
below them have the arguments of `keras.ops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import TensorSpec, agree, is_unknown, size_from
from hilevel.engine.types import Array, Namespace, Sizes, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn import depthwise
from hilevel.ops.nn.dense import activation_vjp, apply_activation
from hilevel.ops.nn.patches import by_group, im2col, is_narrow
from hilevel.ops.nn.windows import (
    Padding,
    Windows,
    blocks,
    channels_come_first,
    per_axis,
    to_first,
    to_last,
    windows_of,
)
from hilevel.ops.numpy.shaping import reshape, transpose

# -- the primitives ------------------------------------------------------------------------------------


@op(dtype="float")
def convolution(
    xp: Namespace, x: Tensor, kernel: Tensor, bias: Tensor | None, /, windows: Windows, groups: int,
    activation: str,
) -> Tensor:  # fmt: skip
    """Return the convolution, plus a bias, through one of the activations in `FUSED_ACTIVATIONS`."""
    if _is_depthwise(kernel, groups):
        y = depthwise.conv(xp, x, kernel, windows)
        _add_bias_and_activate(xp, y, bias, activation)
        return y
    y = xp.empty((x.shape[0], *windows.output_size(x.shape[1:-1]), kernel.shape[-1]), x.dtype)
    weights = by_group(xp, kernel, groups)
    for block, patches in im2col(xp, x, windows, groups, y.shape[-1]):
        _write_product(xp, patches, weights, y[block])
        _add_bias_and_activate(xp, y[block], bias, activation)
    return y


@convolution.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None, windows: Windows,
    groups: int, activation: str,
) -> Any:  # fmt: skip
    g = activation_vjp(g, y, activation)
    return (
        lambda: convolution_input_gradient(g, kernel, windows=windows, groups=groups, spatial=x.shape[1:-1]),
        lambda: convolution_kernel_gradient(x, g, windows=windows, groups=groups),
        lambda: _sum_of_rows(xp, g),
    )


@convolution.shape
def _(
    x: TensorSpec, kernel: TensorSpec, bias: TensorSpec | None, windows: Windows, groups: int, activation: str
) -> TensorSpec:
    return TensorSpec((x.shape[0], *windows.output_size(x.shape[1:-1], "conv"), kernel.shape[-1]), x.dtype)


@op(dtype="float")
def convolution_input_gradient(
    xp: Namespace, g: Tensor, kernel: Tensor, /, windows: Windows, groups: int, spatial: tuple[int, ...]
) -> Tensor:
    """Return the gradient of the input, with the spatial shape `spatial`, from the gradient of the result."""
    if _is_depthwise(kernel, groups):
        return depthwise.input_gradient(xp, g, kernel, windows, groups, spatial)
    if max(windows.strides) == 1:
        kernel, flipped_windows = flip_kernel(xp, kernel, windows, groups, spatial, g.shape[1:-1])
        return convolution.value(xp, g, kernel, None, flipped_windows, groups, "linear")
    return _scatter_contributions(xp, g, kernel, windows, groups, spatial)


@convolution_input_gradient.gradient
def _(
    xp: Namespace, h: Tensor, y: Tensor, g: Tensor, kernel: Tensor, windows: Windows, groups: int,
    spatial: tuple[int, ...],
) -> Any:  # fmt: skip
    return (
        lambda: convolution(h, kernel, None, windows=windows, groups=groups, activation="linear"),
        lambda: convolution_kernel_gradient(h, g, windows=windows, groups=groups),
    )


@convolution_input_gradient.shape
def _(
    g: TensorSpec, kernel: TensorSpec, windows: Windows, groups: int, spatial: tuple[int, ...]
) -> TensorSpec:
    return TensorSpec((g.shape[0], *spatial, kernel.shape[-2] * groups), g.dtype)


@op(dtype="float")
def convolution_kernel_gradient(
    xp: Namespace, x: Tensor, g: Tensor, /, windows: Windows, groups: int
) -> Tensor:
    """Return the gradient of the kernel, from the input and the gradient of the result."""
    shape = _kernel_shape(x, g, windows, groups)
    if shape[-2] == 1 and groups > 1:
        return depthwise.kernel_gradient(xp, x, g, windows).reshape(shape)
    total: Tensor = xp.zeros((groups, int(np.prod(shape[:-1])), shape[-1] // groups), x.dtype)
    for block, patches in im2col(xp, x, windows, groups, g.shape[-1]):
        total += xp.matmul(xp.swapaxes(patches, 1, 2), by_group(xp, g[block], groups))
    return xp.moveaxis(total, 0, 1).reshape(shape)


@convolution_kernel_gradient.gradient
def _(xp: Namespace, h: Tensor, y: Tensor, x: Tensor, g: Tensor, windows: Windows, groups: int) -> Any:
    return (
        lambda: convolution_input_gradient(g, h, windows=windows, groups=groups, spatial=x.shape[1:-1]),
        lambda: convolution(x, h, None, windows=windows, groups=groups, activation="linear"),
    )


@convolution_kernel_gradient.shape
def _(x: TensorSpec, g: TensorSpec, windows: Windows, groups: int) -> TensorSpec:
    return TensorSpec(_kernel_shape(x, g, windows, groups), x.dtype)


def _kernel_shape(x: Tensor, g: Tensor, windows: Windows, groups: int) -> tuple[int, ...]:
    return (*windows.size, x.shape[-1] // groups, g.shape[-1])


def _is_depthwise(kernel: Tensor, groups: int) -> bool:
    """Whether each filter has one channel only. Elementwise products are then faster than matrix products."""
    return kernel.shape[-2] == 1 and groups > 1


# -- how they are computed -----------------------------------------------------------------------------


def _write_product(xp: Namespace, patches: Array, weights: Array, out: Array) -> None:
    """Write the products of the groups into the last axis of `out`, concatenated."""
    if len(weights) == 1:
        xp.matmul(patches[0], weights[0], out=out.reshape((-1, out.shape[-1])))
    else:
        by_group(xp, out, len(weights))[...] = xp.matmul(patches, weights)


def _add_bias_and_activate(xp: Namespace, y: Array, bias: Array | None, activation: str) -> None:
    """Add the bias, to a whole line at once, and apply the activation, in place."""
    if bias is not None:
        lines = y.reshape((-1, y.shape[-2] * y.shape[-1]))
        lines += xp.tile(bias, y.shape[-2])
    if activation != "linear":
        y[...] = apply_activation(xp, y, activation)


def _sum_of_rows(xp: Namespace, g: Array) -> Array:
    """Sum over all axes but the last, as a matrix product, which uses all cores."""
    rows = xp.reshape(g, (-1, g.shape[-1]))
    return xp.matmul(xp.ones((rows.shape[0],), dtype=g.dtype), rows)


def flip_kernel(
    xp: Namespace,
    kernel: Array,
    windows: Windows,
    groups: int,
    spatial: Sequence[int],
    counts: Sequence[int],
) -> tuple[Array, Windows]:
    """Return the kernel and the windows of the convolution that computes the input's gradient, for strides of 1."""
    *size, channels, filters = kernel.shape
    kernel = xp.flip(kernel, axis=tuple(range(len(size)))).reshape((-1, channels, groups, filters // groups))
    kernel = xp.transpose(kernel, (0, 3, 2, 1)).reshape((*size, filters // groups, groups * channels))
    padding = tuple(
        (r - 1 - low, n - count + low)
        for r, (low, _), n, count in zip(
            windows.effective_size, windows.padding, spatial, counts, strict=True
        )
    )
    return kernel, replace(windows, padding=padding)


def _scatter_contributions(
    xp: Namespace, g: Array, kernel: Array, windows: Windows, groups: int, spatial: tuple[int, ...]
) -> Array:
    """Return the input's gradient for any strides: each window's contribution is added at the window's position."""
    channels = kernel.shape[-2]
    n, *counts, _ = g.shape
    weights = by_group(xp, kernel, groups)
    places = list(windows.slices(counts))
    total: Array = xp.zeros((n, *windows.padded_size(counts), groups * channels), g.dtype)
    narrow = is_narrow(windows, channels)
    for block in blocks(g, weights[..., 0].size * int(np.prod(counts)) * g.dtype.itemsize):
        rows = by_group(xp, g[block], groups)
        if narrow:
            terms = xp.matmul(weights, xp.swapaxes(rows, 1, 2)).reshape((groups, len(places), channels, -1))
            terms = xp.transpose(terms, (1, 3, 0, 2))
        else:
            terms = xp.matmul(rows, xp.swapaxes(weights, 1, 2)).reshape((groups, -1, len(places), channels))
            terms = xp.transpose(terms, (2, 1, 0, 3))
        part = total[block]
        for place, term in zip(places, terms, strict=True):
            part[place] += term.reshape((-1, *counts, groups * channels))
    return windows.unpadded(xp, total, spatial)


# -- the functions ---------------------------------------------------------------------------------------


def fused_conv(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
    activation: str = "linear",
    name: str = "conv",
) -> Tensor:
    """Return `activation(conv(inputs, kernel) + bias)`, with an activation in `FUSED_ACTIVATIONS`, as one op."""
    x, kernel = to_array(inputs), to_array(kernel)
    first = channels_come_first(name, data_format)
    x = transpose(x, to_last(len(x.shape))) if first and len(x.shape) > 2 else x
    groups = _groups(name, x.shape, kernel.shape)
    windows = windows_of(name, x.shape, kernel.shape[:-2], strides, padding, dilation_rate)
    y = convolution(x, kernel, bias, windows=windows, groups=groups, activation=activation)
    return transpose(y, to_first(len(x.shape))) if first else y


def _groups(name: str, shape: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """Return the number of groups of channels, from the shapes of the input (channels last) and the kernel."""
    if len(shape) != len(kernel) or len(shape) < 3:
        raise ShapeError(
            f"{name} expects an input (batch, spatial axes, channels), in the order of data_format. The kernel "
            f"must be (window, channels, filters), of equal rank; got shapes {tuple(shape)} and {tuple(kernel)}."
        )
    if any(map(is_unknown, (shape[-1], kernel[-2]))):
        return 1
    groups, rest = divmod(shape[-1], max(kernel[-2], 1))
    if rest or not groups:
        raise ShapeError(
            f"{name}: the input has {shape[-1]} channels; expected a multiple of {kernel[-2]}, the channels of the "
            f"kernel, whose shape is {tuple(kernel)}."
        )
    if kernel[-1] % groups:
        raise ShapeError(
            f"{name}: the number of filters must be a multiple of {groups}, the number of groups; got {kernel[-1]}. "
            f"The input has {shape[-1]} channels, and the kernel the shape {tuple(kernel)}."
        )
    return groups


@composite
def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the convolution over one, two or three spatial axes.

    Each output is the sum of products of the kernel and the elements of a window.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        kernel: `(*window, channels, filters)`. Fewer channels than the input's divide these into groups.
        strides: the step from one window to the next, for each axis or for all.
        padding: `"valid"` for none, `"same"` for an output of the input's size divided by the strides.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        dilation_rate: the step between the elements of a window, for each axis or for all.

    >>> ops.conv(np.array([[[1.0], [2.0], [4.0]]]), np.array([[[1.0]], [[-1.0]]]))[0, :, 0]
    array([-1., -2.])

    Raises:
        ShapeError: the ranks differ, the channels do not match, or the kernel is larger than the input.
        ValueError: an argument has an invalid value.
    """
    return fused_conv(inputs, kernel, None, strides, padding, data_format, dilation_rate)


@composite
def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the convolution of each channel with kernels of its own.

    Output channel `c * multiplier + m` comes from channel `c`.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        kernel: `(*window, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as in `conv`.

    >>> ops.depthwise_conv(np.ones((1, 3, 2)), np.array([[[1.0], [3.0]]]))[0]
    array([[1., 3.],
           [1., 3.],
           [1., 3.]])
    """
    return fused_depthwise_conv(inputs, kernel, None, strides, padding, data_format, dilation_rate)


def fused_depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
    activation: str = "linear",
    name: str = "depthwise_conv",
) -> Tensor:
    """Return `activation(depthwise_conv(inputs, kernel) + bias)`, as one op."""
    x, kernel = to_array(inputs), to_array(kernel)
    channels = x.shape[1 if channels_come_first(name, data_format) else -1] if x.shape[2:] else 0
    if len(kernel.shape) != len(x.shape) or not agree([channels], kernel.shape[-2:-1]):
        raise ShapeError(
            f"{name} expects a kernel (window, channels, multiplier) with the {channels} channels of the input of "
            f"shape {tuple(x.shape)}; got shape {tuple(kernel.shape)}."
        )
    *window, _, multiplier = kernel.shape
    kernel = reshape(kernel, (*window, 1, channels * multiplier))
    return fused_conv(inputs, kernel, bias, strides, padding, data_format, dilation_rate, activation, name)


@composite
def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return `depthwise_conv`, followed by a `conv` with windows of one element, which mixes the channels.

    Args:
        inputs: as in `conv`.
        depthwise_kernel: `(*window, channels, multiplier)`.
        pointwise_kernel: `(1, ..., channels * multiplier, filters)`.
        strides, padding, data_format, dilation_rate: arguments of the first step, as in `conv`.

    >>> ops.separable_conv(np.ones((1, 3, 2)), np.ones((2, 2, 1)), np.ones((1, 2, 4))).shape
    (1, 2, 4)
    """
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return fused_conv(x, pointwise_kernel, data_format=data_format, name="separable_conv")


@composite
def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the transposed convolution: each element of the input adds its multiple of the kernel to the result.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `"channels_first"`.
        kernel: `(*window, filters, channels)`, the kernel of the convolution from the result to the input.
        strides: the step in the result for a step of 1 in the input, for each axis or for all.
        padding: the padding of that convolution, `"valid"` or `"same"`.
        output_padding: the length added to each axis of the result; by default `"same"` gives `input * strides`.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        dilation_rate: the step between the elements of a window, for each axis or for all.

    >>> ops.conv_transpose(np.array([[[1.0], [2.0]]]), np.ones((2, 1, 1)), strides=2)[0, :, 0]
    array([1., 1., 2., 2.])

    Raises:
        ShapeError: the ranks differ, or the channels do not match.
        ValueError: an argument has an invalid value.
    """
    x, kernel = to_array(inputs), to_array(kernel)
    first = channels_come_first("conv_transpose", data_format)
    x = transpose(x, to_last(len(x.shape))) if first and len(x.shape) > 2 else x
    windows = windows_of("conv_transpose", x.shape, kernel.shape[:-2], strides, "valid", dilation_rate)
    if len(kernel.shape) != len(x.shape) or not agree(kernel.shape[-1:], x.shape[-1:]):
        raise ShapeError(
            f"conv_transpose expects a kernel (window, filters, channels) with the {x.shape[-1]} channels of the "
            f"input; got shapes {tuple(x.shape)} and {tuple(kernel.shape)}."
        )
    sides = _transposed_padding(windows, padding, output_padding)
    spatial = tuple(
        size_from((n - 1) * s + low + high - r + 2, n, r)
        for n, s, r, (low, high) in zip(
            x.shape[1:-1], windows.strides, windows.effective_size, sides, strict=True
        )
    )
    back = tuple(
        (r - 1 - low, r - 1 - high) for r, (low, high) in zip(windows.effective_size, sides, strict=True)
    )
    y = convolution_input_gradient(
        x, kernel, windows=replace(windows, padding=back), groups=1, spatial=spatial
    )
    return transpose(y, to_first(len(x.shape))) if first else y


def _transposed_padding(
    windows: Windows, padding: str, output_padding: Sizes | None
) -> list[tuple[int, int]]:
    """Return the padding of each side of the input, after it is spread out by the strides."""
    if padding.lower() not in ("valid", "same"):
        raise ValueError(f'conv_transpose: padding must be "valid" or "same"; got {padding!r}.')
    rank = len(windows.size)
    more: Any = [None] * rank
    if output_padding is not None:
        more = per_axis("conv_transpose", "output_padding", output_padding, rank, smallest=0)
    sides = []
    for r, s, extra in zip(windows.effective_size, windows.strides, more, strict=True):
        if padding.lower() == "valid":
            sides.append((r - 1, r - 1 + (max(r, s) - r if extra is None else extra)))
        else:
            total = r + s - 2 if extra is None else r + r % 2 - 2 + extra
            low = min(total - total // 2, r - 1)
            sides.append((low, total - low))
    return sides
