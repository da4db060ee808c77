"""Preparation of arrays on the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hilevel import ops, tree
from hilevel.engine.backends import current_backend
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.settings import settings
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.ops.numpy.indexing import check_indices
from hilevel.random.functions import permutation
from hilevel.random.seed import make_seed


def to_categorical(x: TensorLike, num_classes: int | None = None) -> Any:
    """Return labels as one-hot vectors along a new last axis, which replaces a last axis of length 1.

    Args:
        x: integer labels of any shape. A tensor on a device gives a tensor, with zeros for an invalid label.
        num_classes: the length of the new axis; by default the largest label plus 1.

    >>> import hilevel
    >>> hilevel.utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)

    Raises:
        IndexError: a label is negative, or not below `num_classes`.
    """
    if not isinstance(x, np.ndarray) and (isinstance(x, TensorBase) or current_backend().is_array(x)):
        return _one_hot(x, num_classes)
    labels = np.asarray(ops.convert_to_numpy(x)).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(labels.max()) + 1 if num_classes is None else num_classes
    check_indices(labels, count, "to_categorical", lowest=0)
    return np.eye(count, dtype=settings.floatx_dtype)[labels]


def _one_hot(labels: Tensor, num_classes: int | None) -> Tensor:
    if len(labels.shape) > 1 and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)
    count = int(ops.max(labels)) + 1 if num_classes is None else num_classes
    return ops.one_hot(ops.cast(labels, "int32"), count, dtype=settings.floatx)


def normalize(x: TensorLike, axis: int = -1, order: int = 2) -> Any:
    """Return an array divided by its norm along an axis; a norm of 0 leaves zeros.

    Args:
        x: an array.
        axis: the axis of the vectors.
        order: the order of the norm.

    >>> import hilevel
    >>> hilevel.utils.normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    if isinstance(x, np.ndarray):
        size = np.atleast_1d(np.linalg.norm(x, order, axis))
        return x / np.expand_dims(np.where(size == 0, 1, size), axis)
    return ops.normalize(x, axis=axis, order=order)


def pad_sequences(
    sequences: Iterable[TensorLike],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> np.ndarray[Any, Any]:
    """Return sequences of different lengths as one array, padded or truncated to one length.

    Args:
        sequences: lists of scalars, or of arrays of one shape.
        maxlen: the length; by default the length of the longest sequence.
        dtype: the dtype of the array.
        padding: `"pre"` or `"post"`, the side of the padding.
        truncating: `"pre"` or `"post"`, the side on which longer sequences are truncated.
        value: the value of the padding.

    Raises:
        ValueError: `padding` or `truncating` is neither.

    >>> import hilevel
    >>> hilevel.utils.pad_sequences([[1], [2, 3]])
    array([[0, 1],
           [2, 3]], dtype=int32)
    """
    for name, where in (("padding", padding), ("truncating", truncating)):
        if where not in ("pre", "post"):
            raise ValueError(f'pad_sequences: {name} must be "pre" or "post"; got {where!r}.')
    arrays = [np.asarray(s) for s in sequences]
    length = max((len(a) for a in arrays), default=0) if maxlen is None else maxlen
    rest = next((a.shape[1:] for a in arrays if len(a)), ())
    out = np.full((len(arrays), length, *rest), value, dtype=dtype)
    for row, a in zip(out, arrays, strict=True):
        a = a[max(0, len(a) - length) :] if truncating == "pre" else a[:length]
        if len(a):
            row[slice(length - len(a), None) if padding == "pre" else slice(0, len(a))] = a
    return out


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Return two parts of an array, or of a structure of arrays, split along the first axis.

    Args:
        dataset: an array, or a tuple, list or dict of arrays.
        left_size, right_size: numbers of samples (int), or fractions between 0 and 1 (float). One may be None.
        shuffle: whether to shuffle the samples first.
        seed: the seed of the order; None for another order in each run.
        preferred_backend: ignored; the results are NumPy arrays.

    >>> import hilevel
    >>> left, right = hilevel.utils.split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), len(right)
    (8, 2)

    Raises:
        ValueError: no size is given, or the sizes do not fit.
    """
    arrays = tree.map_structure(np.asarray, dataset)
    n = len(tree.flatten(arrays)[0])
    sizes = [
        None if s is None else int(s * n) if isinstance(s, float) else s for s in (left_size, right_size)
    ]
    left, right = sizes
    if left is None and right is None:
        raise ValueError("split_dataset needs left_size or right_size.")
    left = n - right if left is None and right is not None else left
    right = n - left if right is None and left is not None else right
    if left is None or right is None or left < 0 or right < 0 or left + right > n:
        raise ValueError(f"split_dataset: {left_size} and {right_size} do not fit {n} samples.")
    order = permutation(n, make_seed() if seed is None else seed, 0) if shuffle else np.arange(n)
    first, second = order[:left], order[left : left + right]
    return (
        tree.map_structure(lambda a: a[first], arrays),
        tree.map_structure(lambda a: a[second], arrays),
    )


def is_keras_tensor(x: object) -> bool:
    """Whether the object is a symbolic tensor, as `Input` returns it.

    Args:
        x: any object.

    >>> import hilevel
    >>> hilevel.utils.is_keras_tensor(hilevel.Input((2,)))
    True
    """
    return isinstance(x, SymbolicTensor)
