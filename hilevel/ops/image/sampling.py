"""Values of images between their pixels, and transformations that move pixels by coordinates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.dtypes import INT32, is_float
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.spec import agree
from hilevel.engine.types import DType, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.image.layout import compute_dtype, layout_of, one_of, to_compute
from hilevel.ops.numpy.creation import arange
from hilevel.ops.numpy.elementwise import abs, cast, clip, floor, nan_to_num, sign
from hilevel.ops.numpy.indexing import getitem
from hilevel.ops.numpy.joining import concatenate, stack
from hilevel.ops.numpy.products import matmul
from hilevel.ops.numpy.rearrange import cross
from hilevel.ops.numpy.reduction import sum
from hilevel.ops.numpy.shaping import expand_dims, pad, reshape

ORDERS = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

# -- interpolation -------------------------------------------------------------------------------------


def _away_from_zero(x: Tensor) -> Tensor:
    """Round to the nearest integer, halves away from zero."""
    return sign(x) * floor(abs(x) + 0.5)


def _inside(place: Tensor, n: int, fill_mode: str) -> Tensor:
    """Return the index in an axis of `n` elements for whole places in and outside of the axis.

    In the mode `"constant"` the axis has one more element at each end, of indices 0 and `n + 1`.
    """
    if fill_mode == "constant":
        place = clip(place, -1, n) + 1
    elif fill_mode == "nearest":
        place = clip(place, 0, n - 1)
    elif fill_mode == "wrap":
        place = place % n
    elif fill_mode == "mirror":
        place = _mirrored(place, n - 1)
    else:  # the elements lie in the odd places of an axis that is mirrored
        place = (_mirrored(2 * place + 1, 2 * n) - 1) / 2
    return cast(nan_to_num(place), INT32)


def _mirrored(place: Tensor, last: int) -> Tensor:
    """Mirror places at 0 and at `last`, again and again."""
    return abs((place + last) % (2 * last) - last) if last else 0 * place


def _neighbours(place: Tensor, n: int, order: int, fill_mode: str) -> list[tuple[Tensor, Any]]:
    """Return the indices of the elements next to each place of an axis, with their weights."""
    if order == 0:
        return [(_inside(_away_from_zero(untraced(place)), n, fill_mode), 1.0)]
    low = floor(untraced(place))
    above = place - low
    return [(_inside(low, n, fill_mode), 1.0 - above), (_inside(low + 1, n, fill_mode), above)]


def _interpolate(
    grids: Tensor, places: Sequence[Tensor], order: int, fill_mode: str, fill_value: float
) -> Tensor:
    """Return the values of grids at places between their points.

    `grids` is `(batch, *sizes, channels)`, and `places` has one tensor `(batch, ...)` for each axis of `sizes`. The
    result is `(batch, ..., channels)`, of the dtype of the grids.
    """
    dtype, grids = grids.dtype, to_compute(grids)
    fill_value = fill_value if is_float(dtype) else int(fill_value)
    batch, *sizes, channels = grids.shape
    axes = [_neighbours(p, n, order, fill_mode) for p, n in zip(places, sizes, strict=True)]
    if fill_mode == "constant":
        grids = pad(grids, ((0, 0), *((1, 1),) * len(sizes), (0, 0)), constant_values=fill_value)
    _, *sizes, _ = grids.shape
    points = reshape(grids, (batch * math.prod(sizes), channels))
    first = reshape(arange(batch, dtype=INT32), (-1,) + (1,) * (len(places[0].shape) - 1))
    result: Any = 0.0
    for corner in itertools.product(*axes):
        index, weight = first, 1.0
        for (step, factor), n in zip(corner, sizes, strict=True):
            index, weight = index * n + step, weight * factor
        values = getitem(points, (index,))
        result = result + (values if order == 0 else values * expand_dims(weight, -1))
    return cast(result if is_float(dtype) else _away_from_zero(result), dtype)


@composite
def map_coordinates(
    inputs: TensorLike,
    coordinates: TensorLike,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Tensor:
    """Return the values of a tensor at coordinates between its elements. It has the dtype of the tensor.

    Args:
        inputs: a tensor of any shape.
        coordinates: for each axis of `inputs` the places along this axis, of shape `(axes, ...)`, at least two axes.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: the values outside. `"constant"` is `fill_value`, `"nearest"` the last element, and `"wrap"`
            repeats the axis. `"mirror"` mirrors it at the last element, and `"reflect"` at the edge behind it.
        fill_value: the value outside, for `"constant"`.

    >>> ops.image.map_coordinates(np.array([0.0, 10.0]), np.array([[0.5, 1.0, 1.5]]), order=1)
    array([ 5., 10.,  5.])

    Raises:
        ShapeError: the coordinates have fewer axes than two, or not one entry for each axis of `inputs`.
        ValueError: the order or the mode is unknown.
    """
    inputs, coordinates = to_array(inputs), to_float_array(coordinates)
    rank = len(inputs.shape)
    if len(coordinates.shape) < 2 or not agree(coordinates.shape[:1], (rank,)):
        raise ShapeError(
            f"map_coordinates: expected coordinates of shape ({rank}, ...), with one entry for each "
            f"axis of the inputs and at least two axes; got shape {tuple(coordinates.shape)}."
        )
    one_of("map_coordinates", "order", order, (0, 1))
    one_of("map_coordinates", "fill_mode", fill_mode, FILL_MODES)
    places = [coordinates[i][None] for i in range(rank)]
    grid = inputs[None, ..., None]
    return _interpolate(grid, places, order, fill_mode, fill_value)[0, ..., 0]


def move_pixels(
    images: Tensor, rows: Tensor, columns: Tensor, interpolation: str, fill_mode: str, fill_value: float
) -> Tensor:
    """Return images whose pixels come from the given rows and columns, `(batch, height, width)` each.

    `images` is `(batch, height, width, channels)`. The result has its dtype.
    """
    return _interpolate(images, (rows, columns), ORDERS[interpolation], fill_mode, fill_value)


# -- transformations of the plane ----------------------------------------------------------------------


def pixels(height: int, width: int, dtype: DType) -> tuple[Any, Any]:
    """Return the row and the column of each pixel, of shapes `(height, 1)` and `(width,)`."""
    return arange(height, dtype=dtype)[:, None], arange(width, dtype=dtype)


def _batch(x: Tensor, rank: int) -> Tensor:
    """Return a tensor with a batch axis in front, if it has fewer axes than `rank`."""
    return x if len(x.shape) == rank else x[None]


def _project(
    images: Tensor, transform: Tensor, interpolation: str, fill_mode: str, fill_value: float
) -> Tensor:
    """Move the pixels of images by the eight parameters of `affine_transform`, `(batch, 8)` or `(1, 8)`."""
    _, height, width, _ = images.shape
    y, x = pixels(height, width, transform.dtype)
    a0, a1, a2, b0, b1, b2, c0, c1 = (transform[:, i, None, None] for i in range(8))
    depth = c0 * x + (c1 * y + 1.0)
    columns = (a0 * x + (a1 * y + a2)) / depth
    rows = (b0 * x + (b1 * y + b2)) / depth
    return move_pixels(images, rows, columns, interpolation, fill_mode, fill_value)


@composite
def affine_transform(
    images: TensorLike,
    transform: TensorLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Apply a projective transformation to images, such as a rotation, a translation or a shear.

    The pixel in column `x` and row `y` of the result comes from the place `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2)
    / k)`, where `k = c0 x + c1 y + 1`. The result has the dtype of the images.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        transform: the parameters `[a0, a1, a2, b0, b1, b2, c0, c1]`, of shape `(batch, 8)`, or `(8,)` for all images.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode, fill_value: the values outside of the images, as in `map_coordinates`.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> image = np.array([[[1.0], [2.0], [3.0]]])
    >>> ops.image.affine_transform(image, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0])[0, :, 0]
    array([2., 3., 0.])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes, or the parameters neither 1 nor 2.
        ValueError: an argument has an invalid value.
    """
    name = "affine_transform"
    images, transform = to_array(images), to_float_array(transform)
    one_of(name, "interpolation", interpolation, ORDERS)
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    layout = layout_of(name, images, data_format)
    if len(transform.shape) not in (1, 2) or not agree(transform.shape[-1:], (8,)):
        raise ShapeError(
            f"{name}: expected a transform of shape (8,) or (batch, 8); got {tuple(transform.shape)}."
        )
    transform = _batch(cast(transform, compute_dtype(transform.dtype)), 2)
    return layout.restore(_project(layout.to_last(images), transform, interpolation, fill_mode, fill_value))


def _basis(points: Tensor) -> Tensor:
    """Return the matrices, `(batch, 3, 3)`, that map the axes and their sum to four points `(batch, 4, 2)`.

    Points are homogeneous. The columns are three of the points, whose multiples add up to the fourth.
    """
    first, second, third, fourth = (
        concatenate([points[:, i], 1.0 + 0.0 * points[:, i, :1]], axis=-1) for i in range(4)
    )
    factors = [
        sum(fourth * cross(a, b), axis=-1, keepdims=True)
        for a, b in ((second, third), (third, first), (first, second))
    ]
    return stack([f * p for f, p in zip(factors, (first, second, third), strict=True)], axis=-1)


def _inverse(matrices: Tensor) -> Tensor:
    """Return a multiple of the inverse of each matrix, `(batch, 3, 3)`."""
    a, b, c = (matrices[..., i] for i in range(3))
    return stack([cross(b, c), cross(c, a), cross(a, b)], axis=-2)


def homography(start_points: Tensor, end_points: Tensor) -> Tensor:
    """Return the parameters of the projection that maps the end points to the start points, `(batch, 8)`.

    The method is from Heckbert, Fundamentals of Texture Mapping and Image Warping (1989), section 2.2.3.
    """
    matrices = reshape(matmul(_basis(start_points), _inverse(_basis(end_points))), (-1, 9))
    return matrices[:, :8] / matrices[:, 8:]


@composite
def perspective_transform(
    images: TensorLike,
    start_points: TensorLike,
    end_points: TensorLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Move four points of images to other places, by a perspective projection of the plane.

    The result has the dtype of the images.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        start_points: the column and the row of four points, of shape `(batch, 4, 2)`, or `(4, 2)` for all images.
        end_points: their new places, of the same shape.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: the value outside of the images.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> corners = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> image = np.arange(9.0).reshape(3, 3, 1)
    >>> ops.image.perspective_transform(image, corners, corners[::-1])[..., 0]
    array([[8., 7., 6.],
           [5., 4., 3.],
           [2., 1., 0.]])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes, or the points have another shape.
        ValueError: an argument has an invalid value.
    """
    name = "perspective_transform"
    images, start, end = to_array(images), to_float_array(start_points), to_float_array(end_points)
    one_of(name, "interpolation", interpolation, ORDERS)
    layout = layout_of(name, images, data_format)
    for points in (start, end):
        if len(points.shape) not in (2, 3) or not agree(start.shape, points.shape, (*start.shape[:-2], 4, 2)):
            raise ShapeError(
                f"{name}: expected start and end points of one shape, (4, 2) or (batch, 4, 2); got "
                f"{tuple(start.shape)} and {tuple(end.shape)}."
            )
    start, end = (_batch(cast(p, compute_dtype(p.dtype)), 3) for p in (start, end))
    transform = homography(start, end)
    return layout.restore(_project(layout.to_last(images), transform, interpolation, "constant", fill_value))
