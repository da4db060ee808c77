"""A fixed number of bounding boxes."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import integer
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes
from hilevel.layers.preprocessing.image.settings import ColorOptions


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """A layer that pads or cuts the bounding boxes of each image to one number, in training and in inference.

    Args:
        max_number: the number of boxes.
        fill_value: the integer of all coordinates and labels of the padding.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> layer = hilevel.layers.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    >>> boxes = {"boxes": [[[0.0, 0.0, 1.0, 2.0]]], "labels": [[3]]}
    >>> layer({"images": np.ones((1, 4, 4, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"]
    array([[ 3, -1]], dtype=int32)

    Raises:
        ValueError: an argument is no integer.
    """

    _is_random = False
    _in_inference = True
    _keeps_dtype = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Unpack[ColorOptions]) -> None:
        super().__init__(**kwargs)
        self.max_number = integer("MaxNumBoundingBoxes", "max_number", max_number, 0)
        self.fill_value = integer("MaxNumBoundingBoxes", "fill_value", fill_value)

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return a fixed number of boxes and labels."""

        def fixed(values: Tensor) -> Tensor:
            values = ops.convert_to_tensor(values)[:, : self.max_number]
            missing = self.max_number - values.shape[1]
            widths = ((0, 0), (0, missing), *((0, 0),) * (len(values.shape) - 2))
            return ops.pad(values, widths, constant_values=self.fill_value)

        return boxes | {name: fixed(boxes[name]) for name in ("boxes", "labels")}
