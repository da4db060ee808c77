"""Crops of images."""

from __future__ import annotations

from typing import Any, NamedTuple, Unpack

import numpy as np

from hilevel import ops, random
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import positive
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes
from hilevel.layers.preprocessing.image.settings import ImageOptions
from hilevel.random.seed import SeedLike


class Window(NamedTuple):
    """A window of images: its first row and column, its size, and the size of the images."""

    top: Any
    left: Any
    height: int
    width: int
    image_size: tuple[int, int]


def _centered(target: tuple[int, int], image_size: tuple[int, int]) -> Window:
    """Return the largest window in the middle of an image with the aspect ratio of the target."""
    (height, width), (rows, columns) = image_size, target
    height, width = min(height, max(width * rows // columns, 1)), min(width, max(height * columns // rows, 1))
    return Window((image_size[0] - height) // 2, (image_size[1] - width) // 2, height, width, image_size)


def _cut(images: Tensor, start: Any, size: int, axis: int) -> Tensor:
    """Return a part of an axis, which begins at an integer on the host or in a tensor."""
    if not isinstance(start, (int, np.integer, np.ndarray)):
        return ops.take(images, ops.arange(size) + start, axis=axis)
    key = [slice(None)] * len(images.shape)
    key[axis] = slice(int(start), int(start) + size)
    return images[tuple(key)]


class Crop(BaseImagePreprocessingLayer):
    """The base of layers that cut a window, and resize it if it has not the size of the output."""

    _in_inference = True

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        cls = type(self).__name__
        self.height, self.width = positive(cls, "height", height), positive(cls, "width", width)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether the images are at least as large as the output."""
        height, width = self._size(shape)
        return height >= self.height and width >= self.width

    def fixed(self, shape: tuple[int, ...]) -> Window:
        """Return the largest window in the middle with the aspect ratio of the output."""
        return _centered((self.height, self.width), self._size(shape))

    def augment(self, images: Tensor, transformation: Window) -> Tensor:
        """Return the window of the images, in the size of the output."""
        top, left, height, width, _ = transformation
        window = _cut(_cut(images, top, height, self._axes[0]), left, width, self._axes[1])
        size = (self.height, self.width)
        if (height, width) == size:
            return window
        return ops.image.resize(window, size, data_format=self.data_format)

    def augment_masks(self, masks: TensorLike, transformation: Any) -> Tensor:
        """Return the window of the masks, as of the images."""
        return self.transform_images(masks, transformation)

    def augment_boxes(self, boxes: Boxes, transformation: Window) -> Boxes:
        """Return the boxes in the window, clipped to it."""
        top, left, height, width, size = transformation

        def move(xyxy: Tensor) -> Tensor:
            x = ops.clip((xyxy[..., 0::2] - left) / width, 0, 1) * self.width
            y = ops.clip((xyxy[..., 1::2] - top) / height, 0, 1) * self.height
            return ops.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], axis=-1)

        return self._moved_boxes(boxes, move, size, (self.height, self.width))


class CenterCrop(Crop):
    """A layer that cuts the middle of images, in training and in inference.

    If an image is smaller than the output, the largest window with its aspect ratio is resized.

    Args:
        height, width: the size of the output.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> hilevel.layers.CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1))[0, :, :, 0]
    array([[5., 6.]], dtype=float32)

    Raises:
        ValueError: a size is not positive; at a call, the images have neither 3 nor 4 axes.
    """

    _is_random = False

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Unpack[ImageOptions]
    ) -> None:
        super().__init__(height, width, data_format=data_format, **kwargs)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> Window:
        """Return the window in the middle."""
        if not self._fits(shape):
            return super().fixed(shape)
        height, width = size = self._size(shape)
        return Window((height - self.height) // 2, (width - self.width) // 2, self.height, self.width, size)

    def fixed(self, shape: tuple[int, ...]) -> Window:
        """Return the window in the middle."""
        return self.draw(shape, None)

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return the middle of the images."""
        return super().augment(images, self.draw(tuple(images.shape), None))


class RandomCrop(Crop):
    """A layer that cuts a random window in training, the same for all images of a batch.

    In inference, and for images smaller than the output, it resizes the largest window in the middle that has the
    aspect ratio of the output.

    Args:
        height, width: the size of the output.
        seed: an integer for the same windows in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> hilevel.layers.RandomCrop(2, 2, seed=1)(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[10., 11.],
           [14., 15.]], dtype=float32)

    Raises:
        ValueError: a size is not positive; at a call, the images have neither 3 nor 4 axes.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, seed=seed, data_format=data_format, name=name, **kwargs)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> Window:
        """Return a random window."""
        if not self._fits(shape):
            return self.fixed(shape)
        height, width = size = self._size(shape)
        top = random.randint((), 0, height - self.height + 1, seed=seed)
        left = random.randint((), 0, width - self.width + 1, seed=seed)
        return Window(top, left, self.height, self.width, size)

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return the window of the images. A pair `(top, left)` stands for a window of the size of the output."""
        if len(transformation) == 2:
            top, left = transformation
            transformation = Window(top, left, self.height, self.width, self._size(images.shape))
        return super().augment(images, transformation)
