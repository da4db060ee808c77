"""The largest elements along the last axis."""

from __future__ import annotations

from hilevel.engine import dtypes
from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Tensor, TensorLike
from hilevel.ops.numpy.comparison import isnan, logical_and
from hilevel.ops.numpy.elementwise import clip, where
from hilevel.ops.numpy.indexing import take_along_axis
from hilevel.ops.numpy.reduction import argsort


@composite
def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """Return the `k` largest elements of the last axis, the largest first, and their indices (int32). NaN is the
    largest.

    Args:
        x: a tensor of shape `(..., n)`.
        k: the number of elements.
        sorted: ignored; the result is always sorted.

    >>> ops.top_k([1.0, 5.0, 3.0], 2)
    (array([5., 3.], dtype=float32), array([1, 2], dtype=int32))
    """
    x = to_array(x)
    n = x.shape[-1]
    indices = (n - 1) - argsort(x[..., ::-1])[..., ::-1][..., :k]
    return take_along_axis(x, indices, axis=-1), indices


@top_k.shape
def _(x: TensorLike, k: int, sorted: bool = True) -> tuple[TensorSpec, TensorSpec]:
    x = to_array(x)
    shape = (*x.shape[:-1], k)
    return TensorSpec(shape, x.dtype), TensorSpec(shape, dtypes.INT32)


@composite
def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> Tensor:
    """Return whether the score of the target is among the `k` largest of its row, of shape `(batch,)`.

    Of equal scores, the target's counts as the larger. NaN is the smallest. A target that is not a class gives
    False.

    Args:
        targets: integers of shape `(batch,)`.
        predictions: scores of shape `(batch, classes)`.
        k: the number of largest scores.

    >>> ops.in_top_k([2], [[0.1, 0.5, 0.4]], k=2)
    array([ True])
    """
    targets, predictions = to_array(targets), to_array(predictions)
    n = predictions.shape[-1]
    own = take_along_axis(predictions, clip(targets, -n, n - 1)[..., None].astype(dtypes.INT32), axis=-1)
    if dtypes.is_float(own.dtype):
        own = where(isnan(own), float("-inf"), own)
    among = (predictions > own).astype(dtypes.INT32).sum(axis=-1) < k
    return logical_and(among, targets < n)
