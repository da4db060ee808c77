"""The formats of bounding boxes: corners, corner and size, center and size, in pixels or relative to the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import ShapeError

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip
_Y_FIRST = ("yxyx", "center_yxhw")


def convert_format(
    boxes: TensorLike | dict[str, Any],
    source: str,
    target: str,
    height: TensorLike | None = None,
    width: TensorLike | None = None,
    dtype: DTypeLike = "float32",
) -> Any:
    """Convert bounding boxes to another format.

    The formats are `"xyxy"` and `"yxyx"` for two corners, `"xywh"` for the upper left corner and the size, and
    `"center_xywh"` and `"center_yxhw"` for the center and the size. With `"rel_"` in front, x and y are fractions
    of the width and the height of the image: `"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"` and `"rel_center_xywh"`.

    Args:
        boxes: a tensor of shape `(..., 4)`, or a dict that has it as `"boxes"`.
        source, target: the format of the boxes, and of the result.
        height, width: the size of the image in pixels, for conversions from or to relative formats.
        dtype: the dtype of the result.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.convert_format([[10, 20, 30, 60]], "xyxy", "center_xywh")
    array([[20., 40., 20., 40.]], dtype=float32)

    Raises:
        ValueError: a format is unknown, or the size is missing.
        ShapeError: the last axis has another size than 4.
    """
    if isinstance(boxes, dict):
        return boxes | {"boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    boxes, source, target = ops.convert_to_tensor(boxes), source.lower(), target.lower()
    _check(boxes, source, target, height, width)
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    first, last = _corners(boxes, source)
    relative = source.startswith("rel_"), target.startswith("rel_")
    if relative[0] != relative[1]:
        size = _extent(height, width, dtype)
        first, last = (p * size if relative[0] else p / size for p in (first, last))
    return _from_corners(first, last, target)


def _check(boxes: Tensor, source: str, target: str, height: object, width: object) -> None:
    if not boxes.shape or boxes.shape[-1] != 4:
        raise ShapeError(f"convert_format: expected boxes of shape (..., 4); got {tuple(boxes.shape)}.")
    for name in (source, target):
        if name not in FORMATS:
            raise ValueError(f'convert_format: there is no format "{name}". Known: {", ".join(FORMATS)}.')
        if name.startswith("rel_") and (height is None or width is None):
            raise ValueError(
                f"convert_format: {name} needs the height and width of the image; got {height} and {width}."
            )


def _extent(height: Any, width: Any, dtype: DTypeLike) -> Tensor:
    """Return the width and the height of images along the last axis."""
    sizes = [ops.convert_to_tensor(n, dtype) for n in (width, height)]
    return ops.concatenate([n if len(n.shape) else n[None] for n in sizes], axis=-1)


def _swapped(boxes: Tensor, name: str) -> Tensor:
    """Return boxes with x and y in the other order, if a format has y first."""
    return ops.take(boxes, (1, 0, 3, 2), axis=-1) if name.removeprefix("rel_") in _Y_FIRST else boxes


def _corners(boxes: Tensor, source: str) -> tuple[Tensor, Tensor]:
    """Return the upper left and the lower right corner of boxes, x before y: `(..., 2)` each."""
    boxes = _swapped(boxes, source)
    first, second = boxes[..., :2], boxes[..., 2:]
    if "center" in source:
        return first - second / 2, first + second / 2
    return first, (first + second if source.endswith("wh") else second)


def _from_corners(first: Tensor, last: Tensor, target: str) -> Tensor:
    """Return boxes in a format from the corners that `_corners` returns."""
    size = last - first
    start = first + size / 2 if "center" in target else first
    end = size if target.endswith(("wh", "hw")) else last
    return _swapped(ops.concatenate([start, end], axis=-1), target)


def image_size(image_shape: Sequence[Any] | None) -> tuple[Any, Any]:
    """Return the height and the width of an image from its shape `(height, width, channels)`; None without it."""
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])
