"""Checks and conversions of batches of images and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.types import TensorLike
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import bad_setting, is_integer
from hilevel.ops.nn.windows import channels_come_first

Array = np.ndarray[Any, Any]

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
"""Eight colours that colour-blind readers can distinguish. Source: Okabe and Ito, "Color Universal Design", 2008."""

WRONG = "#D55E00"
"""The colour of mistakes."""


def plain(text: object) -> str:
    """Return a text in which matplotlib finds no formulas.

    >>> from hilevel.visualization.images import plain
    >>> print(plain("$5"))
    \\$5
    """
    return str(text).replace("$", r"\$")


def image_batch(user: str, images: TensorLike, data_format: str | None = None) -> Array:
    """Return images as an array of shape `(images, height, width, channels)`.

    Raises:
        ShapeError: there are no 4 axes, or the number of channels is not 1, 3 or 4.
    """
    array = ops.convert_to_numpy(images)
    if array.ndim != 4:
        raise ShapeError(f"{user} expects a batch of images, of 4 axes; got shape {array.shape}.")
    if channels_come_first(user, data_format):
        array = np.moveaxis(array, 1, -1)
    if array.shape[-1] not in (1, 3, 4):
        raise ShapeError(f"{user} expects images of 1, 3 or 4 channels; got {array.shape[-1]}.")
    return array


def as_pixels(images: Array) -> Array:
    """Return values from 0 to 255 as uint8. Values outside are clipped."""
    return np.clip(images, 0, 255).astype(np.uint8)


def from_range(user: str, images: Array, value_range: Sequence[float]) -> Array:
    """Return images whose values are scaled from `value_range` to 0 to 255.

    Raises:
        ArgumentError: the range is not two values, the smaller first.
    """
    low, high = value_range if len(value_range) == 2 else (0, 0)
    if not low < high:
        raise bad_setting(user, "value_range", "two values, the smaller first", value_range)
    if (low, high) == (0, 255):
        return as_pixels(images)
    return as_pixels(np.round((images.astype("float64") - low) / (high - low) * 255))


def unit_range(images: Array) -> Array:
    """Return images whose smallest value is 0, and whose largest is 1. uint8 images are divided by 255."""
    if images.dtype == np.uint8:
        return images / 255
    images = images.astype("float64")
    low, high = (images.min(), images.max()) if images.size else (0.0, 1.0)
    return (images - low) / ((high - low) or 1)


def color_of(user: str, name: str, color: Any) -> tuple[int, int, int]:
    """Return a colour: red, green and blue from 0 to 255.

    Raises:
        ArgumentError: the value is no such colour.
    """
    good = isinstance(color, (tuple, list, np.ndarray)) and len(color) == 3
    if not good or not all(is_integer(c, 0) and c <= 255 for c in color):
        raise bad_setting(user, name, "three integers from 0 to 255", color)
    red, green, blue = map(int, color)
    return red, green, blue


def channels_of(color: tuple[int, int, int], channels: int) -> tuple[int, ...]:
    """Return a colour for images of 1, 3 or 4 channels: the first value, all values, or all values and opaque."""
    return (*color, 255)[: channels or 1]


def class_labels(user: str, name: str, values: TensorLike) -> Array:
    """Return the class of each sample, from classes of shape `(n,)` or `(n, 1)`, or probabilities `(n, classes)`.

    Raises:
        ShapeError: there is another number of axes.
    """
    array = np.asarray(values) if _is_text(values) else ops.convert_to_numpy(values)
    if array.ndim == 2:
        array = array[:, 0] if array.shape[1] == 1 else array.argmax(axis=1)
    if array.ndim != 1:
        raise ShapeError(f"{user}: {name} must be classes, or a row of probabilities for each sample.")
    return array


def _is_text(values: Any) -> bool:
    return np.asarray(values).dtype.kind in "USO" if isinstance(values, (list, tuple, np.ndarray)) else False


def same_length(user: str, **arrays: Any) -> None:
    """Raise ShapeError if arrays differ in length."""
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ShapeError(f"{user} needs the same number of samples everywhere; {text}.")
