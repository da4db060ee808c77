"""Images cut into patches, and put together again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hilevel.engine import tensor
from hilevel.engine.allowance import claim
from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import is_unknown, size_from
from hilevel.engine.types import Sizes, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.image.layout import one_of
from hilevel.ops.nn.windows import channels_come_first, per_axis, windows_of
from hilevel.ops.numpy.indexing import getitem
from hilevel.ops.numpy.joining import concatenate
from hilevel.ops.numpy.shaping import moveaxis, reshape, transpose


def _batch_channels_last(
    name: str, x: Tensor, rank: int, data_format: str | None
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return a batch with `rank` spatial axes and channels last, and the function that restores its layout.

    Raises:
        ShapeError: the tensor has another number of axes.
    """
    first = channels_come_first(name, data_format)
    single = len(x.shape) == rank + 1
    if not single and len(x.shape) != rank + 2:
        raise ShapeError(
            f"{name}: expected {rank + 1} axes, or {rank + 2} for a batch; got shape {tuple(x.shape)}."
        )

    def restore(y: Tensor) -> Tensor:
        y = moveaxis(y, -1, 1) if first else y
        return y[0] if single else y

    batch = x[None] if single else x
    return (moveaxis(batch, 1, -1) if first else batch), restore


def _patches(
    name: str, x: TensorLike, size: Sizes, strides: Sizes | None, dilation: Sizes, padding: str,
    data_format: str | None, rank: int,
) -> Tensor:  # fmt: skip
    """Return the patches under a window that slides over `rank` axes, with the elements of each as channels."""
    batch, restore = _batch_channels_last(name, to_array(x), rank, data_format)
    windows = windows_of(name, batch.shape, size, strides or size, padding, dilation)
    counts = windows.output_size(batch.shape[1:-1], name)
    claim(64 * math.prod(windows.size), f"size={size}")
    padded = windows.padded(tensor.ops, batch)
    return restore(concatenate([getitem(padded, place) for place in windows.slices(counts)], axis=-1))


@composite
def extract_patches(
    images: TensorLike,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the patches of images under a window that slides over them.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height. With a size of three integers, volumes as in `extract_patches_3d`.
        size: the height and the width of the window, two integers or one for both.
        strides: the step from one patch to the next; `size` by default.
        dilation_rate: the step between the pixels of a patch.
        padding: `"valid"`, or `"same"` to continue the images with zeros.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        The patches, `(batch, rows, columns, height * width * channels)`, in the order of `data_format`.

    >>> ops.image.extract_patches(np.arange(16.0).reshape(4, 4, 1), 2)[0]
    array([[0., 1., 4., 5.],
           [2., 3., 6., 7.]])

    Raises:
        TypeError: `size` is neither an integer nor a tuple.
        ValueError: an argument has an invalid value.
        ShapeError: the images have another number of axes, or are smaller than the window.
    """
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(f"extract_patches: size must be an integer or a tuple; got {size!r}.")
    rank = 2 if isinstance(size, int) else len(size)
    if rank not in (2, 3):
        raise ValueError(f"extract_patches: size must have 2 or 3 integers; got {size!r}.")
    return _patches("extract_patches", images, size, strides, dilation_rate, padding, data_format, rank)


@composite
def extract_patches_3d(
    volumes: TensorLike,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the patches of volumes under a window that slides over them.

    Args:
        volumes: `(batch, depth, height, width, channels)` or `(depth, height, width, channels)`; with
            `"channels_first"` the channels precede the depth.
        size: the depth, the height and the width of the window, three integers or one for all.
        strides, dilation_rate, padding, data_format: as in `extract_patches`.

    Returns:
        The patches, `(batch, *counts, depth * height * width * channels)`, in the order of `data_format`.

    >>> ops.image.extract_patches_3d(np.ones((4, 4, 4, 1)), 2).shape
    (2, 2, 2, 8)

    Raises:
        TypeError: `size` has not three integers.
        ValueError: another argument has an invalid value.
        ShapeError: the volumes have another number of axes, or are smaller than the window.
    """
    name = "extract_patches_3d"
    if not isinstance(size, int) and len(size) != 3:
        raise TypeError(f"{name}: size must be an integer or three; got {size!r}.")
    if strides is not None:
        strides = per_axis(name, "strides", strides, 3)
    return _patches(name, volumes, size, strides, dilation_rate, padding, data_format, 3)


def _amounts_removed(grid: Sequence[int], size: Sequence[int], output_size: Any, padding: str) -> list[int]:
    """Return the number of padded pixels at the begin of each axis of images that patches make up.

    Raises:
        ValueError: the patches do not make up images of `output_size`.
    """
    missing = [g * s - n for g, s, n in zip(grid, size, output_size, strict=True)]
    fits = all(m == 0 if padding == "valid" else 0 <= m < s for m, s in zip(missing, size, strict=True))
    if not fits:
        raise ValueError(
            f'reconstruct_patches: patches of {tuple(size)} in a grid of {tuple(grid)} with padding="{padding}" do '
            f"not make up {tuple(output_size)}."
        )
    return [m // 2 for m in missing]


@composite
def reconstruct_patches(
    patches: TensorLike,
    size: Sizes,
    output_size: Sequence[int] | None = None,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Put images or volumes together from patches that do not overlap. It inverts `extract_patches`.

    Args:
        patches: `(batch, rows, columns, height * width * channels)`, or without the batch; with a size of three
            integers `(batch, *counts, depth * height * width * channels)`. With `"channels_first"` the last axis
            precedes the counts.
        size: the size of a patch, two or three integers, or one for two axes.
        output_size: the size of the images. With `"valid"` it is the size that the patches cover, by default; with
            `"same"` it is required.
        strides: `size`, which is the default.
        padding: `"valid"`, or `"same"` to remove the zeros that `extract_patches` added.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> image = np.arange(16.0).reshape(4, 4, 1)
    >>> patches = ops.image.extract_patches(image, 2)
    >>> np.array_equal(ops.image.reconstruct_patches(patches, 2), image)
    True

    Raises:
        NotImplementedError: the strides differ from the size.
        ValueError: an argument has an invalid value.
        ShapeError: the patches have another number of axes, or the number of channels is no integer.
    """
    name, x = "reconstruct_patches", to_array(patches)
    rank = 2 if isinstance(size, int) else len(size)
    size = per_axis(name, "size", size, rank)
    if strides is not None and per_axis(name, "strides", strides, rank) != size:
        raise NotImplementedError(f"{name}: patches that overlap or have gaps, strides={strides!r}.")
    one_of(name, "padding", padding, ("valid", "same"))
    if padding == "same" and output_size is None:
        raise ValueError(f'{name}: padding="same" needs output_size, the size of the images.')
    batch, restore = _batch_channels_last(name, x, rank, data_format)
    *grid, depth = batch.shape[1:]
    if depth % math.prod(size) and not is_unknown(depth):
        raise ShapeError(
            f"{name}: {depth} elements are no multiple of the {math.prod(size)} pixels of a patch."
        )
    if output_size is not None:
        grid = [-(-n // s) if is_unknown(g) else g for g, s, n in zip(grid, size, output_size, strict=True)]
    whole = [g * s for g, s in zip(grid, size, strict=True)]
    output_size = whole if output_size is None else output_size
    starts = _amounts_removed(grid, size, output_size, padding)
    channels = size_from(depth // math.prod(size), depth)
    pieces = reshape(batch, (batch.shape[0], *grid, *size, channels))
    order = [axis for i in range(rank) for axis in (1 + i, 1 + rank + i)]
    y = reshape(transpose(pieces, (0, *order, 1 + 2 * rank)), (batch.shape[0], *whole, -1))
    return restore(
        getitem(y, (slice(None), *(slice(a, a + n) for a, n in zip(starts, output_size, strict=True))))
    )
