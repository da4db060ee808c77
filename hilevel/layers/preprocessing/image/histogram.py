"""Equalization of the histograms of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import bad_setting, is_integer, number, positive
from hilevel.layers.preprocessing.image.color import BYTES, Color, rescaled
from hilevel.layers.preprocessing.image.settings import ImageOptions

_ROUNDING = 1e-4
"""A limit of rounding errors: a pixel this much below an integer counts as the integer."""


class Equalization(Color):
    """A layer that gives each channel about equally many pixels of each value, in training.

    The histogram of a channel is the one of all images of the batch, as in Keras.

    Args:
        value_range: the least and the largest value of pixels.
        bins: the number of intervals of the histogram.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> hilevel.layers.Equalization()(np.array([10.0, 20.0, 30.0]).reshape(1, 1, 3, 1))[0, 0, :, 0]
    array([  0., 128., 255.], dtype=float32)

    Raises:
        ValueError: the range or the number of bins is invalid.
    """

    _is_random = False

    def __init__(
        self,
        value_range: tuple[float, float] = BYTES,
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, data_format=data_format, **kwargs)
        self.bins = positive("Equalization", "bins", bins)

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return images with equalized channels."""
        pixels = ops.moveaxis(ops.cast(images, "float32"), self._channel_axis, 0)
        pixels = rescaled(pixels, self.value_range, BYTES)
        equal = self._equalized(ops.reshape(pixels, (pixels.shape[0], -1)))
        equal = rescaled(ops.reshape(equal, pixels.shape), BYTES, self.value_range)
        return ops.cast(ops.moveaxis(equal, 0, self._channel_axis), images.dtype)

    def _equalized(self, channels: Tensor) -> Tensor:
        """Return channels `(channels, pixels)` after the equalization of each."""
        places = channels * ((self.bins - 1) / 255.0) + _ROUNDING
        bins = ops.clip(ops.cast(places, "int32"), 0, self.bins - 1)
        below = ops.cast(ops.cumsum(_counts(bins, self.bins), axis=1), "int64")
        total = below[:, -1:]
        first = ops.min(ops.where(below > 0, below, total), axis=1, keepdims=True)
        table = ops.cast(_rounded((below - first) * 255, total - first), channels.dtype)
        return ops.where(total == first, channels, ops.take_along_axis(table, bins, axis=1))


def _rounded(a: Tensor, b: Tensor) -> Tensor:
    """Return `a / b` of integers, rounded half to even; 0 divisors count as 1."""
    b = ops.maximum(b, 1)
    return (2 * a + b - 1 + (a // b) % 2) // (2 * b)


class ContrastLimitedAdaptiveHistogramEqualization(Color):
    """A layer that equalizes the histograms of the tiles of each image, in training and in inference.

    The count of each value is limited, and the tables of neighbouring tiles are interpolated. Zuiderveld, Contrast
    limited adaptive histogram equalization, 1994.

    Args:
        value_range: the least and the largest value of pixels.
        clip_limit: the largest count of a value, as a multiple of the mean count; 0 for no limit.
        tile_grid_size: the number of rows and columns of tiles.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> layer = hilevel.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    >>> layer(np.arange(64.0).reshape(1, 8, 8, 1)).max() > 100
    np.True_

    Raises:
        ValueError: an argument is invalid.
    """

    _is_random = False
    _in_inference = True
    _keeps_dtype = True

    def __init__(
        self,
        value_range: tuple[float, float] = BYTES,
        clip_limit: float = 4.0,
        tile_grid_size: Sequence[int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, data_format=data_format, **kwargs)
        cls = "ContrastLimitedAdaptiveHistogramEqualization"
        self.clip_limit = number(cls, "clip_limit", clip_limit)
        sizes = tuple(tile_grid_size) if isinstance(tile_grid_size, (list, tuple)) else ()
        if len(sizes) != 2 or not all(is_integer(size, 1) for size in sizes):
            raise bad_setting(cls, "tile_grid_size", "two positive integers", tile_grid_size)
        self.tile_grid_size = sizes

    def augment(self, images: Tensor, transformation: Any) -> Tensor:
        """Return images with equalized tiles."""
        if len(images.shape) == 3:
            return self.augment(images[None], transformation)[0]
        pixels = ops.moveaxis(ops.cast(images, "float32"), self._channel_axis, 1)
        pixels = rescaled(pixels, self.value_range, BYTES)
        equal = rescaled(self._equalized(pixels), BYTES, self.value_range)
        return ops.cast(ops.moveaxis(equal, 1, self._channel_axis), images.dtype)

    def _equalized(self, pixels: Tensor) -> Tensor:
        """Return pixels `(batch, channels, height, width)` from 0 to 255 after the equalization of the tiles."""
        batch, channels, height, width = pixels.shape
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)
        flat = ops.reshape(pixels, (batch * channels, height, width))
        flat = ops.pad(
            flat, ((0, 0), (0, tall * rows - height), (0, wide * columns - width)), mode="symmetric"
        )
        values = ops.clip(ops.cast(flat, "int32"), 0, 255)
        tiles = ops.transpose(ops.reshape(values, (-1, rows, tall, columns, wide)), (0, 1, 3, 2, 4))
        tables = self._tables(ops.reshape(tiles, (-1, rows * columns, tall * wide)))
        equal = _looked_up(tables, values, _neighbours(rows, tall), _neighbours(columns, wide), columns)
        return ops.reshape(equal, (batch, channels, *flat.shape[1:]))[:, :, :height, :width]

    def _tables(self, tiles: Tensor) -> Tensor:
        """Return the new value of each of 256 values, for tiles `(images, tiles, pixels)`."""
        images, number, size = tiles.shape
        counts = _counts(ops.reshape(tiles, (images * number, size)), 256)
        counts = ops.cast(ops.reshape(counts, (images, number, 256)), "float32")
        if self.clip_limit > 0:
            limited = ops.minimum(counts, self.clip_limit * size / 256)
            counts = limited + ops.sum(counts - limited, axis=-1, keepdims=True) / 256
        below = ops.cumsum(counts, axis=-1)
        first = below[..., :1]
        spread = size - first
        return ops.clip((below - first) * 255 / ops.where(spread == 0, 1.0, spread), 0, 255)


def _counts(values: Tensor, number: int) -> Tensor:
    """Return the count of each integer below `number` in each row: shape `(rows, number)`."""
    rows = values.shape[0]
    places = ops.reshape(values + number * ops.arange(rows, dtype="int32")[:, None], (-1,))
    return ops.reshape(ops.segment_sum(ops.ones_like(places), places, rows * number), (rows, number))


def _neighbours(tiles: int, size: int) -> tuple[Tensor, ...]:
    """Return for each pixel of an axis the tiles whose middles are before and after it, and the weight of the second.

    A pixel before the first middle, or after the last one, has one tile twice.
    """
    position = (np.arange(tiles * size) - size / 2) / size
    before = np.floor(position)
    weight = (position - before).astype("float32")
    first, second = (np.clip(before + i, 0, tiles - 1).astype("int32") for i in (0, 1))
    return tuple(map(ops.convert_to_tensor, (first, second, weight)))


def _looked_up(tables: Tensor, values: Tensor, rows: Any, columns: Any, number: int) -> Tensor:
    """Return the new values of pixels, interpolated between the tables of the four tiles around each.

    Args:
        tables: `(images, tiles, 256)`.
        values: integers `(images, height, width)`.
        rows, columns: the neighbours along each axis.
        number: the number of columns of tiles.
    """
    flat = ops.reshape(tables, (tables.shape[0], -1))
    positions = ops.reshape(values, (values.shape[0], -1))

    def value(row: Any, column: Any) -> Tensor:
        tile = ops.reshape(row[:, None] * number + column, (-1,)) * 256
        return ops.reshape(ops.take_along_axis(flat, positions + tile, axis=1), values.shape)

    (top, bottom, y), (left, right, x) = rows, columns
    upper = value(top, left) * (1 - x) + value(top, right) * x
    lower = value(bottom, left) * (1 - x) + value(bottom, right) * x
    return upper * (1 - y[:, None]) + lower * y[:, None]
