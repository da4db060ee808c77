"""Bounding boxes relative to anchors, as the targets of detectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.utils.bounding_boxes.formats import convert_format, image_size


def _factors(variance: TensorLike | None, encoding: str) -> Any:
    """Check the arguments that both functions have, and return the factors of the deltas.

    Raises:
        ValueError: the encoding is unknown.
        ShapeError: there are not 4 factors.
    """
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f'bounding_boxes: the encoding must be "center_xywh" or "center_yxhw"; got "{encoding}".'
        )
    if variance is None:
        return 1.0
    factors = ops.convert_to_tensor(variance, "float32")
    if not factors.shape or factors.shape[-1] != 4:
        raise ShapeError(f"bounding_boxes: variance must have 4 elements; got shape {tuple(factors.shape)}.")
    return factors


def encode_box_to_deltas(
    anchors: TensorLike,
    boxes: TensorLike,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: TensorLike | None = None,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Return bounding boxes relative to anchors, as Faster R-CNN has them (Ren et al., 2015, equation 2).

    A delta is the distance of the centers, divided by the size of the anchor, and the logarithm of the fraction of
    the sizes.

    Args:
        anchors: a tensor of shape `(n, 4)`.
        boxes: a tensor of shape `(n, 4)` or `(batch, n, 4)`.
        anchor_format, box_format: the formats, as in `convert_format`.
        encoding_format: the order in a delta, `"center_yxhw"` or `"center_xywh"`.
        variance: 4 values by which the deltas are divided.
        image_shape: the shape of the image, `(height, width, channels)`, for relative formats.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.encode_box_to_deltas([[0, 0, 10, 10]], [[5, 0, 15, 10]], "xyxy", "xyxy")
    array([[0. , 0.5, 0. , 0. ]], dtype=float32)

    Raises:
        ValueError: a format is unknown, or the size of the image is missing.
        ShapeError: there are not 4 values of `variance`.
    """
    factors = _factors(variance, encoding_format)
    height, width = image_size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    sizes, own = (ops.maximum(b[..., 2:], epsilon()) for b in (anchors, boxes))
    moves = (boxes[..., :2] - anchors[..., :2]) / sizes
    return ops.concatenate([moves, ops.log(own / sizes)], axis=-1) / factors


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: TensorLike | None = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """Invert `encode_box_to_deltas`.

    Args:
        anchors: a tensor of shape `(n, 4)`, or a dict of such tensors.
        boxes_delta: the deltas, of shape `(n, 4)` or `(batch, n, 4)`, or a dict of them with the same keys.
        anchor_format, box_format: the formats of the anchors and of the result, as in `convert_format`.
        encoded_format: the order in a delta, `"center_yxhw"` or `"center_xywh"`.
        variance: 4 values by which the deltas are multiplied.
        image_shape: the shape of the image, `(height, width, channels)`, for relative formats.

    >>> from hilevel.utils import bounding_boxes
    >>> bounding_boxes.decode_deltas_to_boxes([[0, 0, 10, 10]], [[0.0, 0.5, 0.0, 0.0]], "xyxy", "xyxy")
    array([[ 5.,  0., 15., 10.]], dtype=float32)

    Raises:
        ValueError: a format is unknown, or the size of the image is missing.
        ShapeError: there are not 4 values of `variance`.
    """
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {key: decode_deltas_to_boxes(a, boxes_delta[key], *rest) for key, a in anchors.items()}
    deltas = ops.convert_to_tensor(boxes_delta) * _factors(variance, encoded_format)
    height, width = image_size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
    sizes = anchors[..., 2:]
    boxes = [deltas[..., :2] * sizes + anchors[..., :2], ops.exp(deltas[..., 2:]) * sizes]
    return convert_format(ops.concatenate(boxes, axis=-1), encoded_format, box_format, height, width)
