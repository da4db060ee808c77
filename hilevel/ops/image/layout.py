"""The order of the axes of images, and the dtype in which images are computed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hilevel.engine import dtypes
from hilevel.engine.dtypes import FLOAT32
from hilevel.engine.op import to_array
from hilevel.engine.types import DType, Tensor, TensorLike
from hilevel.errors import ArgumentError, ShapeError
from hilevel.ops.nn.windows import channels_come_first
from hilevel.ops.numpy.derived import saturate_cast
from hilevel.ops.numpy.elementwise import cast, round
from hilevel.ops.numpy.shaping import expand_dims, moveaxis, squeeze


@dataclass(frozen=True)
class Layout:
    """The positions of the axes of images, counted from the last axis.

    `is_batch` is whether there is a batch axis in front.
    """

    height: int
    width: int
    channels: int
    is_batch: bool

    def to_last(self, images: Tensor) -> Tensor:
        """Return a batch of images with channels last: `(batch, height, width, channels)`."""
        images = images if self.is_batch else expand_dims(images, axis=0)
        return images if self.channels == -1 else moveaxis(images, self.channels, -1)

    def restore(self, images: Tensor) -> Tensor:
        """Invert `to_last`."""
        images = images if self.channels == -1 else moveaxis(images, -1, self.channels)
        return images if self.is_batch else squeeze(images, axis=0)


def layout_of(name: str, images: Tensor, data_format: str | None) -> Layout:
    """Return the layout of a single image or a batch of images.

    Raises:
        ShapeError: the images have neither 3 nor 4 axes.
        ValueError: the data format is unknown.
    """
    first = channels_come_first(name, data_format)
    if len(images.shape) not in (3, 4):
        raise ShapeError(
            f"{name}: expected an image of 3 axes or a batch of images of 4 axes; got shape "
            f"{tuple(images.shape)}."
        )
    return Layout(*((-2, -1, -3) if first else (-3, -2, -1)), is_batch=len(images.shape) == 4)


def to_compute(images: TensorLike) -> Tensor:
    """Return images in the dtype of computations: integers and narrow floats in float32, others unchanged."""
    images = to_array(images)
    return cast(images, compute_dtype(images.dtype))


def compute_dtype(dtype: DType) -> DType:
    """Return the dtype in which images of a dtype are computed."""
    return dtypes.promoted(dtype, FLOAT32) if dtypes.is_float(dtype) else FLOAT32


def to_stored(images: Tensor, dtype: DType) -> Tensor:
    """Cast results to the dtype of images. For integers, round to the nearest and clip to their range."""
    if images.dtype == dtype:
        return images
    return saturate_cast(images if dtypes.is_float(dtype) else round(images), dtype)


def one_of(name: str, label: str, value: object, known: Collection[object]) -> None:
    """Check that an argument has one of the known values.

    Raises:
        ArgumentError: it has another value.
    """
    if value not in known:
        raise ArgumentError(f"{name}: {label} must be one of {', '.join(map(repr, known))}; got {value!r}.")
