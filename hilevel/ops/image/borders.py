"""Removal and addition of rows and columns at the borders of images."""

from __future__ import annotations

from collections.abc import Iterator

from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ArgumentError
from hilevel.ops.image.layout import layout_of
from hilevel.ops.numpy.indexing import getitem
from hilevel.ops.numpy.shaping import pad


def _check(name: str, side: str, before: int | None, after: int | None, target: int | None) -> None:
    """Check that two of three lengths are given, and that they are not negative.

    Raises:
        ArgumentError: otherwise.
    """
    given = [n for n in (before, after, target) if n is not None]
    if len(given) != 2 or min(given) < 0:
        raise ArgumentError(
            f"{name}: pass two of the lengths before, after and target of the {side}, not negative; got {before}, "
            f"{after} and {target}."
        )


def _margins(name: str, side: str, before: int | None, after: int | None, both: int) -> tuple[int, int]:
    """Return the lengths at both ends of an axis; one that is None completes the sum.

    Raises:
        ArgumentError: a length is negative.
    """
    first = both - after if before is None and after is not None else before
    last = both - first if after is None and first is not None else after
    if first is None or last is None or first < 0 or last < 0:
        raise ArgumentError(f"{name}: the lengths at the ends of the {side} would be {first} and {last}.")
    return first, last


def _with_size(images: Tensor, axis: int, n: int) -> Tensor:
    """Return images on which only shapes are computed, with another size of an axis."""
    shape = list(images.shape)
    shape[axis] = n
    return TensorSpec(shape, images.dtype)


def _sides(
    top: int | None, bottom: int | None, left: int | None, right: int | None,
    height: int | None, width: int | None,
) -> Iterator[tuple[str, int | None, int | None, int | None]]:  # fmt: skip
    yield "height", top, bottom, height
    yield "width", left, right, width


@composite
def crop_images(
    images: TensorLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Remove rows and columns at the borders of images.

    Of the three lengths of the height, and of the width, exactly two are given.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        top_cropping, bottom_cropping: the number of rows that are removed.
        left_cropping, right_cropping: the number of columns that are removed.
        target_height, target_width: the size of the result.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.crop_images(np.ones((5, 5, 3)), 1, 0, target_height=2, target_width=4).shape
    (2, 4, 3)

    Raises:
        ShapeError: the images have neither 3 nor 4 axes.
        ValueError: not exactly two lengths are given, one is negative, or the images are too small.
    """
    name, images = "crop_images", to_array(images)
    layout = layout_of(name, images, data_format)
    key = [slice(None)] * len(images.shape)
    sides = _sides(top_cropping, bottom_cropping, left_cropping, right_cropping, target_height, target_width)
    for axis, (side, before, after, target) in zip((layout.height, layout.width), sides, strict=True):
        _check(name, side, before, after, target)
        n = images.shape[axis]
        if isinstance(n, UnknownSize):
            if target is None:
                raise ArgumentError(f"{name}: the {side} of the images is unknown; pass target_{side}.")
            n = target + (before or 0) + (after or 0)
            images = _with_size(images, axis, n)
        before, after = _margins(name, side, before, after, n - (target or 0))
        if before + after > n:
            raise ArgumentError(
                f"{name}: cropping of {before} and {after} removes more than the {side}, {n}."
            )
        key[axis] = slice(before, n - after)
    return getitem(images, tuple(key))


@composite
def pad_images(
    images: TensorLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Add rows and columns of zeros at the borders of images.

    Of the three lengths of the height, and of the width, exactly two are given.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        top_padding, bottom_padding: the number of rows that are added.
        left_padding, right_padding: the number of columns that are added.
        target_height, target_width: the size of the result.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.pad_images(np.ones((2, 2, 3)), 1, 0, target_height=4, target_width=3).shape
    (4, 3, 3)

    Raises:
        ShapeError: the images have neither 3 nor 4 axes.
        ValueError: not exactly two lengths are given, one is negative, or the images are too large.
    """
    name, images = "pad_images", to_array(images)
    layout = layout_of(name, images, data_format)
    amounts = [(0, 0)] * len(images.shape)
    sides = _sides(top_padding, bottom_padding, left_padding, right_padding, target_height, target_width)
    for axis, (side, before, after, target) in zip((layout.height, layout.width), sides, strict=True):
        _check(name, side, before, after, target)
        n = images.shape[axis]
        if isinstance(n, UnknownSize) and target is not None:
            n = max(target - (before or 0) - (after or 0), 0)
            images = _with_size(images, axis, n)
        amounts[axis] = _margins(name, side, before, after, (target or 0) - n)
    return pad(images, amounts)
