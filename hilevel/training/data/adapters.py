"""Batches of iterables and datasets, and the choice of the kind of batches for data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any, Protocol

from hilevel import tree
from hilevel.engine.ranges import Range
from hilevel.engine.types import Function
from hilevel.random.functions import permutation
from hilevel.training.data.arrays import ArrayBatches, describe_not_finite
from hilevel.training.data.columns import Rows, as_columns, check_data
from hilevel.training.data.pydataset import PyDataset
from hilevel.training.data.types import ClassWeight, Data, IndexedBatches
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.data.weights import check_class_weight, class_to_sample_weight


class Batches(Protocol):
    """The protocol of batches for the training loop. Each batch is `x`, `(x, y)` or `(x, y, sample_weight)`."""

    @property
    def steps(self) -> int | None:
        """The number of batches of an epoch; None if it is unknown."""

    def has_next(self) -> bool:
        """Return True if there is a batch for the next epoch."""

    def expect(self, ranges: list[Range]) -> None:
        """Check the data at once, or each batch before it is yielded."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch from batch `start` on.

        Data that can be read again yield the same batches for the same arguments."""

    def first(self) -> Any:
        """Return one batch to infer shapes from, without consuming it."""

    def not_finite(self) -> list[str]:
        """Return descriptions of the NaN and infinite elements of the data."""


class StreamBatches:
    """The batches of a generator, an iterator, or an iterable.

    An epoch consumes `steps` batches of a generator. An iterable is iterated again at its end.

    Args:
        source: the iterable of batches.
        steps: the number of batches of an epoch; None for all.
        convert: a function that converts a batch.
    """

    def __init__(self, source: Iterable[Any], steps: int | None, convert: Function) -> None:
        self.source = source
        self.steps = steps
        self.again = iter(source) is not source
        self.count = 0
        """The number of batches so far."""
        self._iterator: Iterator[Any] | None = None
        self._waiting: list[Any] = []
        self._last: Any = None
        self._convert = convert
        self._ranges: list[Range] = []

    def expect(self, ranges: list[Range]) -> None:
        """Check each batch before it is yielded."""
        self._ranges = ranges

    def first(self) -> Any:
        """Return the next batch, which stays for the next epoch."""
        if not self.has_next():
            raise empty_data()
        return self._waiting[0]

    def has_next(self) -> bool:
        """Return True if there is a next batch. It is read, and stays for the next epoch."""
        if not self._waiting:
            self._waiting = self._read()
        if not self._waiting and self.again:
            self._iterator = None
            self._waiting = self._read()
        return bool(self._waiting)

    def _read(self) -> list[Any]:
        """Return the next batch in a list, which is empty at the end of the source."""
        if self._iterator is None:
            self._iterator = iter(self.source)
        return [self._convert(batch) for batch in islice(self._iterator, 1)]

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches to the end, or to the number of steps. Batches before `start` are read and dropped."""
        for step in count() if self.steps is None else range(self.steps):
            found = self._waiting or self._read()
            if not found and (self.steps is None or not self.has_next()):
                break
            self._last = (found or self._waiting)[0]
            self._waiting = []
            self.count += 1
            if step >= start:
                check_data(self._ranges, self._last)
                yield self._last
        if self.again and self.steps is None:
            self._iterator = None

    def not_finite(self) -> list[str]:
        """Return descriptions of the NaN and infinite elements of the last batch."""
        return describe_not_finite(self._last) if self._last is not None else []


class CachedIterator:
    """The items of an iterator, which are stored, so that they can be iterated again.

    >>> from hilevel.training.data.adapters import CachedIterator
    >>> kept = CachedIterator(iter([1, 2]))
    >>> list(kept), list(kept)
    ([1, 2], [1, 2])
    """

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self._items: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        yield from self._items
        for item in self._source:
            self._items.append(item)
            yield item


def empty_data() -> ValueError:
    """Return the error for data without a batch."""
    return ValueError("The data set is empty: the generator yielded no batch.")


class DatasetBatches:
    """The batches of a `PyDataset`, or of another object with `__len__` and `__getitem__`."""

    def __init__(self, source: IndexedBatches, shuffle: bool, seed: int, convert: Function) -> None:
        self.source, self.shuffle, self.seed = source, shuffle, seed
        self.steps = len(source)
        if self.steps == 0:
            raise ValueError("The data set is empty: its length is 0.")
        self._last: Any = None
        self._convert = convert
        self._ranges: list[Range] = []

    def expect(self, ranges: list[Range]) -> None:
        """Check each batch before it is yielded."""
        self._ranges = ranges

    def first(self) -> Any:
        """Return batch 0."""
        return self._convert(self.source[0])

    def has_next(self) -> bool:
        """Return True: batches can be read again."""
        return True

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches from `start` on, in an order for the epoch if they are shuffled."""
        _notify(self.source, "on_epoch_begin")
        n = len(self.source)
        order = permutation(n, self.seed, number) if self.shuffle else range(n)
        for i in order[start:]:
            self._last = self._convert(self.source[int(i)])
            check_data(self._ranges, self._last)
            yield self._last
        _notify(self.source, "on_epoch_end")

    def not_finite(self) -> list[str]:
        """Return descriptions of the NaN and infinite elements of the last batch."""
        return describe_not_finite(self._last) if self._last is not None else []


class RepeatedBatches:
    """Batches in an endless loop. An epoch has `steps` batches, and the next epoch continues after them.

    Args:
        batches: batches that can be read again.
        steps: the number of batches of an epoch.

    >>> from hilevel.training.data.adapters import RepeatedBatches, adapt
    >>> batches = RepeatedBatches(adapt(np.arange(6), batch_size=2), 2)
    >>> [x.tolist() for x in batches.epoch(0)], batches.position
    ([[0, 1], [2, 3]], (0, 2))
    >>> [x.tolist() for x in batches.epoch(1)], batches.position
    ([[4, 5], [0, 1]], (1, 1))
    """

    def __init__(self, batches: Batches, steps: int) -> None:
        self.batches, self.steps = batches, steps
        self.position = 0, 0

    @property
    def position(self) -> tuple[int, int]:
        """The position of the next batch: the number of full passes, and the index of the batch. It can be set."""
        return self._position

    @position.setter
    def position(self, position: tuple[int, int]) -> None:
        self._position = position
        self._following = self._from(*position)

    def _from(self, number: int, start: int) -> Iterator[Any]:
        """Yield all batches from a position on."""
        while True:
            for batch in self.batches.epoch(number, start):
                start += 1
                self._position = number, start
                yield batch
            if not start:
                raise empty_data()
            number, start = number + 1, 0

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Return the next batches of an epoch that has had `start` batches."""
        return islice(self._following, self.steps - start)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)


def _notify(source: object, event: str) -> None:
    method = getattr(source, event, None)
    if method is not None:
        method()


def _convert(batch: object, class_weight: dict[Any, Any] | None, names: list[str] | None, dtype: str) -> Any:
    """Return a batch as arrays, with class weights, in its structure."""
    parts = unpack_x_y_sample_weight(batch)
    x, y, w = (
        None if p is None else _dense(as_columns(p, dtype, name))
        for p, name in zip(parts, ("x", "y", "sample_weight"), strict=True)
    )
    if class_weight is not None:
        w = class_to_sample_weight(class_weight, y, w, names, dtype)
    if not isinstance(batch, (tuple, list)):
        return x if w is None else (x, y, w)
    return (x, y, w)[: 3 if w is not None else len(batch)]


def _dense(columns: object) -> Any:
    """Return the columns as arrays in memory."""
    return tree.map_structure(lambda c: c[:] if isinstance(c, Rows) else c, columns)


def adapt(
    x: Data | Batches | None,
    y: Data | None = None,
    sample_weight: Data | None = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    class_weight: ClassWeight | None = None,
    output_names: list[str] | None = None,
    dtype: str = "float32",
) -> Batches:
    """Return the batches of data. Batches are returned unchanged.

    Raises:
        TypeError: the data are of an unknown kind.
        ValueError: there are no data, or targets beside an iterable of batches.
    """
    if x is None:
        raise ValueError("There are no data: x is None.")
    if isinstance(x, (ArrayBatches, DatasetBatches, StreamBatches, RepeatedBatches)):
        return x
    data: Any = x
    if _is_arrays(x):
        return ArrayBatches(
            data, y, sample_weight, batch_size=32 if batch_size is None else batch_size, shuffle=shuffle, seed=seed,
            class_weight=class_weight, output_names=output_names, dtype=dtype, warn_of_unused=True,
        )  # fmt: skip
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"x is a {type(x).__name__} that yields batches (x, y) or (x, y, sample_weight) itself; y and "
            "sample_weight cannot be given beside it."
        )
    table = None if class_weight is None else check_class_weight(class_weight)
    convert: Function = lambda batch: _convert(batch, table, output_names, dtype)
    if isinstance(x, PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        return DatasetBatches(data, shuffle, seed, convert)
    if hasattr(x, "__iter__"):
        return StreamBatches(data, steps, convert)
    raise TypeError(
        f"Cannot make batches of a {type(x).__name__}. Expected arrays, a list or dict of arrays, a "
        "generator or iterable of batches, or a hilevel.utils.PyDataset."
    )


def _is_arrays(x: object) -> bool:
    if isinstance(x, (list, tuple, dict)):
        return True
    return not isinstance(x, PyDataset) and (hasattr(x, "shape") or hasattr(x, "__array__"))
