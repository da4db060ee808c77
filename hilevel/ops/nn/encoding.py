"""One-hot and multi-hot encodings of labels."""

from __future__ import annotations

import builtins

import numpy as np

from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import constant
from hilevel.engine.op import composite, to_array
from hilevel.engine.settings import settings
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.ops.numpy.indexing import check_indices
from hilevel.ops.numpy.reduction import max as max_


@composite
def one_hot(
    x: TensorLike, num_classes: int, axis: int = -1, dtype: DTypeLike = None, sparse: bool = False
) -> Tensor:
    """Integers as vectors of zeros with a one in their place, along a new axis. -1 is all zeros.

    >>> ops.one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)

    Raises:
        IndexError: a number is not below `num_classes`, where the numbers are in the host's memory.
    """
    if sparse:
        raise NotImplementedError("one_hot(sparse=True): hilevel has no sparse tensors.")
    check_indices(x, num_classes, "one_hot", lowest=-1)
    x = to_array(x)
    if dtypes.is_float(x.dtype):
        x = x.astype(dtypes.INT32)
    place = axis % (len(x.shape) + 1)
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
    """Lists of integers as vectors with a one in the place of each.

    >>> ops.multi_hot([0, 2], 3)
    array([1., 0., 1.], dtype=float32)
    """
    hot = one_hot(inputs, num_classes, axis=axis, dtype=dtype, sparse=sparse)
    rank = len(hot.shape)
    reduce = -2 if axis in (-1, rank - 1) else (0 if rank == 2 else 1)
    return max_(hot, axis=reduce)
