"""Batches of data sets: of objects with batches, or with samples, by index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice, repeat, starmap
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.types import Function
from hilevel.random.functions import permutation
from hilevel.random.reading import Reading
from hilevel.training.data.batches import Batches
from hilevel.training.data.columns import check_data
from hilevel.training.data.libraries import to_numpy
from hilevel.training.data.read_ahead import ReadAhead
from hilevel.training.data.workers import WorkerPool


class DatasetBatches(Batches):
    """The batches of a `PyDataset`, or of another object with `__getitem__`.

    Args:
        source: the data set.
        shuffle: whether the batches have a new order in each epoch.
        seed: the seed of the orders.
        convert: a function that converts a batch.

    Raises:
        ValueError: there is no batch.
    """

    def __init__(self, source: Any, shuffle: bool, seed: int, convert: Function) -> None:
        self.source, self.shuffle, self.seed, self._convert = source, shuffle, seed, convert
        self.steps = self._count()
        if self.steps == 0:
            raise ValueError("The data set is empty: its length is 0.")
        self._ahead: ReadAhead | None = None
        self._pool = WorkerPool.of(source)

    def _count(self) -> int | None:
        """Return the number of batches; None if it is unknown, or larger than any data set (repeated in Grain)."""
        n = self.source.num_batches if hasattr(self.source, "num_batches") else len(self.source)
        return None if n is None or n > 2**60 else int(n)

    def _order(self, number: int) -> Iterable[Any]:
        """Return the order of the batches in an epoch."""
        n = self._count()
        if n is None:
            return count()
        return permutation(n, self.seed, number).tolist() if self.shuffle else range(n)

    def first(self) -> Any:
        """Return batch 0."""
        return self._load((0, 0), 0)

    def _load(self, place: tuple[int, int], index: Any) -> Any:
        """Return the batch of an index, at a place: the epoch, and the number of batches before it."""
        with Reading(self.seed, *place).scope():
            return self._convert(self._make(index))

    def _make(self, index: Any) -> Any:
        try:
            return self.source[index]
        except Exception as error:
            error.add_note(f"{type(self.source).__name__}.__getitem__ raised this error for batch {index}.")
            raise

    def epoch(self, number: int, start: int = 0, steps: int | None = None) -> Iterator[Any]:
        """Yield the batches from `start` on, in an order for the epoch if they are shuffled."""
        self._notify("on_epoch_begin")
        stop = None if steps is None else start + steps
        places = zip(repeat(number), count())
        items = islice(zip(places, self._order(number), strict=False), start, stop)
        for index, batch in enumerate(self._read(items), start + 1):
            check_data(self._ranges, batch)
            self._last, self.given = batch, (number, index)
            yield batch
        self._notify("on_epoch_end")

    def _read(self, items: Iterator[tuple[tuple[int, int], Any]]) -> Iterator[Any]:
        """Yield the batches of places and indices."""
        if self._pool is not None:
            return map(self._convert, self._pool.read((Reading(self.seed, *place), i) for place, i in items))
        if self._ahead is not None:
            self._ahead.close()
        self._ahead = ReadAhead(starmap(self._load, items))
        return iter(self._ahead)

    def _notify(self, event: str) -> None:
        method = getattr(self.source, event, None)
        if method is not None:
            method()

    def close(self) -> None:
        """End the threads and processes that read batches."""
        for reader in (self._ahead, self._pool):
            if reader is not None:
                reader.close()
        self._ahead = None


class SampleBatches(DatasetBatches):
    """Batches of an object with samples by index, such as a data set of PyTorch.

    Args:
        source: the data set. A sample is `x` or `(x, y)`, of scalars, arrays, or structures of them.
        batch_size: the number of samples in a batch; the last may have fewer.
        shuffle, seed, convert: as in `DatasetBatches`.
    """

    def __init__(self, source: Any, batch_size: int, shuffle: bool, seed: int, convert: Function) -> None:
        self.batch_size = batch_size
        super().__init__(source, shuffle, seed, convert)

    def _count(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def _order(self, number: int) -> Iterable[Sequence[int]]:
        """Return the indices of the samples of each batch."""
        n = len(self.source)
        order = permutation(n, self.seed, number).tolist() if self.shuffle else range(n)
        return (order[i : i + self.batch_size] for i in range(0, n, self.batch_size))

    def first(self) -> Any:
        """Return the first batch in the order of the data."""
        return self._load((0, 0), range(min(self.batch_size, len(self.source))))

    def _make(self, index: Any) -> Any:
        samples = [self.source[i] for i in index]
        return tree.map_structure(_stack, *samples)


class IndexedBatches(DatasetBatches):
    """The batches of an `IndexedDataset`, in the orders of the data set itself."""

    def _order(self, number: int) -> Iterable[Any]:
        return self.source.parts(number)

    def first(self) -> Any:
        """Return the first batch of epoch 0."""
        return self._load((0, 0), next(iter(self._order(0))))

    def _make(self, index: Any) -> Any:
        return self.source.read(index)


def _stack(*leaves: Any) -> np.ndarray[Any, Any]:
    return np.stack([to_numpy(leaf) for leaf in leaves])
