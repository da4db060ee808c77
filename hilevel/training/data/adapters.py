"""The choice of what makes batches of the user's data."""

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
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.data.weights import checked, class_to_sample_weight


class Batches(Protocol):
    """Batches as the training loop takes them. Each is `x`, `(x, y)` or `(x, y, sample_weight)`."""

    @property
    def steps(self) -> int | None:
        """The number of batches of an epoch; None if that is not known."""

    def has_next(self) -> bool:
        """Whether a batch is left for the next epoch."""

    def expect(self, ranges: list[Range]) -> None:
        """Check the data: all at once, or each batch before it is yielded."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch from batch `start` on. Data that can be read again give the same batches for
        the same numbers."""

    def first(self) -> Any:
        """Return one batch to find shapes with, without using it up."""

    def not_finite(self) -> list[str]:
        """Return the numbers of NaN and infinite elements of the data, in words."""


class StreamBatches:
    """Batches that come one by one: of a generator, an iterator, or an iterable that can begin again.

    A generator is used up as it goes; `steps` of its batches make an epoch. An iterable begins again where it ends.

    Args:
        source: the iterable of batches.
        steps: the number of batches of an epoch; None for all.
        finish: a function that converts a batch.
    """

    def __init__(self, source: Iterable[Any], steps: int | None, finish: Function) -> None:
        self.source = source
        self.steps = steps
        self.again = iter(source) is not source
        self.count = 0
        """The number of batches that were taken so far."""
        self._iterator: Iterator[Any] | None = None
        self._waiting: list[Any] = []
        self._last: Any = None
        self._finish = finish
        self._ranges: list[Range] = []

    def expect(self, ranges: list[Range]) -> None:
        """Check each batch before it is yielded."""
        self._ranges = ranges

    def first(self) -> Any:
        """The next batch, which is kept for the epoch that follows."""
        if not self.has_next():
            raise empty_data()
        return self._waiting[0]

    def has_next(self) -> bool:
        """Whether a batch is left. It is read, and kept for the epoch that follows."""
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
        return [self._finish(batch) for batch in islice(self._iterator, 1)]

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches up to the end, or to the number of steps. Those before `start` are read and dropped."""
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
        """The numbers of NaN and infinite elements of the last batch, in words."""
        return describe_not_finite(self._last) if self._last is not None else []


class CachedIterator:
    """The items of an iterator, kept in memory, so that they can be iterated again.

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
    return ValueError("The data set is empty: the generator gave no batch.")


class DatasetBatches:
    """Batches of a `PyDataset`, or of anything with `__len__` and `__getitem__`."""

    def __init__(self, source: Any, shuffle: bool, seed: int, finish: Function) -> None:
        self.source, self.shuffle, self.seed = source, shuffle, seed
        self.steps = len(source)
        if self.steps == 0:
            raise ValueError("The data set is empty: its length is 0.")
        self._last: Any = None
        self._finish = finish
        self._ranges: list[Range] = []

    def expect(self, ranges: list[Range]) -> None:
        """Check each batch before it is yielded."""
        self._ranges = ranges

    def first(self) -> Any:
        """The batch of number 0."""
        return self._finish(self.source[0])

    def has_next(self) -> bool:
        """Whether an epoch is left: always, because batches have numbers."""
        return True

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches from `start` on, in an order of their own where they are shuffled."""
        _tell(self.source, "on_epoch_begin")
        n = len(self.source)
        order = permutation(n, self.seed, number) if self.shuffle else range(n)
        for i in order[start:]:
            self._last = self._finish(self.source[int(i)])
            check_data(self._ranges, self._last)
            yield self._last
        _tell(self.source, "on_epoch_end")

    def not_finite(self) -> list[str]:
        """The numbers of NaN and infinite elements of the last batch, in words."""
        return describe_not_finite(self._last) if self._last is not None else []


class RepeatedBatches:
    """Batches that are repeated without end; an epoch takes `steps` of them, and the next one goes on from there.

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

    def __init__(self, batches: Any, steps: int) -> None:
        self.batches, self.steps = batches, steps
        self.position = 0, 0

    @property
    def position(self) -> tuple[int, int]:
        """Where the next batch is: how often all batches were read, and the number of the batch. It can be set."""
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
        """Yield the next batches: those that an epoch has from batch `start` on."""
        return islice(self._following, self.steps - start)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)


def _tell(source: Any, event: str) -> None:
    method = getattr(source, event, None)
    if method is not None:
        method()


def _finish(batch: Any, class_weight: Any, names: Any, dtype: str) -> Any:
    """Convert a batch to arrays, with its class weights, in the form in which it came."""
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


def _dense(columns: Any) -> Any:
    """Read the rows of columns that are not in memory."""
    return tree.map_structure(lambda c: c[:] if isinstance(c, Rows) else c, columns)


def adapt(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    class_weight: Any = None,
    output_names: list[str] | None = None,
    dtype: str = "float32",
) -> Batches:
    """Return the batches of the user's data; batches as they are.

    Raises:
        TypeError: the data are of no known kind.
        ValueError: targets or a batch size beside data that bring their own.
    """
    if x is None:
        raise ValueError("There are no data: x is None.")
    if isinstance(x, (ArrayBatches, DatasetBatches, StreamBatches, RepeatedBatches)):
        return x
    if _is_arrays(x):
        return ArrayBatches(
            x, y, sample_weight, batch_size=32 if batch_size is None else batch_size, shuffle=shuffle, seed=seed,
            class_weight=class_weight, output_names=output_names, dtype=dtype, warn_of_unused=True,
        )  # fmt: skip
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"x is a {type(x).__name__} that yields batches (x, y) or (x, y, sample_weight) itself; y and "
            "sample_weight cannot be given beside it."
        )
    table = None if class_weight is None else checked(class_weight)
    finish: Function = lambda batch: _finish(batch, table, output_names, dtype)
    if isinstance(x, PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        return DatasetBatches(x, shuffle, seed, finish)
    if hasattr(x, "__iter__"):
        return StreamBatches(x, steps, finish)
    raise TypeError(
        f"Cannot take batches from a {type(x).__name__}. Expected arrays, a list or dict of arrays, a "
        "generator or iterable of batches, or a hilevel.utils.PyDataset."
    )


def _is_arrays(x: Any) -> bool:
    if isinstance(x, (list, tuple, dict)):
        return True
    return not isinstance(x, PyDataset) and (hasattr(x, "shape") or hasattr(x, "__array__"))
