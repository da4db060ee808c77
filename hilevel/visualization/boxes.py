"""Bounding boxes drawn into images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.api.optional import import_optional
from hilevel.engine.types import TensorLike
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import number, positive
from hilevel.utils.bounding_boxes.formats import convert_format
from hilevel.visualization.images import Array, as_pixels, channels_of, color_of, image_batch

_TEXT_SIZE = 22
"""The size of text in pixels for `font_scale=1`."""


def draw_bounding_boxes(
    images: TensorLike,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Sequence[int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> Array:
    """Return images with bounding boxes drawn into them.

    Names of classes need `pip install 'hilevel[image]'`. A box of label -1 is padding, and not drawn.

    Args:
        images: a tensor of shape `(images, height, width, channels)`, with values from 0 to 255.
        bounding_boxes: a dict of `"boxes"`, of shape `(images, boxes, 4)`, and `"labels"`, of shape
            `(images, boxes)`. The number of boxes may differ between images.
        bounding_box_format: the format, as in `hilevel.utils.bounding_boxes.convert_format`.
        class_mapping: the names of labels, which are written at the boxes; None for no names.
        color: red, green and blue from 0 to 255.
        line_thickness, text_thickness: in pixels.
        font_scale: the size of the text, in units of 22 pixels.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        A uint8 array of shape `(images, height, width, channels)`.

    Raises:
        TypeError: `bounding_boxes` is no dict.
        ValueError: a key or the format is unknown.
        ShapeError: shapes do not match.
        ImportError: Pillow is not installed, and there are names to write.

    >>> import hilevel
    >>> boxes = {"boxes": [[[1, 1, 3, 3]]], "labels": [[0]]}
    >>> drawn = hilevel.visualization.draw_bounding_boxes(np.zeros((1, 5, 5, 1)), boxes, "xyxy", line_thickness=1)
    >>> drawn[0, ..., 0]
    array([[  0,   0,   0,   0,   0],
           [  0, 128, 128, 128,   0],
           [  0, 128,   0, 128,   0],
           [  0, 128, 128, 128,   0],
           [  0,   0,   0,   0,   0]], dtype=uint8)
    """
    user = "draw_bounding_boxes"
    drawn = as_pixels(image_batch(user, images, data_format))
    ink = channels_of(color_of(user, "color", color), drawn.shape[-1])
    line = positive(user, "line_thickness", line_thickness)
    size = number(user, "font_scale", font_scale, 0) * _TEXT_SIZE
    stroke = positive(user, "text_thickness", text_thickness) - 1
    names = {} if class_mapping is None else class_mapping
    boxes, labels = _read(user, bounding_boxes, len(drawn))
    for i, image in enumerate(drawn):
        found = corners(boxes[i], labels[i], bounding_box_format, image.shape)
        for box in found:
            _outline(image, box[:4], ink, line)
        texts = [(names[box[4]], box[:4]) for box in found if box[4] in names]
        if texts:
            drawn[i] = _with_texts(image, texts, ink, size, stroke)
    return drawn


def _read(user: str, bounding_boxes: Mapping[str, Any], count: int) -> tuple[Any, Any]:
    if not isinstance(bounding_boxes, Mapping):
        raise TypeError(f"{user}: bounding_boxes must be a dict; got {type(bounding_boxes).__name__}.")
    if not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError(
            f'{user}: bounding_boxes must have "boxes" and "labels"; got {", ".join(bounding_boxes)}.'
        )
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if len(boxes) != count or len(labels) != count:
        raise ShapeError(f"{user}: {count} images, but boxes of {len(boxes)} and labels of {len(labels)}.")
    return boxes, labels


def corners(
    boxes: TensorLike, labels: TensorLike, source: str, shape: Sequence[int]
) -> list[tuple[int, ...]]:
    """Return the corners x, y, x, y in whole pixels, and the label, of the boxes of an image without padding."""
    kinds = ops.convert_to_numpy(labels).reshape(-1)
    array = ops.convert_to_numpy(boxes).reshape(-1, 4) if len(kinds) else np.zeros((0, 4))
    if len(array) != len(kinds):
        raise ShapeError(f"draw_bounding_boxes: an image has {len(array)} boxes, but {len(kinds)} labels.")
    found = ops.convert_to_numpy(convert_format(array, source, "xyxy", shape[0], shape[1]))
    return [(*map(int, box), int(kind)) for box, kind in zip(found, kinds, strict=True) if kind != -1]


def _outline(image: Array, box: Sequence[int], color: tuple[int, ...], thickness: int) -> None:
    """Draw a rectangle whose line has half of its thickness outside of the corners."""
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    outside, inside = thickness // 2, thickness - thickness // 2
    line = np.zeros(image.shape[:2], bool)
    line[_within(top - outside, bottom + outside), _within(left - outside, right + outside)] = True
    line[_within(top + inside, bottom - inside), _within(left + inside, right - inside)] = False
    image[line] = color


def _within(first: int, last: int) -> slice:
    """Return the slice from the first to the last index. Negative indices are outside of the image."""
    return slice(max(first, 0), max(last + 1, 0))


def _with_texts(
    image: Array, texts: list[tuple[str, tuple[int, ...]]], color: tuple[int, ...], size: float, stroke: int
) -> Array:
    """Return an image with each text above its box, or below the upper line if there is no space."""
    user = "draw_bounding_boxes with class_mapping"
    pillow = import_optional("PIL.Image", "hilevel[image]", user)
    draws = import_optional("PIL.ImageDraw", "hilevel[image]", user)
    font = import_optional("PIL.ImageFont", "hilevel[image]", user).load_default(max(size, 1))
    picture = pillow.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    pen = draws.Draw(picture)
    for text, (left, top, _, _) in texts:
        height = pen.textbbox((0, 0), str(text), font=font, stroke_width=stroke)[3]
        y = top - height - 3 if top - height - 3 >= 0 else top + 3
        pen.text((max(left, 0), y), str(text), color, font, stroke_width=stroke)
    return np.asarray(picture).reshape(image.shape)
