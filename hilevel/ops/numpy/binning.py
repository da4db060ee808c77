"""Bins: positions in sorted values, counts and histograms."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.allowance import claim
from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError, TracedValueError, warn_dense
from hilevel.ops.numpy.comparison import logical_and
from hilevel.ops.numpy.creation import ones_like
from hilevel.ops.numpy.elementwise import clip
from hilevel.ops.numpy.indexing import scatter_add
from hilevel.ops.numpy.reduction import max, min, sum
from hilevel.ops.numpy.statistics import is_concrete


def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Tensor:
    """Return the positions, int32, at which values would be inserted to keep a sequence sorted.

    Args:
        sorted_sequence: ascending values, of shape `(n,)`.
        values: a tensor of any shape.
        side: `"left"` for the position before equal elements, `"right"` for the position after them.

    >>> ops.searchsorted([1.0, 3.0, 5.0], [4.0])
    array([2], dtype=int32)

    Raises:
        ValueError: the sequence has more or fewer axes than one.
    """
    sequence, values = to_array(sorted_sequence), to_array(values)
    if len(sequence.shape) != 1:
        raise ValueError(f"searchsorted expects one axis; got shape {tuple(sequence.shape)}.")
    less = values[..., None] > sequence if side == "left" else values[..., None] >= sequence
    return sum(less, axis=-1)


def digitize(x: TensorLike, bins: TensorLike) -> Tensor:
    """Return the index of the bin of each element, int32.

    Args:
        x: a tensor of any shape.
        bins: the ascending edges of the bins, of shape `(n,)`.

    >>> ops.digitize([0.2, 1.5], [0.0, 1.0, 2.0])
    array([1, 2], dtype=int32)
    """
    return searchsorted(bins, x, side="right")


def known_size(x: Tensor, name: str) -> int:
    """Return the largest element plus one, of a tensor of indices.

    Raises:
        TracedValueError: inside a compiled function, where the values are unknown.
    """
    x = untraced(to_array(x))
    if not is_concrete(x):
        raise TracedValueError(
            f"ops.{name}: inside a compiled function the size of the result must be passed."
        )
    values = backend_of(x).to_numpy(x)
    return int(values.max()) + 1 if values.size else 0


def _indices(x: Tensor) -> Tensor:
    """Return integers unchanged, and booleans as int32."""
    x = to_array(x)
    if x.dtype.kind not in "biu":
        raise TypeError(f"bincount: expected integers; got {x.dtype}. Cast x to an integer dtype first.")
    return x.astype(dtypes.INT32) if x.dtype.kind == "b" else x


@composite
def bincount(
    x: TensorLike, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False
) -> Tensor:
    """Count each non-negative integer along the last axis, or sum the weights at its positions.

    The result has the last axis `max(x) + 1`, at least `minlength`. Inside a compiled function it is exactly
    `minlength`.

    Args:
        x: integers or booleans, of shape `(..., n)`.
        weights: a tensor of the same shape.
        minlength: the smallest length of the result.
        sparse: only for compatibility with Keras; True gives a warning, and a dense result.

    >>> ops.bincount([0, 2, 2])
    array([1, 0, 2], dtype=int32)

    Raises:
        TypeError: `x` is not of an integer or boolean dtype.
    """
    warn_dense("bincount", sparse)
    x = _indices(x)
    size = int(minlength)
    if size == 0 or is_concrete(untraced(x)):
        size = builtins.max(size, known_size(x, "bincount"))
    counted = ones_like(x, dtype="int32") if weights is None else to_array(weights)
    rows = [np.arange(n).reshape((-1,) + (1,) * (len(x.shape) - 1 - i)) for i, n in enumerate(x.shape[:-1])]
    return scatter_add(counted, (*rows, untraced(x)), shape=(*x.shape[:-1], size))


@composite
def histogram(
    x: TensorLike, bins: int = 10, range: Sequence[TensorLike] | None = None
) -> tuple[Tensor, Tensor]:
    """Count the elements in `bins` equal intervals. Return the counts, int32, and the `bins + 1` edges.

    Args:
        x: a tensor of shape `(n,)`.
        bins: the number of intervals.
        range: the pair of the lowest and the highest edge; the extremes of `x` by default.

    >>> ops.histogram([0.0, 1.0, 1.0, 4.0], bins=2)
    (array([3, 1], dtype=int32), array([0., 2., 4.], dtype=float32))

    Raises:
        ShapeError: the tensor has more or fewer axes than one.
    """
    x = to_float_array(x)
    if len(x.shape) != 1:
        raise ShapeError(f"histogram expects one axis; got shape {tuple(x.shape)}. Pass ops.ravel(x).")
    low, high = (min(x), max(x)) if range is None else (to_array(v, x.dtype) for v in range)
    claim(8 * bins, f"bins={bins}")
    edges = low + (high - low) * to_array(np.linspace(0, 1, bins + 1), x.dtype)
    inside = logical_and(x >= low, x <= high)
    index = clip(searchsorted(edges, x, side="right") - 1, 0, bins - 1)
    return scatter_add(inside.astype(dtypes.INT32), untraced(index), shape=(bins,)), edges
