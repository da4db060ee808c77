"""Random projections and distortions of images."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import number
from hilevel.layers.preprocessing.image.affine import Warp
from hilevel.layers.preprocessing.image.base import Boxes, batch_of, per_box, per_image
from hilevel.layers.preprocessing.image.color import BYTES
from hilevel.layers.preprocessing.image.settings import (
    FILL_MODES,
    Factor,
    ImageOptions,
    set_filling,
    value_range_of,
)
from hilevel.ops.image.sampling import homography, move_pixels, pixels
from hilevel.random.functions import bits
from hilevel.random.seed import SeedLike


class RandomPerspective(Warp):
    """A layer that projects some images to another plane in training, by moving their corners.

    Args:
        factor: the limits of the probability, from 0 to 1. A number `f` stands for `(0, f)`.
        scale: the largest distance of a corner from its place, from 0 to 1, where 1 is half of the image.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: the value outside of the image.
        seed: an integer for the same projections in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> hilevel.layers.RandomPerspective(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Raises:
        ValueError: a factor is out of range.
        NotImplementedError: the interpolation is unknown.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        set_filling(self, interpolation, "constant", fill_value)
        self.factor = self._limits("factor", factor)
        self.scale = number("RandomPerspective", "scale", scale, 0, 1)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return which images are changed, and the places of their corners before and after."""
        apply = self._chosen(seed, shape, self.factor)
        limit = 0.5 * self.scale
        moves = self._uniform(seed, (batch_of(shape), 4, 2), (-limit, limit))
        bottom, right = (size - 1.0 for size in self._size(shape))
        corners = ops.cast([[[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]]], "float32")
        start = corners + ops.zeros_like(moves)
        return {
            "apply_perspective": apply,
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": shape,
        }

    def warp(self, images: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Return images or masks, some of them projected."""
        start, end = transformation["start_points"], transformation["end_points"]
        moved = ops.image.perspective_transform(
            images[None] if len(images.shape) == 3 else images, start, end, interpolation=interpolation,
            fill_value=self.fill_value, data_format=self.data_format,
        )  # fmt: skip
        moved = ops.where(per_image(transformation["apply_perspective"], moved), moved, images)
        return moved if len(images.shape) == 4 else moved[0]

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the smallest boxes around the projected ones, clipped to the images."""
        start, end = (ops.cast(transformation[name], "float32") for name in ("start_points", "end_points"))
        forward = homography(end, start)
        apply = transformation["apply_perspective"]

        def move(xyxy: Tensor) -> Tensor:
            moved = _around(forward, xyxy)
            return ops.where(per_box(apply, moved), moved, xyxy)

        return self._moved_boxes(boxes, move, self._size(transformation["input_shape"]))


def _around(projection: Tensor, boxes: Tensor) -> Tensor:
    """Return the smallest boxes around boxes `(batch, boxes, 4)` after projections `(batch, 8)`."""
    a, b, c, d, e, f, g, h = (projection[:, i, None, None] for i in range(8))
    x, y = ops.take(boxes, [0, 2, 0, 2], axis=-1), ops.take(boxes, [1, 1, 3, 3], axis=-1)
    depth = g * x + h * y + 1.0
    columns, rows = (a * x + b * y + c) / depth, (d * x + e * y + f) / depth
    ends = (ops.min(columns, -1), ops.min(rows, -1), ops.max(columns, -1), ops.max(rows, -1))
    return ops.stack(ends, axis=-1)


class RandomElasticTransform(Warp):
    """A layer that distorts some images smoothly in training. Simard et al., 2003.

    Args:
        factor: the limits of the probability, from 0 to 1. A number `f` stands for `(0, f)`.
        scale: the limits of the strength, from 0 to 1. A number `s` stands for `(0, s)`.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: how to fill pixels from outside: `"reflect"`, `"mirror"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: the value outside of the image with `"constant"`.
        value_range: the least and the largest value of pixels.
        seed: an integer for the same distortions in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> hilevel.layers.RandomElasticTransform(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Raises:
        ValueError: a factor is out of range.
        NotImplementedError: a mode is unknown; at a call, the data have bounding boxes.
    """

    _factor_bounds = (0.0, 1.0)
    _fill_modes = (*FILL_MODES, "mirror")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: tuple[float, float] = BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        set_filling(self, interpolation, fill_mode, fill_value)
        self.factor, self.scale = self._limits("factor", factor), self._limits("scale", scale)
        self.value_range = value_range_of("RandomElasticTransform", value_range)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any] | None:
        """Return which images are changed, the strength, and the seed of the displacements."""
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        apply = self._chosen(seed, shape, self.factor)
        return {
            "apply_transform": apply,
            "distortion_factor": self._uniform(seed, (), self.scale),
            "seed": bits(seed, (2,), 32),
        }

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, some of them distorted."""
        moved = self.warp(images, transformation, self.interpolation)
        return ops.clip(moved, *self.value_range)

    def warp(self, images: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Return images or masks, some of them distorted."""
        batch = images[None] if len(images.shape) == 3 else images
        last = ops.moveaxis(batch, self._channel_axis, -1)
        down, right = self._moves(last.shape[:3], transformation)
        rows, columns = pixels(last.shape[1], last.shape[2], right.dtype)
        moved = move_pixels(
            last, rows + down, columns + right, interpolation, self.fill_mode, self.fill_value
        )
        moved = ops.moveaxis(moved, -1, self._channel_axis)
        moved = ops.where(per_image(transformation["apply_transform"], moved), moved, batch)
        return moved if len(images.shape) == 4 else moved[0]

    def _moves(self, shape: tuple[int, ...], transformation: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Return smooth displacements down and to the right, in pixels: shape `(batch, height, width)` each."""
        batch, height, width = shape
        strength = ops.cast(transformation["distortion_factor"], "float32")
        alpha, sigma = self.get_elastic_transform_params(height, width, strength)
        sigma = sigma + 1e-6
        noise = random.normal((batch, 2, height, width), 0.0, 1.0, "float32", transformation["seed"])
        smooth = ops.matmul(ops.matmul(_gaussian(height, sigma), noise), _gaussian(width, sigma))
        moves = smooth * (alpha * sigma)
        return moves[:, 0], moves[:, 1]

    def get_elastic_transform_params(self, height: int, width: int, factor: Any) -> tuple[Any, Any]:
        """Return the amplitude of the displacements and the standard deviation of their filter, in pixels."""
        return 0.1 * max(height, width) * factor, 0.05 * min(height, width) * factor

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Raise NotImplementedError: a distorted box is no box."""
        raise NotImplementedError(f"{self._label()} does not transform bounding boxes.")


def _gaussian(size: int, sigma: Tensor) -> Tensor:
    """Return the matrix `(size, size)` of a Gaussian filter of a standard deviation, which continues with zeros."""
    steps = ops.arange(size, dtype="float32")
    weights = ops.exp(-0.5 * ops.square((steps[:, None] - steps) / sigma))
    return weights / (2 * ops.sum(weights[0]) - 1)
