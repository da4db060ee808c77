"""Batches of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.ranges import Range
from hilevel.engine.types import DTypeLike, Function
from hilevel.errors import warn
from hilevel.random.functions import permutation
from hilevel.training.data.batches import Batches
from hilevel.training.data.columns import (
    as_columns,
    check_data,
    describe_not_finite,
    row_bytes,
    slice_rows,
)
from hilevel.training.data.order import WINDOW_BYTES, Blocks, InOrder, Shuffled, Windowed
from hilevel.training.data.read_ahead import ReadAhead
from hilevel.training.data.rows import Rows
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


LARGE_BATCH = 2**18
"""The size of a batch, in bytes, above which the next batch may be read ahead. Smaller ones take microseconds."""


class ArrayBatches(Batches):
    """Batches of structures of arrays with a first axis of samples.

    Args:
        x, y, sample_weight: structures of arrays; y and sample_weight may be None.
        batch_size: the number of samples in a batch; the last may have fewer.
        shuffle: whether to shuffle the samples in each epoch; `"batch"` shuffles blocks, and samples in windows of
            blocks.
        seed: the seed of the orders.
        class_weight, output_names, warn_of_unused: as in `class_to_sample_weight`.
        dtype: the dtype of floating-point data.
    """

    kind = "arrays"
    steps: int

    def __init__(
        self,
        x: Data,
        y: Data | None = None,
        sample_weight: Data | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool | str = False,
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
        self.shuffle = check_shuffle(shuffle)
        self.seed = seed
        self._ranges = None
        self._opened: tuple[int, InOrder] | None = None
        self._ahead: ReadAhead | None = None

    def _reader(self, number: int) -> InOrder:
        """Return the samples in the order of an epoch. The reader of the same epoch is used again."""
        if self._opened is None or self._opened[0] != number:
            if self._opened is not None:
                self._opened[1].close()
            self._opened = number, self._open(number)
        return self._opened[1]

    def _open(self, number: int) -> InOrder:
        leaves = tree.flatten(self.data)
        if self.shuffle is True:
            return Shuffled(leaves, permutation(self.samples, self.seed, number))
        if self.shuffle or self.reads_files:
            windows = Blocks.of(leaves).windows(self.seed, number, bool(self.shuffle))
            return Windowed(leaves, windows)
        return InOrder(leaves)

    @property
    def reads_files(self) -> bool:
        """True if samples are read from memory-mapped files or stores."""
        return any(isinstance(a, Rows) and not a.is_sparse for a in tree.flatten(self.data))

    def warn_of_slow_order(self) -> None:
        """Warn if files are read sample by sample in a random order, and do not fit into a window."""
        if self.shuffle is True and self.reads_files and self.steps * self.batch_bytes > WINDOW_BYTES:
            warn(
                'The data are read from files one sample at a time, in a random order. shuffle="batch" shuffles blocks '
                "of samples, and reads files that do not fit into memory many times as fast."
            )

    def close(self) -> None:
        """End the threads that read ahead."""
        for reader in (self._ahead, self._opened and self._opened[1]):
            if reader is not None:
                reader.close()
        self._ahead = self._opened = None

    def epoch(self, number: int, start: int = 0, steps: int | None = None) -> Iterator[Any]:
        """Yield the batches of an epoch from batch `start` on, each `x`, `(x, y)` or `(x, y, sample_weight)`."""
        plain = isinstance(self.data, tuple) and not any(map(tree.is_nested, self.data))
        pack: Function = tuple if plain else partial(tree.pack_sequence_as, self.data)
        last = self.steps if steps is None else min(self.steps, start + steps)
        batches = self._parts(number, start, last)
        if self._ahead is not None:
            self._ahead.close()
        if self.batch_bytes > LARGE_BATCH:
            self._ahead = ReadAhead(batches)
            batches = iter(self._ahead)
        for i, parts in enumerate(batches, start + 1):
            self.given = number, i
            yield pack(parts)

    def _parts(self, number: int, start: int, last: int) -> Iterator[list[Any]]:
        """Yield the leaves of the batches from `start` to `last`."""
        reader = self._reader(number)
        for first in range(start * self.batch_size, last * self.batch_size, self.batch_size):
            yield reader.read(first, min(first + self.batch_size, self.samples))

    def expect(self, ranges: list[Range]) -> None:
        """Check all data, once for the same ranges."""
        if ranges is not self._ranges:
            check_data(ranges, self.data)
            self._ranges = ranges

    def bundles(self, number: int, size: int, start: int = 0) -> Iterator[tuple[Any, int]]:
        """Yield the batches of an epoch from batch `start` on, in bundles of `size` stacked batches.

        Each item is a pair of a bundle and the number of its batches. The arrays of a bundle have a first axis of
        `size`; slices after the last batch are not initialized. A smaller last batch is yielded separately, without
        this axis, with the number 0.
        """
        reader, size_of_bundle = self._reader(number), size * self.batch_size
        full = self.samples // self.batch_size * self.batch_size
        for first in range(start * self.batch_size, full, size_of_bundle):
            stop = min(first + size_of_bundle, full)
            flat = [
                None if a is None else aligned((size_of_bundle, *a.shape[1:]), a.dtype) for a in reader.leaves
            ]
            reader.fill(first, stop, [None if a is None else a[: stop - first] for a in flat])
            bundle = [None if a is None else a.reshape((size, self.batch_size, *a.shape[1:])) for a in flat]
            self.given = number, stop // self.batch_size
            yield tree.pack_sequence_as(self.data, bundle), (stop - first) // self.batch_size
        if max(full, start * self.batch_size) < self.samples:
            self.given = number, self.steps
            yield tree.pack_sequence_as(self.data, reader.read(full, self.samples)), 0

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


def check_shuffle(shuffle: object) -> bool | str:
    """Return the argument `shuffle` of `fit`.

    Raises:
        ValueError: it is neither a bool nor `"batch"`.
    """
    if shuffle == "batch" or isinstance(shuffle, (bool, int, np.bool_, type(None))):
        return "batch" if isinstance(shuffle, str) else bool(shuffle)
    raise ValueError(f'shuffle must be True, False or "batch"; got {shuffle!r}.')


def _positive(batch_size: object) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")
    return int(batch_size)
