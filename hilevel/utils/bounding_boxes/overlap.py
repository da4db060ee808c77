"""The overlap of bounding boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.utils.bounding_boxes.formats import convert_format, image_size


def _as_corners(name: str, boxes: TensorLike, source: str, image_shape: Sequence[int] | None) -> Tensor:
    """Return boxes in the format `"xyxy"`.

    Raises:
        ValueError: the format is relative, and there is no shape of the image.
    """
    if "rel" in source.lower() and image_shape is None:
        raise ValueError(f'bounding_boxes.{name}: the format "{source}" needs image_shape.')
    height, width = image_size(image_shape)
    return convert_format(boxes, source, "xyxy", height, width)


def _area(first: Tensor, last: Tensor) -> Tensor:
    """Return the area between two corners, `(..., 2)` each."""
    size = last - first
    return size[..., 0] * size[..., 1]


def _intersection(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    first = ops.maximum(boxes1[..., :2], boxes2[..., :2])
    last = ops.minimum(boxes1[..., 2:], boxes2[..., 2:])
    return _area(first, ops.maximum(first, last))


def compute_iou(
    boxes1: TensorLike,
    boxes2: TensorLike,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Return the area of the intersection of boxes, divided by the area of their union, for each pair.

    Args:
        boxes1: a tensor of shape `(n, 4)` or `(batch, n, 4)`.
        boxes2: a tensor of shape `(m, 4)` or `(batch, m, 4)`.
        bounding_box_format: the format, as in `convert_format`.
        use_masking: whether pairs with a box of negative coordinates only get the value `mask_val`.
        mask_val: the value of such pairs.
        image_shape: the shape of the image, `(height, width, channels)`, for relative formats.

    Returns:
        The fractions, of shape `(n, m)` or `(batch, n, m)`.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.compute_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]], "xyxy").round(4)
    array([[0.3333, 0.    ]], dtype=float32)

    Raises:
        ShapeError: the boxes have neither 2 nor 3 axes.
        ValueError: the format is unknown, or is relative without `image_shape`.
    """
    one, two = (_as_corners("compute_iou", b, bounding_box_format, image_shape) for b in (boxes1, boxes2))
    for boxes in (one, two):
        if len(boxes.shape) not in (2, 3):
            raise ShapeError(f"compute_iou: expected boxes of 2 or 3 axes; got shape {tuple(boxes.shape)}.")
    one, two = one[..., :, None, :], two[..., None, :, :]
    common = _intersection(one, two)
    union = _area(one[..., :2], one[..., 2:]) + _area(two[..., :2], two[..., 2:]) - common
    found = common / (union + epsilon())
    if not use_masking:
        return found
    hidden = ops.logical_or(ops.max(one, axis=-1) < 0, ops.max(two, axis=-1) < 0)
    return ops.where(hidden, ops.cast(mask_val, found.dtype), found)


def compute_ciou(
    boxes1: TensorLike,
    boxes2: TensorLike,
    bounding_box_format: str,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Return the complete IoU of boxes, by Zheng et al. (2020).

    It is the fraction of `compute_iou`, less terms for the distance of the centers and for the aspect ratios.

    Args:
        boxes1, boxes2: tensors of shape `(..., 4)`, which broadcast.
        bounding_box_format: the format, as in `convert_format`.
        image_shape: the shape of the image, `(height, width, channels)`, for relative formats.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.compute_ciou([[0, 0, 2, 2]], [[1, 0, 3, 2]], "xyxy").round(4)
    array([0.2564], dtype=float32)

    Raises:
        ValueError: the format is unknown, or is relative without `image_shape`.
    """
    one, two = (_as_corners("compute_ciou", b, bounding_box_format, image_shape) for b in (boxes1, boxes2))
    common, tiny = _intersection(one, two), epsilon()
    sizes = [b[..., 2:] - b[..., :2] for b in (one, two)]
    (width1, height1), (width2, height2) = ((s[..., 0], s[..., 1] + tiny) for s in sizes)
    iou = common / (width1 * height1 + width2 * height2 - common + 2 * tiny)
    hull = ops.maximum(one[..., 2:], two[..., 2:]) - ops.minimum(one[..., :2], two[..., :2])
    between = (one[..., :2] + one[..., 2:] - two[..., :2] - two[..., 2:]) / 2
    distance = _squares(between) / (_squares(hull) + tiny)
    ratio = (4 / math.pi**2) * ops.square(ops.arctan(width2 / height2) - ops.arctan(width1 / height1))
    return iou - distance - ratio * ratio / (ratio - iou + 1 + tiny)


def _squares(x: Tensor) -> Tensor:
    return ops.sum(ops.square(x), axis=-1)
