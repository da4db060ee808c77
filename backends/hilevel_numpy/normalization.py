"""Normalisation of each channel with its statistics over all else, on all cores.

Arrays are read in blocks that stay in the cache. What there is for each channel is written out to the length of a
block, so that NumPy's inner loops are long. Sums of blocks are added up in float64, in their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.ops.nn import _standardize as plain
from hilevel.protocol import Override
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 17
"""Numbers in a block."""
_FAR = 100
"""How many times the variance the square of a mean is that disturbs it."""


class _Blocks:
    """The numbers of an array in flat memory, in blocks of whole lines of channels."""

    def __init__(self, x: Array) -> None:
        self.channels = x.shape[-1]
        self.count = x.size // self.channels
        self.length = min(max(1, _BLOCK // self.channels), self.count)
        step = self.length * self.channels
        self.parts = [slice(i, i + step) for i in range(0, x.size, step)]
        self.ones = np.ones(self.length, x.dtype)

    def written_out(self, numbers: Array) -> Array:
        """What there is for each channel, for each line of a block."""
        return np.tile(numbers.astype(self.ones.dtype), self.length)

    def sums(self, block: Array) -> Array:
        """Of each channel of a block. As a product: NumPy's own sum over the first axis takes four times as long."""
        lines = block.reshape(-1, self.channels)
        return np.matmul(self.ones[: len(lines)], lines)

    def means(self, function: Any) -> Array:
        """The mean, over all lines, of what the function says are sums of a block, in float64."""
        return np.sum(parallel(function, self.parts), axis=0, dtype=np.float64) / self.count


def _is_other(x: Array, axes: tuple[int, ...]) -> bool:
    """Whether this is left to the shared form: statistics over other axes than all but the last, or of nothing."""
    return axes != tuple(range(x.ndim - 1)) or x.size == 0 or x.dtype.char not in "fd"


def standardize(xp: Any, x: Array, axes: tuple[int, ...], epsilon: float) -> Any:
    """The normalised numbers, the means and the variances."""
    if _is_other(x, axes):
        return plain.value(xp, x, axes, epsilon)
    flat, blocks = x.reshape(-1), _Blocks(x)
    mean, variance = _moments(flat, blocks)
    mean_out, rstd_out = blocks.written_out(mean), blocks.written_out(1 / np.sqrt(variance + epsilon))
    y = np.empty(x.size, x.dtype)

    def normalise(part: slice) -> None:
        out = y[part]
        np.subtract(flat[part], mean_out[: out.size], out=out)
        np.multiply(out, rstd_out[: out.size], out=out)

    parallel(normalise, blocks.parts)
    return y.reshape(x.shape), mean.astype(x.dtype), variance.astype(x.dtype)


def _moments(flat: Array, blocks: _Blocks) -> tuple[Array, Array]:
    """Means and variances, in one reading: around the means of the first block. Where these turn out to be too far away
    for that, it is done again around the right ones."""
    near = blocks.sums(flat[blocks.parts[0]]) / blocks.length
    mean, variance = _moments_around(near, flat, blocks)
    if ((mean - near) ** 2 > _FAR * variance).any():
        return _moments_around(mean, flat, blocks)
    return mean, variance


def _moments_around(near: Array, flat: Array, blocks: _Blocks) -> tuple[Array, Array]:
    near_out = blocks.written_out(near)

    def sums(part: slice) -> tuple[Array, Array]:
        rest = scratch("rest", flat[part].shape, flat.dtype)
        np.subtract(flat[part], near_out[: rest.size], out=rest)
        first = blocks.sums(rest)
        np.multiply(rest, rest, out=rest)
        return first, blocks.sums(rest)

    shift, square = blocks.means(sums)
    return near_out[: blocks.channels] + shift, np.maximum(square - shift * shift, 0)


def standardize_gradient(xp: Any, g: Any, y: Any, x: Array, axes: tuple[int, ...], epsilon: float) -> Any:
    """As the shared rule: the sum of the gradient, of the normalised numbers and of a constant, each times a number for
    each channel."""
    normal, _, variance = y
    rstd = 1 / np.sqrt(variance + epsilon)
    if _is_other(x, axes):
        residuals = rstd.reshape([1 if i in axes else n for i, n in enumerate(x.shape)])
        rule: Any = plain.rule
        return rule(xp, g, y, x, axes=axes, epsilon=epsilon, residuals=residuals)
    gy, normal, blocks = g[0].reshape(-1), normal.reshape(-1), _Blocks(x)

    def moments(part: slice) -> tuple[Array, Array]:
        block = gy[part]
        product = np.multiply(block, normal[part], out=scratch("rest", block.shape, x.dtype))
        return blocks.sums(block), blocks.sums(product)

    total, projected = blocks.means(moments)
    by_g = blocks.written_out(rstd)
    by_normal = blocks.written_out(2 * g[2] / (rstd * blocks.count) - rstd * projected)
    constant = blocks.written_out(g[1] / blocks.count - rstd * total)
    out = np.empty(x.size, x.dtype)

    def combine(part: slice) -> None:
        block = out[part]
        np.multiply(normal[part], by_normal[: block.size], out=block)
        block += constant[: block.size]
        block += np.multiply(gy[part], by_g[: block.size], out=scratch("rest", block.shape, x.dtype))

    parallel(combine, blocks.parts)
    return out.reshape(x.shape)


OVERRIDES = {"standardize": Override(standardize, standardize_gradient)}
