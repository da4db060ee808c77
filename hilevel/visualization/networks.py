"""Figures of the filters and the feature maps of convolutional networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.callbacks.plotting import new_axes
from hilevel.engine.types import TensorLike
from hilevel.errors import ArgumentError, ShapeError
from hilevel.layers.base.checks import positive
from hilevel.layers.base.layer import Layer
from hilevel.layers.convolutional.conv import BaseConv
from hilevel.layers.convolutional.conv_transpose import BaseConvTranspose
from hilevel.layers.convolutional.depthwise_conv import BaseDepthwiseConv
from hilevel.models.model import Model
from hilevel.visualization.images import Array, plain


def plot_filters(layer: Layer, channel: int | None = None, max_filters: int = 64) -> Any:
    """Draw the filters of a one- or two-dimensional convolution.

    It needs `pip install 'hilevel[plot]'`. Filters of three input channels are drawn in colour, each scaled to its
    own range. Other filters are drawn for one input channel, blue for positive and red for negative weights.

    Args:
        layer: a built convolution.
        channel: the index of the input channel; None for colours of three channels, else for channel 0.
        max_filters: the largest number of filters that are drawn.

    Returns:
        The figure, a `matplotlib.figure.Figure`.

    Raises:
        ArgumentError: the object is no convolution of one or two dimensions, or a setting is invalid.
        ValueError: the layer is not built.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> layer = hilevel.layers.Conv2D(8, 3)
    >>> layer.build((None, 10, 10, 3))
    >>> len(hilevel.visualization.plot_filters(layer).axes)
    8
    """
    user = "plot_filters"
    kernel = _kernel(user, layer)[..., : positive(user, "max_filters", max_filters)]
    inputs, count = kernel.shape[2:]
    if channel is not None and (not isinstance(channel, int) or not 0 <= channel < inputs):
        raise ArgumentError(f"{user}: channel must be from 0 to {inputs - 1}, or None; got {channel!r}.")
    axes = new_axes(user, count, _columns(count), cell=(1, 1), margin=0.9)
    if inputs == 3 and channel is None:
        for axis, image in zip(axes, np.moveaxis(kernel, -1, 0), strict=True):
            low, high = image.min(), image.max()
            axis.imshow((image - low) / ((high - low) or 1))
            axis.set(xticks=[], yticks=[])
    else:
        weights = np.moveaxis(kernel[:, :, channel or 0], -1, 0)
        limit = float(abs(weights).max()) or 1.0
        _draw_all(axes, weights, "weight", cmap="RdBu", vmin=-limit, vmax=limit)
    return _titled(axes, f"{layer.name}: filters of shape {kernel.shape[0]} x {kernel.shape[1]}")


def _kernel(user: str, layer: Any) -> Array:
    """Return the weights in the shape `(height, width, input channels, filters)`."""
    if not isinstance(layer, Layer):
        raise ArgumentError(f"{user} expects a layer; got {type(layer).__name__}.")
    if not layer.built:
        raise ValueError(f"{user}: {layer._label()} is not built, so it has no weights yet.")
    if (
        not isinstance(layer, (BaseConv, BaseConvTranspose, BaseDepthwiseConv))
        or len(layer.kernel.shape) == 5
    ):
        raise ArgumentError(f"{user} expects a convolution of one or two dimensions; got {layer._label()}.")
    weights = ops.convert_to_numpy(layer.kernel)
    if weights.ndim == 3:
        weights = weights[None]
    if isinstance(layer, BaseDepthwiseConv):
        return weights.reshape(*weights.shape[:2], 1, -1)
    return weights.swapaxes(2, 3) if isinstance(layer, BaseConvTranspose) else weights


def plot_feature_maps(model: Model, layer_name: str, image: TensorLike, max_maps: int = 64) -> Any:
    """Draw the channels of the output of a layer for one image.

    It needs `pip install 'hilevel[plot]'`.

    Args:
        model: a functional or Sequential model, which takes images.
        layer_name: the name of a layer whose output has the shape `(images, height, width, channels)`.
        image: an image of shape `(height, width, channels)`, or `(1, height, width, channels)`.
        max_maps: the largest number of channels that are drawn.

    Returns:
        The figure, a `matplotlib.figure.Figure`.

    Raises:
        ArgumentError: the object is no model with symbolic inputs, or a setting is invalid.
        ValueError: the model has no layer of this name.
        ShapeError: the image or the output of the layer has another number of axes.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((8, 8, 1)), hilevel.layers.Conv2D(4, 3, name="edges")])
    >>> figure = hilevel.visualization.plot_feature_maps(model, "edges", np.ones((8, 8, 1)))
    >>> len([axis for axis in figure.axes if axis.images])
    4
    """
    user = "plot_feature_maps"
    if not isinstance(model, Model) or not model.inputs:
        raise ArgumentError(f"{user} expects a built functional or Sequential model; got {model!r:.80}.")
    batch = ops.convert_to_numpy(image)
    batch = batch[None] if batch.ndim == 3 else batch
    if batch.ndim != 4 or len(batch) != 1:
        raise ShapeError(f"{user} expects one image of shape (height, width, channels); got {batch.shape}.")
    output = model.get_layer(layer_name).output
    if len(output.shape) != 4:
        raise ShapeError(f'{user}: the output of "{layer_name}" has shape {output.shape}, and is no image.')
    maps = np.asarray(Model(model.inputs, output).predict(batch, verbose=0))[0]
    maps = np.moveaxis(maps, -1, 0)[: positive(user, "max_maps", max_maps)]
    axes = new_axes(user, len(maps), _columns(len(maps)), cell=(1, 1), margin=0.9)
    _draw_all(axes, maps, "output", cmap="viridis", vmin=maps.min(), vmax=maps.max())
    return _titled(axes, f"{layer_name}: maps of {maps.shape[1]} x {maps.shape[2]}")


def _columns(count: int) -> int:
    """Return the number of columns of a grid that is wider than high."""
    return max(4, math.ceil(math.sqrt(2 * count)))


def _draw_all(axes: list[Any], images: Array, label: str, **style: Any) -> None:
    """Draw images in one scale of colours, which a bar explains."""
    for i, (axis, image) in enumerate(zip(axes, images, strict=True)):
        drawn = axis.imshow(image, **style)
        axis.set(xticks=[], yticks=[])
        axis.set_xlabel(str(i), size=7, labelpad=2)
    axes[0].get_figure().colorbar(drawn, ax=axes, label=label, aspect=30, pad=0.02)


def _titled(axes: list[Any], title: str) -> Any:
    figure = axes[0].get_figure()
    figure.suptitle(plain(title), size=10)
    return figure
