"""Affine transformations of images: translation, rotation, zoom and shear."""

from __future__ import annotations

import math
from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes, batch_of, per_box
from hilevel.layers.preprocessing.image.settings import FILL_MODES, Factor, ImageOptions, set_filling
from hilevel.random.seed import SeedLike
from hilevel.utils.bounding_boxes.moves import affine_transform


def _matrix(*entries: Any) -> Tensor:
    """Return the matrix `(batch, 8)` of `ops.image.affine_transform` for its first 6 entries, tensors or scalars."""
    zero = sum(ops.zeros_like(entry) for entry in entries if hasattr(entry, "shape"))
    return ops.stack([zero + entry for entry in (*entries, 0.0, 0.0)], axis=-1)


class Warp(BaseImagePreprocessingLayer):
    """The base of layers that move pixels, and interpolate between them."""

    _fill_modes: tuple[str, ...] = FILL_MODES
    interpolation: str
    fill_mode: str
    fill_value: float

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return the images after the transformation."""
        return self.warp(images, transformation, self.interpolation)

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return the masks after the transformation of the images, by the nearest pixels."""
        return self.warp(ops.convert_to_tensor(masks), transformation, "nearest")

    def warp(self, images: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Return images or masks after a transformation, by an interpolation."""
        raise NotImplementedError(f"{type(self).__name__} has no warp, which moves the pixels.")


class Affine(Warp):
    """The base of layers with an affine transformation for each image, whose `matrix` maps new pixels to old ones."""

    def __init__(self, interpolation: str, fill_mode: str, fill_value: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        set_filling(self, interpolation, fill_mode, fill_value)

    def matrix(self, transformation: Any, size: tuple[int, int]) -> Tensor:
        """Return the matrix `(batch, 8)` of a transformation for images of a height and width."""
        raise NotImplementedError(f"{type(self).__name__} has no matrix, which maps new pixels to old ones.")

    def warp(self, images: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Return images or masks after a transformation, by an interpolation."""
        if len(images.shape) == 3:
            return self.warp(images[None], transformation, interpolation)[0]
        matrix = self.matrix(transformation, self._size(images.shape))
        return ops.image.affine_transform(
            images, matrix, interpolation=interpolation, fill_mode=self.fill_mode, fill_value=self.fill_value,
            data_format=self.data_format,
        )  # fmt: skip

    def _columns(self, seed: SeedLike, shape: tuple[int, ...], *limits: tuple[float, float]) -> list[Tensor]:
        """Return values `(batch, 1)` between limits, for each pair of limits."""
        return [self._uniform(seed, (batch_of(shape), 1), pair) for pair in limits]


class RandomTranslation(Affine):
    """A layer that shifts images in training.

    Args:
        height_factor, width_factor: the limits of the shift down and to the right, as fractions of the size, from -1
            to 1. A number `f` stands for `(-f, f)`.
        fill_mode: how to fill pixels from outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer for the same shifts in every run.
        fill_value: the value outside of the image with `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
    >>> layer(np.arange(1.0, 5.0).reshape(1, 1, 4, 1))[0, 0, :, 0]
    array([0., 0., 1., 2.], dtype=float32)

    Raises:
        ValueError: a factor is out of range.
        NotImplementedError: a mode is unknown.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = self._limits("height_factor", height_factor, strict=True)
        self._widths = self._limits("width_factor", width_factor, strict=True)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the shifts to the right and down, in pixels: shape `(batch, 2)`."""
        height, width = self._size(shape)
        down, right = self._columns(seed, shape, self._heights, self._widths)
        return {"translations": ops.concatenate([right * width, down * height], 1), "input_shape": shape}

    def matrix(self, transformation: Any, size: tuple[int, int]) -> Tensor:
        """Return the matrix that shifts back."""
        shift = ops.convert_to_tensor(transformation["translations"])
        return _matrix(1.0, 0.0, -shift[:, 0], 0.0, 1.0, -shift[:, 1])

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the boxes, shifted as the images and clipped to them."""
        shift = ops.cast(transformation["translations"], "float32")

        def move(xyxy: Tensor) -> Tensor:
            right, down = per_box(shift[:, 0], xyxy), per_box(shift[:, 1], xyxy)
            return xyxy + ops.concatenate([right, down, right, down], axis=-1)

        return self._moved_boxes(boxes, move, self._size(transformation["input_shape"]))


class RandomRotation(Affine):
    """A layer that rotates images in training.

    Args:
        factor: the limits of the angle, as fractions of a full turn, from -1 to 1. Positive angles turn
            counter-clockwise. A number `f` stands for `(-f, f)`.
        fill_mode: how to fill pixels from outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer for the same angles in every run.
        fill_value: the value outside of the image with `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomRotation((0.25, 0.25))
    >>> layer(np.arange(4.0).reshape(1, 2, 2, 1))[0, :, :, 0].round(3)
    array([[1., 3.],
           [0., 2.]], dtype=float32)

    Raises:
        ValueError: the factor is out of range.
        NotImplementedError: a mode is unknown.
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = self._limits("factor", factor)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the angles in degrees, of shape `(batch,)`, and the matrices."""
        low, high = self.factor
        (angle,) = self._columns(seed, shape, (low * 360.0, high * 360.0))
        height, width = self._size(shape)
        turned = {"angle": angle[:, 0], "image_height": height, "image_width": width}
        return turned | {"rotation_matrix": self._rotation(angle[:, 0], height, width)}

    def _rotation(self, angle: Tensor, height: int, width: int) -> Tensor:
        """Return the matrix of a rotation around the middle."""
        radians, x, y = angle * (math.pi / 180.0), (width - 1) / 2, (height - 1) / 2
        cos, sin = ops.cos(radians), ops.sin(radians)
        return _matrix(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)

    def matrix(self, transformation: Any, size: tuple[int, int]) -> Tensor:
        """Return the matrix of the rotation."""
        return ops.reshape(transformation["rotation_matrix"], (-1, 8))

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the smallest boxes around the rotated ones, clipped to the images."""
        angle = transformation["angle"]
        size, zeros = (transformation["image_height"], transformation["image_width"]), ops.zeros_like(angle)

        def move(xyxy: Tensor) -> Tensor:
            return affine_transform(xyxy, angle, zeros, zeros, ops.ones_like(angle), zeros, zeros, *size)

        return self._moved_boxes(boxes, move, size)


class RandomZoom(Affine):
    """A layer that zooms images in training.

    Args:
        height_factor, width_factor: the limits of the zoom, above -1 and at most 1. Positive values zoom out, negative
            ones in: 0.2 shows 20 % more, filled as `fill_mode` says. A number `f` stands for `(-f, f)`. Without a
            `width_factor` both directions have the same zoom.
        fill_mode: how to fill pixels from outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer for the same zooms in every run.
        fill_value: the value outside of the image with `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomZoom((-0.5, -0.5))
    >>> layer(np.arange(5.0).reshape(1, 1, 5, 1))[0, 0, :, 0]
    array([1. , 1.5, 2. , 2.5, 3. ], dtype=float32)

    Raises:
        ValueError: a factor is out of range.
        NotImplementedError: a mode is unknown.
    """

    _factor_bounds = (math.nextafter(-1.0, 0.0), 1.0)

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._ranges = [
            self._limits(name, factor, strict=True)
            for name, factor in (("height_factor", height_factor), ("width_factor", width_factor))
            if factor is not None
        ]

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the zooms of height and width: shape `(batch, 1)` each."""
        zooms = self._columns(seed, shape, *((1.0 + low, 1.0 + high) for low, high in self._ranges))
        return {"height_zoom": zooms[0], "width_zoom": zooms[-1], "input_shape": shape}

    def matrix(self, transformation: Any, size: tuple[int, int]) -> Tensor:
        """Return the matrix of the zoom around the middle."""
        zooms = (transformation["width_zoom"], transformation["height_zoom"])
        x, y = (ops.reshape(ops.cast(zoom, "float32"), (-1,)) for zoom in zooms)
        height, width = size
        return _matrix(x, 0.0, (width - 1) / 2 * (1.0 - x), 0.0, y, (height - 1) / 2 * (1.0 - y))

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the boxes, zoomed as the images and clipped to them."""
        size = self._size(transformation["input_shape"])
        matrix = self.matrix(transformation, size)[:, None]
        zoom, offset = (ops.take(matrix, index, axis=-1) for index in ([0, 4, 0, 4], [2, 5, 2, 5]))
        return self._moved_boxes(boxes, lambda xyxy: (xyxy - offset) / zoom, size)


class RandomShear(Affine):
    """A layer that shears images in training.

    Args:
        x_factor, y_factor: the limits of the shear along each axis, from -1 to 1: a shift in pixels for each pixel of
            the other axis. A number `f` stands for `(-f, f)`. Half of the images get the opposite signs.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: how to fill pixels from outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: the value outside of the image with `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same shears in every run.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> layer = hilevel.layers.RandomShear(x_factor=0.5, seed=1)
    >>> layer(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Raises:
        ValueError: a factor is out of range.
        NotImplementedError: a mode is unknown.
    """

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.x_factor, self.y_factor = x_factor, y_factor
        self._slopes = [
            self._limits(name, factor, strict=True)
            for name, factor in (("y_factor", y_factor), ("x_factor", x_factor))
        ]

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the shears along both axes: shape `(batch, 2)`."""
        sign, y, x = self._columns(seed, shape, (0.0, 1.0), *self._slopes)
        shear = ops.concatenate([x, y], 1) * ops.where(sign > 0.5, -1.0, 1.0)
        return {"shear_factor": shear, "input_shape": shape}

    def matrix(self, transformation: Any, size: tuple[int, int]) -> Tensor:
        """Return the matrix of the shear from the first row and column."""
        shear = ops.convert_to_tensor(transformation["shear_factor"])
        return _matrix(1.0, shear[:, 0], 0.0, shear[:, 1], 1.0, 0.0)

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return boxes around the sheared ones, in relative coordinates as in Keras, clipped to the images."""
        height, width = size = self._size(transformation["input_shape"])
        shear = ops.cast(transformation["shear_factor"], "float32")[:, None]
        shear_x, shear_y = shear[..., 0], shear[..., 1]

        def move(xyxy: Tensor) -> Tensor:
            scale = ops.cast([width, height, width, height], xyxy.dtype)
            left, top, right, bottom = ((xyxy / scale)[..., i] for i in range(4))
            left, right = (
                ops.minimum(left - shear_x * top, left - shear_x * bottom),
                ops.maximum(right - shear_x * top, right - shear_x * bottom),
            )
            top = ops.minimum(top - shear_y * left, top - shear_y * right)
            bottom = ops.maximum(bottom - shear_y * left, bottom - shear_y * right)
            return ops.stack([left, top, right, bottom], axis=-1) * scale

        return self._moved_boxes(boxes, move, size)
