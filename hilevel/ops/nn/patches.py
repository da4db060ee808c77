"""The patches of a tensor under the windows of a convolution, as matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hilevel.engine.types import Array, Namespace
from hilevel.ops.nn.windows import Windows, blocks


def by_group(xp: Namespace, x: Array, groups: int) -> Array:
    """Return all axes but the last as rows, for each group of the last: `(groups, rows, columns)`."""
    return xp.moveaxis(x.reshape((-1, groups, x.shape[-1] // groups)), 1, 0)


def im2col(
    xp: Namespace, x: Array, windows: Windows, groups: int, filters: int
) -> Iterator[tuple[slice, Array]]:
    """Yield the patches as matrices `(groups, windows, window * channels)`, for one block of the batch after
    another.

    Each item is the slice of the batch and its matrix, whose memory is reused for the next. `filters` is the number
    of outputs for each row, which share the cache with it.
    """
    if windows.is_pointwise and groups == 1:
        yield slice(None), x.reshape((1, -1, x.shape[-1]))
        return
    view = _sliding(xp, windows.padded(xp, x), windows, groups)
    rank = len(windows.size)
    places, window = view.shape[2 : 2 + rank], view.shape[2 + rank :]
    narrow = is_narrow(windows, window[-1])
    buffer: Array = None
    row = int(np.prod(window)) * groups + filters
    for block in blocks(x, int(np.prod(places)) * row * x.dtype.itemsize):
        part = view[:, block]
        if narrow:  # windows last, if too few elements are contiguous for fast copies
            part = xp.moveaxis(part, range(1, 2 + rank), range(2 + rank, 3 + 2 * rank))
        if buffer is None or buffer.shape != part.shape:
            buffer = xp.empty(part.shape, x.dtype)
        buffer[...] = part
        columns = int(np.prod(window))
        if narrow:
            yield block, xp.swapaxes(buffer.reshape((groups, columns, -1)), 1, 2)
        else:
            yield block, buffer.reshape((groups, -1, columns))


def is_narrow(windows: Windows, channels: int) -> bool:
    """Whether few elements of a window are contiguous."""
    return channels * (windows.size[-1] if windows.dilation[-1] == 1 else 1) < 16


def _sliding(xp: Namespace, x: Array, windows: Windows, groups: int) -> Array:
    """Return a view of a padded tensor: `(groups, batch, *output_size, *window, channels / groups)`."""
    counts = [
        (n - r) // s + 1
        for n, r, s in zip(x.shape[1:-1], windows.effective_size, windows.strides, strict=True)
    ]
    channels = x.shape[-1] // groups
    first, *along, last = x.strides
    return xp.lib.stride_tricks.as_strided(
        x,
        shape=(groups, x.shape[0], *counts, *windows.size, channels),
        strides=(
            last * channels, first, *(a * s for a, s in zip(along, windows.strides, strict=True)),
            *(a * d for a, d in zip(along, windows.dilation, strict=True)), last,
        ),
    )  # fmt: skip
