"""Columns: the leaves of the data as arrays, or as rows that are read on demand, in the dtype of the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from hilevel import tree
from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.interpreter import backend_of
from hilevel.engine.ranges import Range, check_ranges
from hilevel.training.data.libraries import (
    TABLES,
    has_extension_dtypes,
    huggingface_columns,
    is_a,
    read_table,
    to_numpy,
)
from hilevel.training.data.rows import Rows, is_mapped, is_store
from hilevel.training.data.unpack import unpack_x_y_sample_weight

BLOCK_BYTES = 16 * 2**20
"""The size of the blocks in which a column is read, in bytes."""


Column: TypeAlias = np.ndarray[Any, Any] | Rows
"""A leaf of the data: an array, or rows that are read on demand."""


def as_columns(structure: object, dtype: str, what: str) -> Any:
    """Return the structure with its leaves as columns, floats in `dtype`. Nested lists of scalars are one array.

    Raises:
        TypeError: a leaf is not numeric.
        ValueError: a leaf has no axis of samples, or masked elements.
    """
    if isinstance(structure, (list, tuple)) and not any(
        _is_array(v) or isinstance(v, dict) for v in structure
    ):
        structure = np.asarray(structure)
    structure = huggingface_columns(structure)
    return tree.map_structure(lambda leaf: _as_column(leaf, dtype, what), structure)


def slice_rows(column: Column | None, rows: slice) -> Column | None:
    """Return some rows of a column, as a column."""
    if column is None:
        return None
    return column.part(rows) if isinstance(column, Rows) else column[rows]


def blocks(column: Column) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the rows of a column in blocks of up to 16 MB."""
    size = max(1, BLOCK_BYTES // max(row_bytes(column), 1))
    for start in range(0, column.shape[0], size):
        yield column[start : start + size]


def named_leaves(data: object) -> list[tuple[str, Callable[[], Iterable[Any]]]]:
    """Return the leaves of a batch, or of the whole data, each as its name and a function that yields its blocks.

    >>> from hilevel.training.data.columns import named_leaves
    >>> [name for name, _ in named_leaves((np.zeros(3), {"a": np.zeros(3), "b": np.zeros(3)}))]
    ['x', "y['a']", "y['b']"]
    """
    names = [
        prefix + "".join(f"[{key!r}]" for key in path)
        for prefix, value in zip(("x", "y", "sample_weight"), unpack_x_y_sample_weight(data), strict=True)
        for path, _ in tree.flatten_with_path(value)
    ]
    leaves = tree.flatten(data)
    return [(name, partial(_blocks_of, leaf)) for name, leaf in zip(names, leaves, strict=False)]


def check_data(ranges: list[Range], data: object) -> None:
    """Raise OutOfRangeError if an element of a batch, or of the whole data, is outside the range of its leaf."""
    if ranges:
        check_ranges(ranges, named_leaves(data))


def _blocks_of(leaf: Any) -> Iterable[Any]:
    return blocks(leaf) if hasattr(leaf, "shape") and leaf.shape else ()


def row_bytes(column: Column) -> int:
    """Return the size of a row, in bytes."""
    return math.prod(column.shape[1:]) * column.dtype.itemsize


def _is_array(x: object) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_is_array, x))
    return hasattr(x, "shape") or hasattr(x, "__array__")


def _as_column(leaf: Any, dtype: str, what: str) -> Any:
    if leaf is None or isinstance(leaf, Rows):
        return leaf
    if leaf.__class__ is np.ndarray and leaf.dtype == dtype and leaf.ndim and not is_mapped(leaf):
        return leaf
    if hasattr(leaf, "tocsr"):
        return Rows(leaf.tocsr(), _target(leaf.dtype, dtype))
    leaf = huggingface_columns(leaf)
    array = leaf if is_store(leaf) else _read(leaf, what)
    if array.dtype == object and array.size and array.flat[0] is None:
        raise ValueError(
            f"{what}: expected an array for each input; got None, but the input is not optional."
        )
    if not dtypes.is_numeric(array.dtype):
        raise TypeError(
            f"{what}: expected numeric values, got an array of dtype {array.dtype}. Encode text or dates "
            "first."
        )
    if not array.shape:
        raise ValueError(f"{what}: expected an array with a first axis of samples; got a scalar.")
    target = _target(array.dtype, dtype)
    if is_store(array) or is_mapped(array):
        return Rows(array, target)
    return array.astype(target, copy=False)


def _target(dtype: np.dtype[Any], floats: str) -> np.dtype[Any]:
    """Return the dtype for data: `floats` for floating-point data, else the same in native byte order."""
    if dtypes.is_float(dtype):
        return np.dtype(floats)
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def _read(leaf: Any, what: str) -> np.ndarray[Any, Any]:
    """Return a leaf as a NumPy array."""
    if np.ma.isMaskedArray(leaf):
        return _unmasked(leaf, what)
    if not isinstance(leaf, np.ndarray) and backend_of(leaf).is_array(leaf):
        return to_host(leaf)
    if is_a(leaf, *TABLES) and (has_extension_dtypes(leaf) or np.asarray(leaf).dtype == object):
        return read_table(leaf, what)
    return np.asarray(to_numpy(leaf))


def _unmasked(leaf: Any, what: str) -> np.ndarray[Any, Any]:
    hidden = int(np.ma.getmaskarray(leaf).sum())
    if hidden:
        raise ValueError(
            f"{what} is a masked array in which {hidden} of {leaf.size} elements are masked; a model would be "
            "trained on the values under the mask. Replace them (numpy.ma.filled), drop their samples, or give "
            "them a sample_weight of 0."
        )
    return np.asarray(leaf.data)


def describe_not_finite(data: object) -> list[str]:
    """Return descriptions of the NaN and infinite elements of a batch, or of the whole data."""
    found = []
    for name, value in zip(("x", "y", "sample_weight"), unpack_x_y_sample_weight(data), strict=True):
        for leaf in tree.flatten(value):
            nan, inf = _count_not_finite(leaf)
            if nan or inf:
                found.append(f"{name} holds {nan} NaN and {inf} infinite values")
    return found


def _count_not_finite(column: object) -> tuple[int, int]:
    if not isinstance(column, (np.ndarray, Rows)) or not dtypes.is_float(column.dtype):
        return 0, 0
    counts = [(int(np.isnan(block).sum()), int(np.isinf(block).sum())) for block in blocks(column)]
    return sum(nan for nan, _ in counts), sum(inf for _, inf in counts)
