"""Changes of bounding boxes that go with changes of their images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.engine.types import DType, Tensor, TensorLike


def _coordinates(
    boxes: TensorLike, name: str, given: str, known: Sequence[str] = ("xyxy",)
) -> tuple[Tensor, Tensor]:
    """Return the x and the y coordinates of boxes, `(..., 2)` each.

    Raises:
        NotImplementedError: the given format is not a known one.
    """
    if given not in known:
        raise NotImplementedError(
            f'bounding_boxes.{name}: the format "{given}". Convert the boxes to "xyxy".'
        )
    boxes = ops.convert_to_tensor(boxes)
    return boxes[..., 0::2], boxes[..., 1::2]


def _boxes(x: Tensor, y: Tensor) -> Tensor:
    """Invert `_coordinates`."""
    pairs = ops.stack([x, y], axis=-1)
    return ops.reshape(pairs, (*pairs.shape[:-2], 4))


def _limited(x: Tensor, most: TensorLike) -> Tensor:
    return ops.minimum(ops.maximum(x, 0), most)


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: TensorLike | None = None,
    width: TensorLike | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Limit bounding boxes to the image. Labels of boxes outside of it become -1.

    Args:
        bounding_boxes: a dict of `"boxes"`, of shape `(..., 4)`, and optional `"labels"`, of shape `(...)`.
        height, width: the size of the image in pixels; required for `"xyxy"`.
        bounding_box_format: `"xyxy"` or `"rel_xyxy"`.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.clip_to_image_size({"boxes": np.array([[-5.0, 2.0, 30.0, 8.0]])}, height=10, width=20)
    {'boxes': array([[ 0.,  2., 20.,  8.]])}

    Raises:
        NotImplementedError: the format is another one.
        ValueError: the size of the image is missing.
    """
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    x, y = _coordinates(boxes, "clip_to_image_size", bounding_box_format, ("xyxy", "rel_xyxy"))
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    if height is None or width is None:
        raise ValueError(
            "bounding_boxes.clip_to_image_size: pass the height and the width of the image in pixels."
        )
    x, y = (_limited(p, ops.cast(n, boxes.dtype)) for p, n in ((x, width), (y, height)))
    result = bounding_boxes | {"boxes": _boxes(x, y)}
    if bounding_boxes.get("labels") is not None:
        area = (x[..., 1] - x[..., 0]) * (y[..., 1] - y[..., 0])
        result["labels"] = ops.where(area > 0, bounding_boxes["labels"], -1)
    return result


def crop(
    boxes: TensorLike,
    top: TensorLike,
    left: TensorLike,
    height: TensorLike,
    width: TensorLike,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return bounding boxes in the coordinates of a part of the image, limited to the part.

    Args:
        boxes: a tensor of shape `(..., 4)`.
        top, left: the upper left corner of the part, in pixels.
        height, width: the size of the part, in pixels.
        bounding_box_format: `"xyxy"`.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.crop([[10, 20, 50, 60]], top=10, left=20, height=40, width=30)
    array([[ 0, 10, 30, 40]], dtype=int32)

    Raises:
        NotImplementedError: the format is another one.
    """
    x, y = _coordinates(boxes, "crop", bounding_box_format)
    return _boxes(_limited(ops.subtract(x, left), width), _limited(ops.subtract(y, top), height))


def pad(
    boxes: TensorLike,
    top: TensorLike,
    left: TensorLike,
    height: TensorLike | None = None,
    width: TensorLike | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return bounding boxes in the coordinates of a padded image.

    Args:
        boxes: a tensor of shape `(..., 4)`.
        top, left: the number of rows and columns that were added in front.
        height, width: ignored.
        bounding_box_format: `"xyxy"`.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.pad([[10, 20, 50, 60]], top=5, left=1)
    array([[11, 25, 51, 65]], dtype=int32)

    Raises:
        NotImplementedError: the format is another one.
    """
    x, y = _coordinates(boxes, "pad", bounding_box_format)
    return _boxes(ops.add(x, left), ops.add(y, top))


def affine_transform(
    boxes: TensorLike,
    angle: TensorLike,
    translate_x: TensorLike,
    translate_y: TensorLike,
    scale: TensorLike,
    shear_x: TensorLike,
    shear_y: TensorLike,
    height: TensorLike,
    width: TensorLike,
    center_x: TensorLike | None = None,
    center_y: TensorLike | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Rotate, move, scale and shear images, and return the smallest boxes around the corners of the boxes.

    Args:
        boxes: a tensor of shape `(batch, boxes, 4)`.
        angle: the rotation in degrees, of shape `(batch,)`. The result has its dtype.
        translate_x, translate_y: the movement as a fraction of the width and of the height, of shape `(batch,)`.
        scale: the factor of the size, of shape `(batch,)`.
        shear_x, shear_y: the angles of the shear in degrees, of shape `(batch,)`.
        height, width: the size of the image, in pixels.
        center_x, center_y: the fixed point as a fraction of the width and of the height; the center by default.
        bounding_box_format: `"xyxy"`.

    >>> from hilevel.utils import bounding_boxes
    >>> zero, one = np.zeros(1), np.ones(1)
    >>> boxes = np.array([[[10.0, 20.0, 30.0, 40.0]]])
    >>> bounding_boxes.affine_transform(boxes, zero, 0.1 * one, zero, one, zero, zero, height=101, width=101)
    array([[[20., 20., 40., 40.]]])

    Raises:
        NotImplementedError: the format is another one.
    """
    dtype = ops.convert_to_tensor(angle).dtype
    x, y = _coordinates(ops.cast(boxes, dtype), "affine_transform", bounding_box_format)
    rotation, shear_x, shear_y = (-_per_box(a, dtype) * (math.pi / 180) for a in (angle, shear_x, shear_y))
    middle_x, from_x = _fixed_point(center_x, translate_x, width, dtype)
    middle_y, from_y = _fixed_point(center_y, translate_y, height, dtype)
    x = ops.take(x, (0, 1, 1, 0), axis=-1) - from_x
    y = ops.take(y, (0, 0, 1, 1), axis=-1) - from_y
    a, b, c, d = _linear_part(rotation, shear_x, shear_y)
    scale = _per_box(scale, dtype)
    moved_x, moved_y = middle_x + scale * (d * x - b * y), middle_y + scale * (a * y - c * x)
    ends = [f(p, axis=-1) for f in (ops.min, ops.max) for p in (moved_x, moved_y)]
    return ops.stack(ends, axis=-1)


def _per_box(x: TensorLike, dtype: DType) -> Tensor:
    """Return a value for each image, `(batch,)`, in a shape that broadcasts with `(batch, boxes, corners)`."""
    return ops.convert_to_tensor(x, dtype)[..., None, None]


def _fixed_point(
    center: TensorLike | None, translate: TensorLike, size: TensorLike, dtype: DType
) -> tuple[Tensor, Tensor]:
    """Return the coordinate of the fixed point after and before the movement."""
    last = ops.convert_to_tensor(size, dtype) - 1
    middle = _per_box(0.5 if center is None else center, dtype) * last
    return middle, middle - _per_box(translate, dtype) * last


def _linear_part(rotation: Tensor, shear_x: Tensor, shear_y: Tensor) -> tuple[Tensor, ...]:
    """Return the matrix `((a, b), (c, d))` of a rotation and shears, which has the determinant 1."""
    a = ops.cos(rotation - shear_y) / ops.cos(shear_y)
    c = -ops.sin(rotation - shear_y) / ops.cos(shear_y)
    slope = ops.tan(shear_x)
    return a, a * slope + ops.sin(rotation), c, ops.cos(rotation) - c * slope
