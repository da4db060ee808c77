"""Filters of images: blur, edges, and the similarity of structures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import TensorSpec, agree, common_shape
from hilevel.engine.types import DType, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.image.layout import layout_of, to_compute, to_stored
from hilevel.ops.nn.convolution import depthwise_conv
from hilevel.ops.numpy.creation import arange
from hilevel.ops.numpy.elementwise import cast, square
from hilevel.ops.numpy.indexing import getitem
from hilevel.ops.numpy.joining import concatenate, split, stack, tile
from hilevel.ops.numpy.reduction import mean, sum
from hilevel.ops.numpy.shaping import pad, reshape
from hilevel.ops.numpy.transcendental import exp


def gaussian_weights(size: int, sigma: TensorLike, dtype: DType) -> Tensor:
    """Return `size` weights of a normal density around their center, with the sum 1."""
    x = arange(size, dtype=dtype) - dtype.type((size - 1) / 2)
    weights = exp(-0.5 * square(x / to_array(sigma, dtype)))
    return weights / sum(weights)


def smooth(images: Tensor, rows: Tensor, columns: Tensor, padding: str = "same") -> Tensor:
    """Filter a batch of images, channels last, with weights along the height and weights along the width."""
    channels = images.shape[-1]
    for weights, shape in ((rows, (-1, 1, 1, 1)), (columns, (1, -1, 1, 1))):
        kernel = tile(reshape(weights, shape), (1, 1, channels, 1))
        images = depthwise_conv(images, kernel, padding=padding, data_format="channels_last")
    return images


@composite
def gaussian_blur(
    images: TensorLike,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Blur images with a Gaussian filter. The images are continued with zeros.

    The result has the dtype of the images. Integers are rounded.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        kernel_size: the width and the height of the filter, in pixels.
        sigma: the standard deviations along the width and along the height, in pixels.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.gaussian_blur(np.ones((3, 3, 1)), sigma=(0.5, 0.5))[1, :, 0].round(2)
    array([0.89, 1.  , 0.89])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes.
    """
    images = to_array(images)
    layout = layout_of("gaussian_blur", images, data_format)
    if isinstance(images, TensorSpec):
        return TensorSpec(images.shape, images.dtype)
    x = to_compute(images)
    columns, rows = (gaussian_weights(int(n), s, x.dtype) for n, s in zip(kernel_size, sigma, strict=True))
    return to_stored(layout.restore(smooth(layout.to_last(x), rows, columns)), images.dtype)


@composite
def sobel_edges(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Return the slopes of images along the height and along the width, by the filter of Sobel and Feldman (1968).

    The images are continued with zeros. The result has the dtype of the images.

    Args:
        images: `(batch, height, width, channels)`, or `(batch, channels, height, width)` with `"channels_first"`.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        The slopes, of the shape of the images and a last axis of 2 elements.

    >>> ops.image.sobel_edges(np.arange(9.0).reshape(1, 3, 3, 1))[0, 1, 1, 0]
    array([24.,  8.])

    Raises:
        ShapeError: the images have not 4 axes.
    """
    images = to_array(images)
    layout = layout_of("sobel_edges", images, data_format)
    if not layout.is_batch:
        raise ShapeError(
            f"sobel_edges: expected a batch of images, of 4 axes; got shape {tuple(images.shape)}."
        )
    along, across = layout.height % 4, layout.width % 4
    amounts = [(int(axis in (along, across)),) * 2 for axis in range(4)]
    x = pad(to_compute(images), amounts)
    slopes = [_difference(_total(x, b), a) for a, b in ((along, across), (across, along))]
    return to_stored(stack(slopes, axis=-1), images.dtype)


def _part(x: Tensor, axis: int, start: int, stop: int | None) -> Tensor:
    return getitem(x, (slice(None),) * axis + (slice(start, stop),))


def _total(x: Tensor, axis: int) -> Any:
    return _part(x, axis, 0, -2) + 2 * _part(x, axis, 1, -1) + _part(x, axis, 2, None)


def _difference(x: Tensor, axis: int) -> Any:
    return _part(x, axis, 2, None) - _part(x, axis, 0, -2)


@composite
def ssim(
    image1: TensorLike,
    image2: TensorLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Return the structural similarity of images, by Wang et al. (2004): 1 for equal images.

    Args:
        image1, image2: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"`
            the channels precede the height.
        max_val: the difference between the largest and the smallest value that images may have.
        filter_size, filter_sigma: the size and the standard deviation of the Gaussian window, in pixels.
        k1, k2: factors of `max_val` in the constants that stabilize the fractions.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        The similarity of each pair, of shape `(batch,)`, or `()` for single images, in the dtype of `image1`.

    >>> image = np.linspace(0, 1, 144).reshape(1, 12, 12, 1)
    >>> ops.image.ssim(image, 1 - image).round(2)
    array([-0.93])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes, differ in shape, or are smaller than the window.
    """
    image1, image2 = to_array(image1), to_array(image2)
    layout = layout_of("ssim", image1, data_format)
    if not agree(image1.shape, image2.shape):
        raise ShapeError(f"ssim: expected images of one shape; got {image1.shape} and {image2.shape}.")
    if isinstance(image1, TensorSpec):
        image1 = image2 = TensorSpec(common_shape(image1.shape, image2.shape), image1.dtype)
    x, y = (layout.to_last(to_compute(i)) for i in (image1, image2))
    window = gaussian_weights(filter_size, filter_sigma, x.dtype)
    means = smooth(concatenate([x, y, x * x + y * y, x * y], axis=0), window, window, "valid")
    mean_x, mean_y, squares, products = split(means, 4, axis=0)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    own, common = square(mean_x) + square(mean_y), mean_x * mean_y
    similarity = (2 * common + c1) * (2 * (products - common) + c2)
    found = mean(similarity / ((own + c1) * (squares - own + c2)), axis=(1, 2, 3))
    return cast(found if layout.is_batch else found[0], image1.dtype)
