"""Images: blocks of pixels as channels, and the ratio of signal to noise."""

from __future__ import annotations

import math

from hilevel.engine import dtypes
from hilevel.engine.op import composite, rounded, to_array
from hilevel.engine.spec import agree
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.elementwise import square
from hilevel.ops.numpy.reduction import mean
from hilevel.ops.numpy.shaping import reshape, transpose
from hilevel.ops.numpy.transcendental import log10


def _check(name: str, shape: tuple[int, ...], block_size: int, data_format: str) -> None:
    if not isinstance(block_size, int) or block_size < 2:
        raise ValueError(f"{name}: block_size must be an integer of at least 2; got {block_size!r}.")
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{name}: data_format must be channels_last or channels_first; got {data_format!r}.")
    if len(shape) != 4:
        raise ShapeError(f"{name}: x must have 4 axes; got shape {shape}.")


@composite
def depth_to_space(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Return images in which each group of `block_size^2` channels has become a block of pixels.

    Args:
        x: images of shape `(batch, height, width, block_size^2 * channels)`, in which the channels of a pixel are
            contiguous; for channels_first `(batch, channels * block_size^2, height, width)`, in which the pixels of a
            channel are.
        block_size: the height and the width of a block.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> ops.depth_to_space(np.arange(4.0).reshape(1, 1, 1, 4), 2)[0, :, :, 0]
    array([[0., 1.],
           [2., 3.]])

    Raises:
        ValueError: the block size is below 2, or the shape does not agree with it.
    """
    x, b = to_array(x), block_size
    _check("depth_to_space", tuple(x.shape), b, data_format)
    if x.shape[-1 if data_format == "channels_last" else 1] % (b * b):
        raise ShapeError(f"depth_to_space: the channels must be a multiple of {b * b}; got shape {x.shape}.")
    if data_format == "channels_first":
        n, c, h, w = x.shape
        y = transpose(reshape(x, (n, c // (b * b), b, b, h, w)), (0, 1, 4, 2, 5, 3))
        return reshape(y, (n, c // (b * b), h * b, w * b))
    n, h, w, c = x.shape
    y = transpose(reshape(x, (n, h, w, b, b, c // (b * b))), (0, 1, 3, 2, 4, 5))
    return reshape(y, (n, h * b, w * b, c // (b * b)))


@composite
def space_to_depth(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Return images in which each block of pixels has become a group of `block_size^2` channels.

    It is the inverse of `depth_to_space`.

    Args:
        x: images of shape `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: the height and the width of a block.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> ops.space_to_depth(np.arange(4.0).reshape(1, 2, 2, 1), 2)
    array([[[[0., 1., 2., 3.]]]])

    Raises:
        ValueError: the block size is below 2, or the shape does not agree with it.
    """
    x, b = to_array(x), block_size
    _check("space_to_depth", tuple(x.shape), b, data_format)
    first = 1 if data_format == "channels_last" else 2
    if x.shape[first] % b or x.shape[first + 1] % b:
        raise ShapeError(f"space_to_depth: height and width must be multiples of {b}; got shape {x.shape}.")
    if data_format == "channels_first":
        n, c, h, w = x.shape
        y = transpose(reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4))
        return reshape(y, (n, c * b * b, h // b, w // b))
    n, h, w, c = x.shape
    y = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
    return reshape(y, (n, h // b, w // b, b * b * c))


@composite
@rounded
def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Tensor:
    """Return the peak signal-to-noise ratio `10 log10(max_val^2 / mean((x1 - x2)^2))` in decibels, a scalar.

    Args:
        x1, x2: tensors of equal shape.
        max_val: the largest possible value of an element.

    >>> ops.psnr([1.0, 0.0], [0.0, 0.0], 1.0)
    np.float32(3.0103002)

    Raises:
        ValueError: the shapes differ.
    """
    x1, x2 = dtypes.to_float((to_array(x1), to_array(x2)))
    if not agree(x1.shape, x2.shape):
        raise ShapeError(f"psnr: the shapes must be equal; got {tuple(x1.shape)} and {tuple(x2.shape)}.")
    return 20 * math.log10(max_val) - 10 * log10(mean(square(x1 - x2)))
