"""Bins: positions in sorted values, counts and histograms."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import TracedValueError
from hilevel.ops.numpy.comparison import logical_and
from hilevel.ops.numpy.creation import ones_like
from hilevel.ops.numpy.elementwise import clip
from hilevel.ops.numpy.indexing import scatter_add
from hilevel.ops.numpy.reduction import max, min, sum
from hilevel.ops.numpy.statistics import _is_known


def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Tensor:
    """Where values would have to be inserted to keep a one-dimensional sequence ascending, int32.

    >>> ops.searchsorted([1.0, 3.0, 5.0], [4.0])
    array([2], dtype=int32)
    """
    sequence, values = to_array(sorted_sequence), to_array(values)
    if len(sequence.shape) != 1:
        raise ValueError(f"searchsorted expects one axis; got shape {tuple(sequence.shape)}.")
    less = values[..., None] > sequence if side == "left" else values[..., None] >= sequence
    return sum(less, axis=-1)


def digitize(x: TensorLike, bins: TensorLike) -> Tensor:
    """The index of the bin each element falls into, int32.

    >>> ops.digitize([0.2, 1.5], [0.0, 1.0, 2.0])
    array([1, 2], dtype=int32)
    """
    return searchsorted(bins, x, side="right")


def known_size(x: Tensor, name: str) -> int:
    """One more than the largest element, which a compiled function does not know."""
    x = untraced(to_array(x))
    if not _is_known(x):
        raise TracedValueError(
            f"ops.{name}: inside a compiled function the size of the result must be given."
        )
    numbers = backend_of(x).to_numpy(x)
    return int(numbers.max()) + 1 if numbers.size else 0


def _indices(x: Tensor) -> Tensor:
    """Integers as they are, booleans as int32."""
    x = to_array(x)
    if x.dtype.kind not in "biu":
        raise TypeError(f"bincount: expected integers; got {x.dtype}. Cast x to an integer dtype first.")
    return x.astype(dtypes.INT32) if x.dtype.kind == "b" else x


@composite
def bincount(x: TensorLike, weights: TensorLike = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each non-negative integer occurs, or the sum of the weights where it does, along the last axis.

    The result has at least `minlength` places; inside a compiled function, exactly that many.

    >>> ops.bincount([0, 2, 2])
    array([1, 0, 2], dtype=int32)
    """
    if sparse:
        raise NotImplementedError("bincount(sparse=True): hilevel has no sparse tensors.")
    x = _indices(x)
    size = int(minlength)
    if size == 0 or _is_known(untraced(x)):
        size = builtins.max(size, known_size(x, "bincount"))
    counted = ones_like(x, dtype="int32") if weights is None else to_array(weights)
    rows = [np.arange(n).reshape((-1,) + (1,) * (len(x.shape) - 1 - i)) for i, n in enumerate(x.shape[:-1])]
    return scatter_add(counted, (*rows, untraced(x)), shape=(*x.shape[:-1], size))


@composite
def histogram(x: TensorLike, bins: int = 10, range: Any = None) -> tuple[Tensor, Tensor]:
    """How many elements fall into each of `bins` equal intervals (int32), and the borders of these.

    >>> ops.histogram([0.0, 1.0, 1.0, 4.0], bins=2)
    (array([3, 1], dtype=int32), array([0., 2., 4.], dtype=float32))
    """
    x = to_float_array(x).reshape((-1,))
    low, high = (min(x), max(x)) if range is None else (to_array(v, x.dtype) for v in range)
    edges = low + (high - low) * to_array(np.linspace(0, 1, bins + 1), x.dtype)
    inside = logical_and(x >= low, x <= high)
    place = clip(searchsorted(edges, x, side="right") - 1, 0, bins - 1)
    return scatter_add(inside.astype(dtypes.INT32), untraced(place), shape=(bins,)), edges
