"""The base of image layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from hilevel import ops, random, tree
from hilevel.engine.types import Function, Tensor, TensorLike
from hilevel.layers.base.checks import data_format_of, seed_of
from hilevel.layers.preprocessing.data_layer import DataLayer
from hilevel.layers.preprocessing.image.settings import Factor, factor_limits
from hilevel.random.seed import Draws, SeedLike
from hilevel.utils.bounding_boxes.formats import convert_format
from hilevel.utils.bounding_boxes.moves import clip_to_image_size

Boxes: TypeAlias = dict[str, Any]
"""Bounding boxes: `"boxes"` of shape `(batch, boxes, 4)`, and `"labels"` of shape `(batch, boxes)`."""

_PARTS = {
    "images": "image",
    "bounding_boxes": "bounding_box",
    "labels": "label",
    "segmentation_masks": "segmentation_mask",
}
"""The entries of a dict of data, with the names of single ones."""


class BaseImagePreprocessingLayer(DataLayer):
    """The base of image layers. A subclass overrides `augment`, in random layers `draw`, and `augment_labels`,
    `augment_boxes` or `augment_masks` where these change, too.

    The data are images, or a dict with `"images"`, and optionally `"labels"`, `"bounding_boxes"` and
    `"segmentation_masks"`, which are transformed in the same way. A batch has images of shape
    `(batch, height, width, channels)`; a single image lacks the first axis. Other entries of the dict are returned
    unchanged.

    Args:
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`; required for data with boxes.
        data_format: `"channels_last"`, or `"channels_first"` for images of shape `(batch, channels, height, width)`;
            the configured format by default.
        seed: an integer for the same values in every run.

    Raises:
        ValueError: at a call, the images have neither 3 nor 4 axes, or boxes have no format.
    """

    _is_random: ClassVar[bool] = True
    """True in layers that draw random values."""
    _in_inference: ClassVar[bool] = False
    """True in layers that transform in inference, too."""
    _keeps_dtype: ClassVar[bool] = False
    """True in layers whose integer images stay integers."""
    _factor_bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def __init__(
        self,
        *,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        cls = type(self).__name__
        self.bounding_box_format = bounding_box_format
        self.data_format = data_format_of(cls, data_format)
        first = self.data_format == "channels_first"
        self._axes = (-2, -1) if first else (-3, -2)
        self._channel_axis = -3 if first else -1
        if self._is_random:
            self.seed = seed_of(cls, seed)
            self.generator = random.SeedGenerator(seed)

    def _settings(self) -> dict[str, Any]:
        """Return the settings, with the settings of all image layers."""
        box_format = self.bounding_box_format
        more = {} if box_format is None else {"bounding_box_format": box_format}
        return super()._settings() | {"data_format": self.data_format} | more

    def _limits(self, name: str, factor: Factor, strict: bool = False) -> tuple[float, float]:
        return factor_limits(type(self).__name__, name, factor, *self._factor_bounds, strict=strict)

    # -- methods of subclasses ---------------------------------------------------------------------

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> Any:
        """Return a random transformation for images of a shape. It may be any object; None changes nothing."""
        return ()

    def fixed(self, shape: tuple[int, ...]) -> Any:
        """Return the transformation in inference; None changes nothing."""
        return self.draw(shape, None) if self._in_inference else None

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return images, in the compute dtype, after a transformation."""
        return images

    def augment_labels(self, labels: TensorLike, transformation: Any) -> TensorLike:
        """Return labels after the transformation of their images: unchanged by default."""
        return labels

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return bounding boxes after the transformation of their images: unchanged by default."""
        return boxes

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return segmentation masks after the transformation of their images: unchanged by default."""
        return masks

    # -- the protocol ------------------------------------------------------------------------------

    def get_random_transformation(self, data: Any, training: bool = True, seed: SeedLike = None) -> Any:
        """Return a random transformation for data, for the methods that transform.

        Args:
            data: images, or a dict with `"images"`.
            training: whether the data are augmented; else the result is the transformation in inference.
            seed: an integer, or a generator; by default the generator of the layer.

        Raises:
            ValueError: the images have neither 3 nor 4 axes.
        """
        shape = tuple((data["images"] if isinstance(data, dict) else data).shape)
        self._is_single(shape)
        if not training:
            return self.fixed(shape)
        if seed is None and self._is_random:
            seed = self.generator
        return self.draw(shape, Draws(np.uint32(seed)) if isinstance(seed, int) else seed)

    def transform_images(
        self, images: TensorLike, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return a batch of images after a transformation, as floats of the compute dtype."""
        images = ops.convert_to_tensor(images)
        if not self._keeps_dtype:
            images = ops.cast(images, self.compute_dtype)
        return self.augment(images, transformation) if self._acts(transformation, training) else images

    def transform_labels(
        self, labels: TensorLike, transformation: Any = None, training: bool = True
    ) -> TensorLike:
        """Return the labels of a batch after a transformation."""
        return self.augment_labels(labels, transformation) if self._acts(transformation, training) else labels

    def transform_bounding_boxes(
        self, bounding_boxes: Boxes, transformation: Any = None, training: bool = True
    ) -> Boxes:
        """Return the bounding boxes of a batch after a transformation."""
        acts = self._acts(transformation, training)
        return self.augment_boxes(bounding_boxes, transformation) if acts else bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: TensorLike, transformation: Any = None, training: bool = True
    ) -> TensorLike:
        """Return the segmentation masks of a batch after a transformation."""
        acts = self._acts(transformation, training)
        return self.augment_masks(segmentation_masks, transformation) if acts else segmentation_masks

    def _acts(self, transformation: Any, training: bool) -> bool:
        """Return whether a transformation changes anything."""
        return (training or self._in_inference) and (transformation is not None or not self._is_random)

    def transform_single_image(self, image: Tensor, transformation: Any, training: bool = True) -> Tensor:
        """Return an image after a transformation."""
        return _as_batch(self.transform_images, image, transformation, training)

    def transform_single_label(self, label: Tensor, transformation: Any, training: bool = True) -> Tensor:
        """Return the label of an image after a transformation."""
        return _as_batch(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: Boxes, transformation: Any, training: bool = True
    ) -> Boxes:
        """Return the bounding boxes of an image after a transformation."""
        return _as_batch(self.transform_bounding_boxes, bounding_box, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: Tensor, transformation: Any, training: bool = True
    ) -> Tensor:
        """Return the segmentation mask of an image after a transformation."""
        return _as_batch(self.transform_segmentation_masks, segmentation_mask, transformation, training)

    def call(self, data: Any, training: bool = True) -> Any:
        """Return the data after a transformation, which is random in most layers.

        Args:
            data: images of shape `(batch, height, width, channels)` or `(height, width, channels)`, or a dict with
                `"images"`.
            training: whether to augment.
        """
        transformation = self.get_random_transformation(data, training=training)
        if not isinstance(data, dict):
            return self._transform("images", data, data, transformation, training)
        if "bounding_boxes" in data:
            data = data | {"bounding_boxes": self._dense_boxes(data["bounding_boxes"])}
        images = data["images"]
        return data | {
            part: self._transform(part, data[part], images, transformation, training)
            for part in _PARTS
            if part in data
        }

    def _transform(self, part: str, value: Any, images: Tensor, transformation: Any, training: bool) -> Any:
        """Return a part of the data after a transformation."""
        single = self._is_single(images.shape)
        method = getattr(self, f"transform_single_{_PARTS[part]}" if single else f"transform_{part}")
        return method(value, transformation=transformation, training=training)

    def _is_single(self, shape: Sequence[int]) -> bool:
        """Return whether a shape has 3 axes, as the shape of a single image."""
        if len(shape) not in (3, 4):
            raise ValueError(
                f"{self._label()} expects an image of 3 axes or a batch of images of 4; got {tuple(shape)}."
            )
        return len(shape) == 3

    # -- draws -------------------------------------------------------------------------------------

    def _size(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return the height and the width of images."""
        return shape[self._axes[0]], shape[self._axes[1]]

    def _uniform(
        self, seed: SeedLike, shape: Sequence[int], limits: tuple[float, float] = (0.0, 1.0)
    ) -> Tensor:
        """Return values between limits. Shape `(batch, ...)` has the batch of the images."""
        return random.uniform(tuple(shape), *limits, dtype="float32", seed=seed)

    def _per_image(
        self, seed: SeedLike, shape: Sequence[int], limits: tuple[float, float] = (0.0, 1.0)
    ) -> Tensor:
        """Return a value for each image, in a shape that broadcasts against the images."""
        return self._uniform(seed, (*shape[:-3], 1, 1, 1), limits)

    def _chosen(self, seed: SeedLike, shape: Sequence[int], limits: tuple[float, float]) -> Tensor:
        """Return booleans `(batch,)`: which images are chosen, with probabilities that are drawn between limits."""
        batch = (batch_of(shape),)
        probability = self._uniform(seed, batch, limits)
        return self._uniform(seed, batch) < probability

    # -- bounding boxes ----------------------------------------------------------------------------

    def _own_box_format(self) -> str:
        """Return the format of bounding boxes."""
        if not self.bounding_box_format:
            raise ValueError(
                f"{self._label()} got bounding boxes, but has no format of them. Give it, for example, "
                "bounding_box_format='xyxy'."
            )
        return self.bounding_box_format

    def _dense_boxes(self, bounding_boxes: Boxes) -> Boxes:
        """Return bounding boxes as tensors."""
        self._own_box_format()
        if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
            raise ValueError(f"{self._label()} expects bounding boxes as a dict with 'boxes' and 'labels'.")
        boxes = ops.cast(bounding_boxes["boxes"], "float32")
        return bounding_boxes | {"boxes": boxes, "labels": ops.convert_to_tensor(bounding_boxes["labels"])}

    def _moved_boxes(
        self,
        bounding_boxes: Boxes,
        move: Callable[[Tensor], Tensor],
        size: tuple[int, int],
        new_size: tuple[int, int] | None = None,
    ) -> Boxes:
        """Return bounding boxes, moved by a function of boxes `(left, top, right, bottom)`, and clipped to the image.

        Args:
            bounding_boxes: a dict with `"boxes"` and `"labels"`.
            move: the function.
            size: the height and the width of the images.
            new_size: the size of the images after the transformation; the same by default.
        """
        own = self._own_box_format()
        found = convert_format(bounding_boxes, own, "xyxy", *size)
        found = found | {"boxes": move(found["boxes"])}
        found = clip_to_image_size(found, *(new_size or size), "xyxy")
        return convert_format(found, "xyxy", own, *(new_size or size))


def _as_batch(transform: Function, value: Any, transformation: Any, training: bool) -> Any:
    """Return the result of a method that transforms a batch, for a single value."""
    batch = tree.map_structure(lambda x: ops.expand_dims(x, 0), value)
    found = transform(batch, transformation, training)
    return tree.map_structure(lambda x: ops.squeeze(x, 0), found)


def batch_of(shape: Sequence[int]) -> int:
    """Return the number of images of a shape: 1 for a single image."""
    return 1 if len(shape) == 3 else shape[0]


def per_image(values: Any, images: Tensor) -> Tensor:
    """Return values `(batch,)` in a shape that broadcasts against images."""
    return ops.reshape(values, (-1,) + (1,) * (len(images.shape) - 1))


def per_box(values: TensorLike, boxes: Tensor) -> Tensor:
    """Return a value for each image in a shape that broadcasts against its boxes."""
    return ops.reshape(values, (-1,) + (1,) * (len(boxes.shape) - 1))
