"""Batches of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.dtypes import is_float
from hilevel.engine.ranges import Range
from hilevel.engine.types import DTypeLike, Function
from hilevel.random.functions import permutation
from hilevel.training.data.columns import Column, Rows, as_columns, blocks, check_data, row_bytes, slice_rows
from hilevel.training.data.types import ClassWeight, Data
from hilevel.training.data.unpack import pack_x_y_sample_weight, unpack_x_y_sample_weight
from hilevel.training.data.weights import check_class_weight, class_to_sample_weight


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """Return an uninitialized array whose memory begins at a multiple of 64 bytes.

    >>> from hilevel.training.data.arrays import aligned
    >>> aligned((2, 3), np.float32).ctypes.data % 64
    0
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(np.dtype(dtype)).reshape(shape)


class ArrayBatches:
    """Batches of structures of arrays with a first axis of samples.

    Args:
        x, y, sample_weight: structures of arrays; y and sample_weight may be None.
        batch_size: the number of samples in a batch; the last may have fewer.
        shuffle: whether to shuffle the samples in each epoch.
        seed: the seed of the orders.
        class_weight, output_names, warn_of_unused: as in `class_to_sample_weight`.
        dtype: the dtype of floating-point data.
    """

    def __init__(
        self,
        x: Data,
        y: Data | None = None,
        sample_weight: Data | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        class_weight: ClassWeight | None = None,
        output_names: list[str] | None = None,
        dtype: str = "float32",
        warn_of_unused: bool = False,
    ) -> None:
        x = as_columns(x, dtype, "x")
        y = None if y is None else as_columns(y, dtype, "y")
        weights = None if sample_weight is None else as_columns(sample_weight, dtype, "sample_weight")
        if class_weight is not None:
            table = check_class_weight(class_weight)
            weights = class_to_sample_weight(table, y, weights, output_names, dtype, warn_of_unused)
        self.data = pack_x_y_sample_weight(x, y, weights)
        self.samples = _count(x, y, weights)
        self.batch_size = _positive(batch_size)
        self.steps = -(-self.samples // self.batch_size)
        self.shuffle = shuffle
        self.seed = seed
        self._ranges: list[Range] | None = None

    def _order(self, number: int) -> Any:
        """Return the order of the samples in an epoch, or None for the order of the data."""
        return permutation(self.samples, self.seed, number) if self.shuffle else None

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch from batch `start` on, each `x`, `(x, y)` or `(x, y, sample_weight)`."""
        order = self._order(number)
        leaves = tree.flatten(self.data)
        plain = isinstance(self.data, tuple) and not any(map(tree.is_nested, self.data))
        for first in range(start * self.batch_size, self.samples, self.batch_size):
            rows: Any = slice(first, first + self.batch_size)
            if order is None:
                parts = [None if a is None else a[rows] for a in leaves]
            else:
                rows = order[rows]
                parts = [None if a is None else a.take(rows, axis=0) for a in leaves]
            batch: Any = tuple(parts) if plain else tree.pack_sequence_as(self.data, parts)
            yield batch

    def expect(self, ranges: list[Range]) -> None:
        """Check all data, once for the same ranges."""
        if ranges is not self._ranges:
            check_data(ranges, self.data)
            self._ranges = ranges

    def has_next(self) -> bool:
        """Return True: arrays can be read again."""
        return True

    def bundles(self, number: int, size: int, start: int = 0) -> Iterator[tuple[Any, int]]:
        """Yield the batches of an epoch from batch `start` on, in bundles of `size` stacked batches.

        Each item is a pair of a bundle and the number of its batches. The arrays of a bundle have a first axis of
        `size`; slices after the last batch are not initialized. A smaller last batch is yielded separately, without
        this axis, with the number 0.
        """
        order = self._order(number)
        full = self.samples // self.batch_size * self.batch_size
        for first in range(start * self.batch_size, full, size * self.batch_size):
            stop = min(first + size * self.batch_size, full)
            rows: Any = slice(first, stop) if order is None else order[first:stop]
            bundle = tree.map_structure(lambda a, rows=rows: self._stacked(a, rows, size), self.data)
            yield bundle, (stop - first) // self.batch_size
        if max(full, start * self.batch_size) < self.samples:
            rest: Any = slice(full, None) if order is None else order[full:]
            yield tree.map_structure(lambda a: None if a is None else a[rest], self.data), 0

    def _stacked(self, a: Column | None, rows: Any, size: int) -> Any:
        """Return samples of an array as a bundle of `size` batches, in memory that JAX uses without a copy."""
        if a is None:
            return None
        flat = aligned((size * self.batch_size, *a.shape[1:]), a.dtype)
        if isinstance(rows, slice):
            flat[: rows.stop - rows.start] = a[rows]
        elif isinstance(a, Rows):
            flat[: len(rows)] = a[rows]
        else:
            np.take(a, rows, axis=0, out=flat[: len(rows)], mode="clip")  # "raise" would copy once more
        return flat.reshape((size, self.batch_size, *a.shape[1:]))

    @property
    def batch_bytes(self) -> int:
        """The size of a batch, in bytes."""
        return sum(row_bytes(a) for a in tree.flatten(self.data) if a is not None) * self.batch_size

    def first(self) -> Any:
        """Return the first batch in the order of the data, to infer shapes from."""
        return tree.map_structure(lambda a: None if a is None else a[: self.batch_size], self.data)

    def split(self, fraction: float) -> tuple[Any, Any]:
        """Return the data without a last fraction, and this fraction, each as `(x, y, sample_weight)`.

        Raises:
            ValueError: the fraction is not between 0 and 1, or a part is empty.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"validation_split must be between 0 and 1; got {fraction}.")
        at = int(self.samples * (1 - fraction))
        if at in (0, self.samples):
            raise ValueError(
                f"validation_split={fraction} of {self.samples} samples leaves none for "
                f"{'training' if at == 0 else 'validation'}."
            )
        cut: Function = lambda rows: tree.map_structure(
            lambda a: slice_rows(a, rows), unpack_x_y_sample_weight(self.data)
        )
        return cut(slice(0, at)), cut(slice(at, None))

    def not_finite(self) -> list[str]:
        """Return descriptions of the NaN and infinite elements of the data."""
        return describe_not_finite(self.data)


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
    if not isinstance(column, (np.ndarray, Rows)) or not is_float(column.dtype):
        return 0, 0
    counts = [(int(np.isnan(block).sum()), int(np.isinf(block).sum())) for block in blocks(column)]
    return sum(nan for nan, _ in counts), sum(inf for _, inf in counts)


def _count(x: object, y: object, sample_weight: object) -> int:
    """Return the number of samples of all arrays.

    Raises:
        ValueError: the arrays have different lengths, or no samples.
    """
    sizes: dict[str, int] = {}
    for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        leaves = [leaf for leaf in tree.flatten(part) if leaf is not None]
        for i, leaf in enumerate(leaves):
            sizes[name if len(leaves) == 1 else f"{name}[{i}]"] = leaf.shape[0]
    if not sizes:
        raise ValueError("There are no data: x is None or empty.")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name}: {n}" for name, n in sizes.items())
        raise ValueError(
            f"All arrays must have the same number of samples (the size of their first axis); got {listed}."
        )
    count = next(iter(sizes.values()))
    if count == 0:
        raise ValueError("The data set is empty: its arrays have no samples (first axis of size 0).")
    return count


def _positive(batch_size: object) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")
    return int(batch_size)
