"""Resizing of images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import bad_setting, flags, number, one_of, positive
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes
from hilevel.layers.preprocessing.image.settings import ImageOptions
from hilevel.random.seed import SeedLike

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


class Resizing(BaseImagePreprocessingLayer):
    """A layer that resizes images, in training and in inference. Integer images stay integers.

    Args:
        height, width: the new size.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: whether to keep the aspect ratio, and crop the rest.
        pad_to_aspect_ratio: whether to keep the aspect ratio, and pad the rest.
        fill_mode: `"constant"`, how to pad.
        fill_value: the value of the padding.
        antialias: whether to smooth before an image becomes smaller.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> hilevel.layers.Resizing(2, 2)(np.ones((1, 4, 6, 3))).shape
    (1, 2, 2, 3)

    Raises:
        ValueError: a size is not positive, an interpolation is unknown, or both aspect-ratio flags are set.
    """

    _is_random = False
    _in_inference = True
    _keeps_dtype = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = positive("Resizing", "height", height), positive("Resizing", "width", width)
        self.interpolation = one_of("Resizing", "interpolation", interpolation, _INTERPOLATIONS)
        flags(
            "Resizing", crop_to_aspect_ratio=crop_to_aspect_ratio, pad_to_aspect_ratio=pad_to_aspect_ratio,
            antialias=antialias,
        )  # fmt: skip
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise bad_setting(
                "Resizing", "pad_to_aspect_ratio", "False where crop_to_aspect_ratio is True", True
            )
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode = one_of("Resizing", "fill_mode", fill_mode, ("constant",))
        self.fill_value = number("Resizing", "fill_value", fill_value)
        self.antialias = bool(antialias)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> tuple[int, int]:
        """Return the height and the width of the images."""
        return self._size(shape)

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return the images in the new size."""
        return self._resized(images, self.interpolation)

    def _resized(self, images: Tensor, interpolation: str) -> Tensor:
        return ops.image.resize(
            images, (self.height, self.width), interpolation=interpolation, antialias=self.antialias,
            data_format=self.data_format, crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio, fill_mode=self.fill_mode, fill_value=self.fill_value,
        )  # fmt: skip

    def augment_masks(self, masks: TensorLike, transformation: Any) -> Tensor:
        """Return the masks in the new size, by the nearest pixels."""
        return self._resized(ops.convert_to_tensor(masks), "nearest")

    def augment_boxes(self, boxes: Boxes, transformation: tuple[int, int]) -> Boxes:
        """Return the boxes in the new image. Boxes of padding, all -1 or all 0, become 0."""
        height, width = transformation
        given = boxes["boxes"]
        padding = ops.logical_or(ops.all(given == -1, axis=-1), ops.all(given == 0, axis=-1))[..., None]
        scale_y, scale_x = self.height / height, self.width / width
        if self.pad_to_aspect_ratio or self.crop_to_aspect_ratio:
            scale_y = scale_x = (min if self.pad_to_aspect_ratio else max)(scale_y, scale_x)
        top, left = int((self.height - height * scale_y) / 2), int((self.width - width * scale_x) / 2)

        def move(xyxy: Tensor) -> Tensor:
            scale = ops.cast([scale_x, scale_y, scale_x, scale_y], xyxy.dtype)
            moved = xyxy * scale + ops.cast([left, top, left, top], xyxy.dtype)
            return ops.where(padding, ops.zeros_like(moved), moved)

        return self._moved_boxes(boxes, move, (height, width), (self.height, self.width))
