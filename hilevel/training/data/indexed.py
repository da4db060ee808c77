"""Data sets of samples that are loaded by their indices."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Self

import numpy as np

from hilevel import tree
from hilevel.engine.types import Function
from hilevel.random.functions import permutation
from hilevel.random.reading import Reading
from hilevel.training.data.pydataset import PyDataset
from hilevel.training.data.read_ahead import ReadAhead


class IndexedDataset(PyDataset):
    """Samples that a function loads by their indices, in batches.

    The order of an epoch is a function of the seed and the number of the epoch. Each loop over the data set is an
    epoch, and so is each epoch of `fit`. The next batch is loaded in a thread while one is used.

    Args:
        count: the number of samples.
        load: a function of an array of indices that returns their samples, stacked: `x` or `(x, y)`.
        batch_size: the number of samples in a batch; the last may have fewer. None for single samples.
        shuffle: whether each epoch has an order of its own.
        seed: the seed of the orders.
        reshuffle: whether the epochs have different orders.
        class_names: the names of the labels.
        file_paths: the path of each sample.

    >>> from hilevel.training.data.indexed import IndexedDataset
    >>> squares = IndexedDataset(5, lambda i: (i, i**2), batch_size=3)
    >>> [(x.tolist(), y.tolist()) for x, y in squares]
    [([0, 1, 2], [0, 1, 4]), ([3, 4], [9, 16])]
    """

    def __init__(
        self,
        count: int,
        load: Function,
        batch_size: int | None = 32,
        shuffle: bool = False,
        seed: int = 0,
        reshuffle: bool = True,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.count, self.load, self.batch_size = count, load, batch_size
        self.shuffle, self.seed, self.reshuffle = shuffle, seed, reshuffle
        self.class_names, self.file_paths = class_names, file_paths
        self.epoch = 0
        self._functions: tuple[Function, ...] = ()

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-self.count // (self.batch_size or 1))

    def parts(self, epoch: int) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the indices of the samples of each batch of an epoch."""
        order = np.arange(self.count)
        if self.shuffle:
            order = permutation(self.count, self.seed, epoch if self.reshuffle else 0)
        size = self.batch_size or 1
        return (order[i : i + size] for i in range(0, self.count, size))

    def read(self, indices: Sequence[int] | np.ndarray[Any, Any]) -> Any:
        """Return a batch of samples, or the single sample."""
        batch = self.load(np.asarray(indices))
        if self.batch_size is None:
            batch = tree.map_structure(lambda a: a[0], batch)
        for function in self._functions:
            batch = function(*batch) if isinstance(batch, tuple) else function(batch)
        return batch

    def __getitem__(self, index: int | np.ndarray[Any, Any]) -> Any:
        """Return a batch of the next epoch; in a worker, the batch of the samples of several indices."""
        if isinstance(index, np.ndarray):
            return self.read(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"The data set has {len(self)} batches; got index {index}.")
        index %= len(self)
        return self._read_at(self.epoch, index, next(islice(self.parts(self.epoch), index, None)))

    def __iter__(self) -> Iterator[Any]:
        """Return the batches of the next epoch, one by one."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        return iter(ReadAhead(self._read_at(epoch, i, part) for i, part in enumerate(self.parts(epoch))))

    def _read_at(self, epoch: int, index: int, part: np.ndarray[Any, Any]) -> Any:
        with Reading(self.seed, epoch, index).scope():
            return self.read(part)

    def take(self, count: int) -> Iterator[Any]:
        """Return the first batches of the next epoch."""
        return islice(self, count)

    def map(self, function: Function) -> Self:
        """Return the data set with a function applied to each batch: `function(x)` or `function(x, y)`.

        >>> from hilevel.training.data.indexed import IndexedDataset
        >>> [y.tolist() for y in IndexedDataset(3, lambda i: i).map(lambda x: 10 * x)]
        [[0, 10, 20]]
        """
        mapped = copy.copy(self)
        mapped._functions = (*self._functions, function)
        return mapped
