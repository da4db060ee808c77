"""Conversion of objects to tensors, and of tensors to NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.autodiff.tape import TapeTensor, to_host
from hilevel.engine.backends import current_backend
from hilevel.engine.op import op, to_array
from hilevel.engine.spec import like
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import DTypeLike, Namespace, Tensor, TensorLike


def convert_to_tensor(
    x: TensorLike, dtype: DTypeLike = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """Convert a value to an array of the current backend.

    Args:
        x: a number, nested lists, a Variable, or an array of any backend and shape.
        dtype: the dtype of the result; by default the dtype of `x`, and floatx or int32 for Python scalars.
        sparse: whether a sparse tensor stays sparse; for compatibility with Keras, as all values are dense.
        ragged: not supported; only None or False.

    >>> ops.convert_to_tensor([1.0, 2.0])
    array([1., 2.], dtype=float32)

    Raises:
        NotImplementedError: `ragged` is True.
    """
    if ragged:
        raise NotImplementedError("convert_to_tensor: hilevel has no ragged tensors.")
    if sparse is False and getattr(x, "sparse", False) is True:
        x = copy(x)
    y, backend = to_array(x, dtype), current_backend()
    return y if isinstance(y, TensorBase) or backend.is_array(y) else backend.asarray(to_host(y))


def array(x: TensorLike, dtype: DTypeLike = None) -> Tensor:
    """Convert a value to an array of the current backend, as `convert_to_tensor` does.

    Args:
        x: a number, nested lists, a Variable, or an array of any backend and shape.
        dtype: the dtype of the result; by default the dtype of `x`, and floatx or int32 for Python scalars.

    >>> ops.array([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: TensorLike) -> np.ndarray[Any, Any]:
    """Copy a tensor of any backend to a NumPy array.

    Args:
        x: a tensor of any shape.

    >>> ops.convert_to_numpy([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    x = to_array(x)
    return x.numpy() if isinstance(x, TapeTensor) else to_host(x)


@op(shape=like)
def copy(xp: Namespace, x: TensorLike) -> Tensor:
    """Return a copy of the tensor in memory of its own.

    Args:
        x: a tensor of any shape.

    >>> ops.copy([1.0])
    array([1.], dtype=float32)
    """
    return xp.array(x, copy=True)


copy.gradient(lambda xp, g, y, x: g)


def is_tensor(x: TensorLike) -> bool:
    """Whether `x` is an array of the current backend or represents one, such as a Variable.

    Args:
        x: any object. The shape is not considered.

    >>> ops.is_tensor(np.zeros(2)), ops.is_tensor([0.0])
    (True, False)
    """
    return isinstance(x, TensorBase) or current_backend().is_array(x)


def dtype(x: TensorLike) -> str:
    """Return the name of the tensor's dtype.

    Args:
        x: a tensor of any shape.

    >>> ops.dtype([1.0])
    'float32'
    """
    return str(np.dtype(to_array(x).dtype).name)
