"""Conversions between colours."""

from __future__ import annotations

import numpy as np

from hilevel.engine.dtypes import is_float
from hilevel.engine.op import composite, rounded, to_array
from hilevel.engine.spec import agree
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.image.layout import Layout, layout_of, to_compute
from hilevel.ops.numpy.elementwise import abs, cast, clip, maximum, minimum, where
from hilevel.ops.numpy.joining import stack
from hilevel.ops.numpy.products import tensordot
from hilevel.ops.numpy.shaping import expand_dims, moveaxis

_LUMA = np.array([0.2989, 0.5870, 0.1140])
"""The weights of red, green and blue in the brightness, by ITU-R BT.601."""


@composite
def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Return the brightness of RGB images, by ITU-R BT.601. Images of one channel are unchanged.

    The result has the dtype of the images. Integers are rounded towards 0.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.rgb_to_grayscale(np.array([[[1.0, 1.0, 0.0]]]))
    array([[[0.8859]]])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes, or neither 1 nor 3 channels.
    """
    images = to_array(images)
    layout = layout_of("rgb_to_grayscale", images, data_format)
    channels = images.shape[layout.channels]
    if channels == 1:
        return images
    if not agree((channels,), (3,)):
        raise ShapeError(f"rgb_to_grayscale: expected 1 or 3 channels; got shape {tuple(images.shape)}.")
    x = to_compute(images)
    weights = to_array(_LUMA, x.dtype)
    gray = tensordot(x, weights, axes=(layout.channels % len(x.shape), 0))
    return cast(expand_dims(gray, layout.channels), images.dtype)


def _planes(name: str, images: Tensor, data_format: str | None) -> tuple[Layout, list[Tensor]]:
    """Return the layout of float images of three channels, and the channels.

    Raises:
        ShapeError: the images have another shape.
        ValueError: the images have an integer dtype.
    """
    layout = layout_of(name, images, data_format)
    if not is_float(images.dtype):
        raise ValueError(f"{name}: expected a float dtype; got {images.dtype}. Divide integers by 255 first.")
    if not agree((images.shape[layout.channels],), (3,)):
        raise ShapeError(f"{name}: expected 3 channels; got shape {tuple(images.shape)}.")
    planes = moveaxis(images, layout.channels, 0)
    return layout, [planes[i] for i in range(3)]


@composite
def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Convert RGB images to hue, saturation and value, by Smith (1978). All are in the interval [0, 1].

    Args:
        images: floats in [0, 1], of shape `(batch, height, width, 3)` or `(height, width, 3)`; with
            `"channels_first"` the channels precede the height.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.rgb_to_hsv(np.array([[[0.0, 0.5, 0.0]]]))
    array([[[0.33333333, 1.        , 0.5       ]]])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes, or not 3 channels.
        ValueError: the images are not floats.
    """
    images = to_array(images)
    layout, planes = _planes("rgb_to_hsv", images, data_format)
    tiny = float(np.finfo(np.float32).eps if images.dtype.kind == "V" else np.finfo(images.dtype).eps)
    red, green, blue = (where(abs(p) < tiny, 0.0, p) for p in planes)
    return stack(_hsv(red, green, blue), axis=layout.channels)


@rounded
def _hsv(red: Tensor, green: Tensor, blue: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    value = maximum(maximum(red, green), blue)
    spread = value - minimum(minimum(red, green), blue)
    sixth = 1.0 / (6.0 * where(spread > 0, spread, 1.0))
    hue = where(value == green, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6)
    hue = where(value == red, sixth * (green - blue), hue)
    hue = where(spread > 0, hue, 0.0)
    saturation = where(value > 0, spread / where(value > 0, value, 1.0), 0.0)
    return where(hue < 0, hue + 1.0, hue), saturation, value


@composite
def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Convert images of hue, saturation and value to RGB, by Smith (1978).

    Args:
        images: floats in [0, 1], of shape `(batch, height, width, 3)` or `(height, width, 3)`; with
            `"channels_first"` the channels precede the height.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.hsv_to_rgb(np.array([[[0.5, 1.0, 1.0]]]))
    array([[[0., 1., 1.]]])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes, or not 3 channels.
        ValueError: the images are not floats.
    """
    layout, planes = _planes("hsv_to_rgb", to_array(images), data_format)
    return stack(_rgb(*planes), axis=layout.channels)


@rounded
def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    sextant = (hue % 1.0) * 6.0
    pure = (abs(sextant - 3.0) - 1.0, 2.0 - abs(sextant - 2.0), 2.0 - abs(sextant - 4.0))
    red, green, blue = (value * (1.0 - saturation + saturation * clip(p, 0.0, 1.0)) for p in pure)
    return red, green, blue
