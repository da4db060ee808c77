"""Pictures that are put together from parts of four images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions
from hilevel.random.seed import SeedLike


class Mosaic(BaseImagePreprocessingLayer):
    """A layer that puts parts of four images of the batch around a random center in training. Bochkovskiy et al., 2020.

    The picture has a part of the image itself above the center to the left, and parts of random images at the three
    other corners. Labels are mixed in proportion to the areas; bounding boxes and masks are cut with the parts.

    Args:
        offset: the limits of the center, as fractions of the size, from 0 to 1. A number `f` stands for `(0, f)`.
        seed: an integer for the same pictures in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> images = np.arange(2.0).reshape(2, 1, 1, 1) * np.ones((2, 4, 4, 1))
    >>> hilevel.layers.Mosaic((0.5, 0.5), seed=2)(images)[1, :, :, 0]
    array([[1., 1., 0., 0.],
           [1., 1., 0., 0.],
           [0., 0., 0., 0.],
           [0., 0., 0., 0.]], dtype=float32)

    Raises:
        ValueError: `offset` is out of range.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        offset: Factor = (0.25, 0.75),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.offset = self._limits("offset", offset, strict=True)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any] | None:
        """Return the centers in pixels, `(batch,)` each, and the indices of the images at the corners, `(batch, 4)`."""
        if len(shape) == 3:
            return None
        own = ops.arange(shape[0], dtype="int32")
        others = [random.shuffle(own, seed=seed) for _ in range(3)]
        center = [
            ops.cast(self._uniform(seed, shape[:1], self.offset) * size, "int32")
            for size in self._size(shape)
        ]
        return {
            "row": center[0],
            "column": center[1],
            "sources": ops.stack([own, *others], axis=1),
            "input_shape": shape,
        }

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return pictures of parts of four images."""
        last = ops.moveaxis(images, self._channel_axis, -1)
        batch, height, width, channels = last.shape
        y, x = ops.arange(height, dtype="int32")[:, None], ops.arange(width, dtype="int32")
        row, column = transformation["row"][:, None, None], transformation["column"][:, None, None]
        corner = ops.reshape(2 * ops.cast(y >= row, "int32") + ops.cast(x >= column, "int32"), (batch, -1))
        source = ops.take_along_axis(ops.convert_to_tensor(transformation["sources"]), corner, axis=1)
        place = ops.reshape((y - row) % height * width + (x - column) % width, (batch, -1))
        pixels = ops.take(ops.reshape(last, (-1, channels)), source * (height * width) + place, axis=0)
        return ops.moveaxis(ops.reshape(pixels, last.shape), -1, self._channel_axis)

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return masks of parts of four masks, as the images."""
        return self.augment(ops.convert_to_tensor(masks), transformation)

    def augment_labels(self, labels: TensorLike, transformation: Any) -> TensorLike:
        """Return means of the labels of the four images, weighted by their areas."""
        size = zip(("row", "column"), self._size(transformation["input_shape"]), strict=True)
        top, left = (ops.cast(transformation[name], "float32") / n for name, n in size)
        areas = (top * left, top * (1 - left), (1 - top) * left, (1 - top) * (1 - left))
        weights = ops.stack(areas, axis=1)
        four = self._of_sources(labels, transformation)
        weights = ops.reshape(weights, (*weights.shape, *(1,) * (len(four.shape) - 2)))
        return ops.sum(weights * four, axis=1)

    def _of_sources(self, values: TensorLike, transformation: dict[str, Any]) -> Tensor:
        """Return the values of the four images of each picture: shape `(batch, 4, ...)`."""
        return ops.take(ops.convert_to_tensor(values), transformation["sources"], axis=0)

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the boxes of the four images, cut with the parts: four times as many."""
        height, width = size = self._size(transformation["input_shape"])
        row, column = (ops.cast(transformation[name], "float32") for name in ("row", "column"))
        down = ops.stack([row - height, row - height, row, row], axis=1)
        right = ops.stack([column - width, column, column - width, column], axis=1)
        shift = ops.stack([right, down, right, down], axis=-1)
        shift = ops.repeat(shift, boxes["boxes"].shape[1], axis=1)

        def of_sources(values: Tensor) -> Tensor:
            four = self._of_sources(values, transformation)
            return ops.reshape(four, (four.shape[0], -1, *four.shape[3:]))

        four = {name: of_sources(boxes[name]) for name in ("boxes", "labels")}
        return self._moved_boxes(four, lambda xyxy: xyxy + shift, size)
