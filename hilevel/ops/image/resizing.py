"""Resizing of images, as products with a matrix of weights for each axis."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from hilevel.engine import tensor
from hilevel.engine.allowance import claim
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.dtypes import is_float
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Namespace, Tensor, TensorLike
from hilevel.errors import ArgumentError
from hilevel.ops.image.layout import Layout, layout_of, one_of, to_compute, to_stored
from hilevel.ops.nn.windows import per_axis
from hilevel.ops.numpy.elementwise import cast, maximum
from hilevel.ops.numpy.indexing import getitem, take
from hilevel.ops.numpy.shaping import pad

Kernel: TypeAlias = Callable[[Any, Any], Any]
"""A function of the array module and distances, not negative, to weights."""

# -- kernels -------------------------------------------------------------------------------------------


def _triangle(xp: Namespace, x: Tensor) -> Tensor:
    return xp.maximum(1.0 - x, 0.0)


def _cubic(xp: Namespace, x: Tensor) -> Tensor:
    """Return the cubic convolution kernel with `a = -0.5` (Keys, 1981, equation 15)."""
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return xp.where(x < 1.0, near, xp.where(x < 2.0, far, 0.0))


def _lanczos(radius: float) -> Kernel:
    def kernel(xp: Namespace, x: Tensor) -> Tensor:
        return xp.where(x < radius, xp.sinc(x) * xp.sinc(x / radius), 0.0)

    return kernel


KERNELS: dict[str, Kernel] = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}
_RESIZE = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")

# -- matrices of weights -------------------------------------------------------------------------------

_NO_WEIGHT = 1000 * float(np.finfo(np.float32).eps)
"""Sums of weights below this limit count as 0."""


def _weights(xp: Namespace, centers: Any, places: Any, width: Any, kernel: Kernel) -> Tensor:
    """Return the weight of each element of an axis for each output, of shape `(outputs, elements)`.

    `centers` are the places of the outputs on the axis, of shape `(outputs, 1)`, and `places` the places of the
    elements. `width` is the factor of the width of the kernel.
    """
    weights = kernel(xp, xp.abs(centers - places) / width)
    total = xp.sum(weights, axis=1, keepdims=True)
    found = xp.abs(total) > _NO_WEIGHT
    inside = xp.logical_and(centers >= -0.5, centers <= places.shape[0] - 0.5)
    return xp.where(xp.logical_and(found, inside), weights / xp.where(found, total, 1.0), 0.0)


@functools.lru_cache(maxsize=64)
def _resizing(n: int, out: int, interpolation: str, antialias: bool) -> np.ndarray[Any, Any]:
    """Return the weights that stretch an axis of `n` elements to `out` elements."""
    centers = (np.arange(out)[:, None] + 0.5) * (n / out) - 0.5
    width = max(n / out, 1.0) if antialias else 1.0
    return np.asarray(_weights(np, centers, np.arange(n), width, KERNELS[interpolation]))


_NARROW = 16
"""Elements behind the axis, below which a product with rows is faster than a product for each slice."""


def _multiply(xp: Namespace, x: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Replace each vector along an axis of `x` by its product with a matrix `(out, n)`."""
    before, (n, *after) = x.shape[:axis], x.shape[axis:]
    outer, inner, out = math.prod(before), math.prod(after), matrix.shape[0]
    x = xp.reshape(x, (outer, n, inner))
    if inner >= _NARROW:
        y = xp.matmul(matrix, x)
    else:
        rows = xp.reshape(xp.swapaxes(x, 1, 2), (outer * inner, n))
        y = xp.swapaxes(xp.reshape(xp.matmul(rows, matrix.T), (outer, inner, out)), 1, 2)
    return xp.reshape(y, (*before, out, *after))


@op
def multiply_axis(xp: Namespace, x: Tensor, /, matrix: np.ndarray[Any, Any], axis: int) -> Tensor:
    """Replace each vector along an axis by its product with a matrix of constants, `(out, n)`."""
    return _multiply(xp, x, xp.asarray(matrix, dtype=x.dtype), axis)


multiply_axis.gradient(lambda xp, g, y, x, matrix, axis: multiply_axis(g, matrix=matrix.T, axis=axis))
multiply_axis.shape(
    lambda x, matrix, axis: TensorSpec((*x.shape[:axis], len(matrix), *x.shape[axis + 1 :]), x.dtype)
)


# -- the ops -------------------------------------------------------------------------------------------


@composite
def resize(
    images: TensorLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Resize images. The centers of the first and last pixels keep their distances from the border, in pixels.

    The result has the dtype of the images. Integers are rounded, and clipped to the range of their dtype.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        size: the new height and width.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"` (Keys, 1981), `"lanczos3"` or `"lanczos5"`.
        antialias: whether reductions average all pixels under an output pixel. Ignored for `"nearest"`.
        crop_to_aspect_ratio: whether the largest centered part with the aspect ratio of `size` is resized.
        pad_to_aspect_ratio: whether the images are padded to the aspect ratio of `size` first.
        fill_mode: `"constant"`.
        fill_value: the value of the padding.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.resize(np.array([[[0.0], [1.0]]]), (1, 4))[0, :, 0]
    array([0.  , 0.25, 0.75, 1.  ])

    Raises:
        ValueError: an argument has an invalid value.
        ShapeError: the images have neither 3 nor 4 axes.
    """
    images, size = to_array(images), per_axis("resize", "size", tuple(size), 2)
    layout = layout_of("resize", images, data_format)
    one_of("resize", "interpolation", interpolation, _RESIZE)
    one_of("resize", "fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError(
            "resize: crop_to_aspect_ratio and pad_to_aspect_ratio are both True; expected one."
        )
    x = images
    if crop_to_aspect_ratio:
        x = _crop_to_aspect_ratio(x, size, layout)
    if pad_to_aspect_ratio:
        x = _pad_to_aspect_ratio(to_compute(x), size, fill_value, layout)
    for axis, n in zip((layout.height, layout.width), size, strict=True):
        x = _resize_axis(x, axis, n, interpolation, antialias)
    return to_stored(x, images.dtype)


def _resize_axis(x: Tensor, axis: int, out: int, interpolation: str, antialias: bool) -> Tensor:
    n = x.shape[axis]
    claim(8 * n * out, f"size={out}")
    if interpolation == "nearest":
        centers = (np.arange(out, dtype=np.float32) + np.float32(0.5)) * np.float32(n) / np.float32(out)
        return take(x, np.floor(centers).astype(np.int32), axis=axis % len(x.shape))
    x = to_compute(x)
    if n == out:
        return x
    return multiply_axis(x, matrix=_resizing(int(n), out, interpolation, antialias), axis=axis % len(x.shape))


def _same_ratio(height: int, width: int, size: tuple[int, ...]) -> tuple[int, int]:
    """Return the height for the width, and the width for the height, in the aspect ratio of `size`."""
    return int(width * size[0] / size[1]), int(height * size[1] / size[0])


def _crop_to_aspect_ratio(x: Tensor, size: tuple[int, ...], layout: Layout) -> Tensor:
    sizes = x.shape[layout.height], x.shape[layout.width]
    key = [slice(None)] * len(x.shape)
    for axis, n, wanted in zip((layout.height, layout.width), sizes, _same_ratio(*sizes, size), strict=True):
        kept = max(min(n, wanted), 1)
        key[axis] = slice((n - kept) // 2, (n - kept) // 2 + kept)
    return getitem(x, tuple(key))


def _pad_to_aspect_ratio(x: Tensor, size: tuple[int, ...], fill_value: float, layout: Layout) -> Tensor:
    sizes = x.shape[layout.height], x.shape[layout.width]
    amounts = [(0, 0)] * len(x.shape)
    for axis, n, wanted in zip((layout.height, layout.width), sizes, _same_ratio(*sizes, size), strict=True):
        amounts[axis] = (max(wanted - n, 0) // 2,) * 2
    return pad(x, amounts, constant_values=fill_value)


@composite
def scale_and_translate(
    images: TensorLike,
    output_shape: Sequence[int],
    scale: TensorLike,
    translation: TensorLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Scale and move images along some of their axes. Places outside of the images are 0.

    The result has the dtype of the images, and float32 for integers.

    The element at the continuous position `p` of an axis moves to `p * scale + translation`.

    Args:
        images: a tensor of any shape.
        output_shape: the shape of the result.
        scale: floats of shape `(axes,)`, the factor for each axis of `spatial_dims`.
        translation: floats of shape `(axes,)`, in elements of the result.
        spatial_dims: the axes that are scaled and moved. The other axes keep their size.
        method: the kernel: `"linear"`, `"cubic"`, `"lanczos3"` or `"lanczos5"`. `"bilinear"`, `"trilinear"`,
            `"bicubic"` and `"tricubic"` are other names.
        antialias: whether reductions average all elements under an element of the result.

    >>> ops.image.scale_and_translate(np.array([0.0, 2.0]), (4,), [2.0], [0.0], (0,), "linear")
    array([0. , 0.5, 1.5, 2. ])

    Raises:
        ValueError: the method is unknown.
    """
    one_of("scale_and_translate", "method", method, list(KERNELS))
    images = to_array(images)
    x, scale, translation = to_compute(images), to_compute(scale), to_compute(translation)
    for i, axis in enumerate(spatial_dims):
        n, out = x.shape[axis], output_shape[axis]
        claim(8 * n * out, f"output_shape={tuple(output_shape)}")
        places, outputs = (constant(scale, np.arange(m), x.dtype) for m in (n, out))
        centers = (outputs[:, None] + 0.5 - translation[i]) / scale[i] - 0.5
        width = maximum(1.0 / scale[i], 1.0) if antialias else 1.0
        weights = _weights(tensor.ops, centers, places, width, KERNELS[method])
        x = _multiply(tensor.ops, x, weights, axis % len(x.shape))
    return cast(x, images.dtype) if is_float(images.dtype) else x
