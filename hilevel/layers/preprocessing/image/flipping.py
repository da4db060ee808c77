"""Flips of images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import one_of
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes, per_box
from hilevel.layers.preprocessing.image.settings import ImageOptions
from hilevel.random.seed import SeedLike


class RandomFlip(BaseImagePreprocessingLayer):
    """A layer that flips half of the images in training.

    Args:
        mode: `"horizontal"` for left and right, `"vertical"` for top and bottom, `"horizontal_and_vertical"` for both
            at once.
        seed: an integer for the same flips in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> hilevel.layers.RandomFlip("horizontal", seed=5)(np.arange(4.0).reshape(2, 1, 2, 1))[:, 0, :, 0]
    array([[1., 0.],
           [2., 3.]], dtype=float32)

    Raises:
        ValueError: the mode is unknown.
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = one_of("RandomFlip", "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))
        self._flipped = tuple(
            axis for axis, name in zip(self._axes, ("vertical", "horizontal"), strict=True) if name in mode
        )

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return which images are flipped, and the shape of the images."""
        return {"flips": self._per_image(seed, shape) <= 0.5, "input_shape": shape}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, some of them flipped."""
        return ops.where(transformation["flips"], ops.flip(images, self._flipped), images)

    def augment_masks(self, masks: TensorLike, transformation: Any) -> Tensor:
        """Return the masks, flipped as the images."""
        return self.transform_images(masks, transformation)

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the boxes, flipped as the images."""
        height, width = size = self._size(transformation["input_shape"])

        def move(xyxy: Tensor) -> Tensor:
            left, top, right, bottom = (xyxy[..., i] for i in range(4))
            if "horizontal" in self.mode:
                left, right = width - right, width - left
            if "vertical" in self.mode:
                top, bottom = height - bottom, height - top
            flipped = ops.stack([left, top, right, bottom], axis=-1)
            return ops.where(per_box(transformation["flips"], xyxy), flipped, xyxy)

        return self._moved_boxes(boxes, move, size)
