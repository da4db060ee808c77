"""Segmentation masks drawn into images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.types import TensorLike
from hilevel.errors import ArgumentError, ShapeError
from hilevel.layers.base.checks import number, positive
from hilevel.visualization.images import Array, as_pixels, color_of, image_batch


def draw_segmentation_masks(
    images: TensorLike,
    segmentation_masks: TensorLike,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Sequence[int]] | Sequence[Sequence[int]] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> Array:
    """Return images with the classes of their pixels drawn in colours.

    Args:
        images: a tensor of shape `(images, height, width, 3)`, with values from 0 to 255.
        segmentation_masks: the classes, integers of shape `(images, height, width)` or `(images, height, width, 1)`.
        num_classes: the number of classes. Pixels of other classes are not drawn. By default all classes are drawn.
        color_mapping: red, green and blue from 0 to 255 for each class. By default class 0 is black.
        alpha: the opacity, from 0 to 1.
        blend: whether to mix the colours with the image by `alpha`; else they are opaque.
        ignore_index: a class that is not drawn.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        A uint8 array of shape `(images, height, width, 3)`.

    Raises:
        TypeError: the classes are no integers.
        ShapeError: shapes do not match.
        ArgumentError: `color_mapping` lacks a class, or a setting is invalid.

    >>> import hilevel
    >>> colors = {0: (0, 0, 0), 1: (200, 100, 0)}
    >>> drawn = hilevel.visualization.draw_segmentation_masks(
    ...     np.full((1, 1, 2, 3), 100), [[[0, 1]]], color_mapping=colors, alpha=0.5, ignore_index=0
    ... )
    >>> drawn.tolist()
    [[[[100, 100, 100], [150, 100, 50]]]]
    """
    user = "draw_segmentation_masks"
    drawn = image_batch(user, images, data_format)
    if drawn.shape[-1] != 3:
        raise ShapeError(f"{user} expects images of 3 channels; got {drawn.shape[-1]}.")
    classes = _classes(user, segmentation_masks, drawn.shape, data_format)
    opacity = number(user, "alpha", alpha, 0, 1) if blend else 1.0
    count = (
        int(classes.max(initial=-1)) + 1
        if num_classes is None
        else positive(user, "num_classes", num_classes)
    )
    drawn = as_pixels(drawn)
    for k in np.unique(classes[(classes >= 0) & (classes < count) & (classes != ignore_index)]):
        chosen = classes == k
        color = np.array(color_of(user, "color_mapping", _color(user, color_mapping, int(k))))
        drawn[chosen] = ((1 - opacity) * drawn[chosen] + opacity * color + 1e-6).astype(np.uint8)
    return drawn


def _classes(user: str, masks: TensorLike, shape: Sequence[int], data_format: str | None) -> Array:
    """Return the classes in the shape of the images, without channels."""
    classes = ops.convert_to_numpy(masks)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"{user}: segmentation_masks must be integers; got {classes.dtype}.")
    if classes.ndim == 4:
        classes = image_batch(user, classes, data_format)
        classes = classes[..., 0] if classes.shape[-1] == 1 else classes
    if classes.shape != tuple(shape[:3]):
        raise ShapeError(
            f"{user}: masks of shape {tuple(classes.shape)} do not fit images of shape {tuple(shape)}."
        )
    return classes


def _color(user: str, mapping: Any, k: int) -> Sequence[int]:
    """Return the colour of a class. Without a mapping they are the colours of Keras."""
    if mapping is None:
        return k % 255, 127 * k % 255, 31 * k % 255
    try:
        found: Sequence[int] = mapping[k]
    except (KeyError, IndexError):
        raise ArgumentError(f"{user}: color_mapping has no colour for class {k}.") from None
    return found
