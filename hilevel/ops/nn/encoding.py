"""One-hot and multi-hot encodings of labels."""

from __future__ import annotations

import builtins

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.allowance import claim
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.op import composite, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.settings import settings
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import warn_dense
from hilevel.ops.numpy.indexing import check_indices
from hilevel.ops.numpy.reduction import max as max_


@composite
def one_hot(
    x: TensorLike, num_classes: int, axis: int = -1, dtype: DTypeLike = None, sparse: bool = False
) -> Tensor:
    """Return labels as one-hot vectors along a new axis. The label -1 gives zeros.

    Args:
        x: integers of any shape.
        num_classes: the length of the new axis.
        axis: the position of the new axis.
        dtype: the dtype of the result; floatx by default.
        sparse: only for compatibility with Keras; True gives a warning, and a dense result.

    >>> ops.one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)

    Raises:
        IndexError: a label in the host's memory is outside of `[-1, num_classes)`.
    """
    warn_dense("one_hot", sparse)
    check_indices(x, num_classes, "one_hot", lowest=-1)
    x = to_array(x)
    if dtypes.is_float(x.dtype):
        x = x.astype(dtypes.INT32)
    (place,) = axes_tuple(axis, len(x.shape) + 1)
    claim(4 * num_classes, f"num_classes={num_classes}")
    classes = np.arange(num_classes, dtype=np.int32)
    shape = [1] * (len(x.shape) + 1)
    shape[place] = num_classes
    hit = _expand(x, place) == constant(x, classes.reshape(shape), x.dtype)
    return hit.astype(dtypes.as_dtype(dtype or settings.floatx))


def _expand(x: Tensor, axis: int) -> Tensor:
    return x[(builtins.slice(None),) * axis + (None,)]


@composite
def multi_hot(
    inputs: TensorLike, num_classes: int, axis: int = -1, dtype: DTypeLike = None, sparse: bool = False
) -> Tensor:
    """Return lists of labels as vectors with a one for each label.

    Args:
        inputs: integers of shape `(..., labels)`.
        num_classes: the length of the axis of the classes.
        axis: the position of this axis.
        dtype: the dtype of the result; floatx by default.
        sparse: only for compatibility with Keras; True gives a warning, and a dense result.

    >>> ops.multi_hot([0, 2], 3)
    array([1., 0., 1.], dtype=float32)
    """
    hot = one_hot(inputs, num_classes, axis=axis, dtype=dtype, sparse=sparse)
    rank = len(hot.shape)
    reduce = -2 if axis in (-1, rank - 1) else (0 if rank == 2 else 1)
    return max_(hot, axis=reduce)
