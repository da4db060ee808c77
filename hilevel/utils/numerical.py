"""Preparing arrays on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import ops, tree
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.settings import settings
from hilevel.ops.numpy.indexing import check_indices
from hilevel.random.functions import permutation
from hilevel.random.seed import make_seed


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Integers as one-hot vectors along a new last axis, which takes the place of one of length 1.

    >>> import hilevel
    >>> hilevel.utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)

    Raises:
        IndexError: a number is negative, or not below `num_classes`.
    """
    labels = np.asarray(ops.convert_to_numpy(x)).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(labels.max()) + 1 if num_classes is None else num_classes
    check_indices(labels, count, "to_categorical", lowest=0)
    return np.eye(count, dtype=settings.floatx_dtype)[labels]


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """An array divided by its norm along an axis; zeros stay zeros.

    >>> import hilevel
    >>> hilevel.utils.normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    if isinstance(x, np.ndarray):
        size = np.atleast_1d(np.linalg.norm(x, order, axis))
        return x / np.expand_dims(np.where(size == 0, 1, size), axis)
    return ops.normalize(x, axis=axis, order=order)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray[Any, Any]:
    """Sequences of different lengths as one array, filled up or cut to one length.

    Args:
        sequences: lists of numbers, or of arrays of one shape.
        maxlen: the length; that of the longest by default.
        dtype: the dtype of the array.
        padding: `"pre"` or `"post"`: where it is filled up.
        truncating: `"pre"` or `"post"`: where it is cut.
        value: what it is filled with.

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
    """Arrays, or structures of them, cut in two along their first axis.

    Args:
        dataset: an array, or a tuple, list or dict of arrays.
        left_size, right_size: numbers of samples, or shares between 0 and 1; one may be left out.
        shuffle: whether the samples are put into random order first.
        seed: makes that order the same in every run.
        preferred_backend: without meaning: the results are NumPy arrays.

    >>> import hilevel
    >>> left, right = hilevel.utils.split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), len(right)
    (8, 2)

    Raises:
        ValueError: no size is given, or they do not fit.
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


def is_keras_tensor(x: Any) -> bool:
    """Whether it is a symbolic tensor, as `Input` gives.

    >>> import hilevel
    >>> hilevel.utils.is_keras_tensor(hilevel.Input((2,)))
    True
    """
    return isinstance(x, SymbolicTensor)
