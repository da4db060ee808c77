"""Batches of generators, iterators and iterables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any

from hilevel.engine.types import Function
from hilevel.random.reading import Reading
from hilevel.training.data.batches import Batches
from hilevel.training.data.columns import check_data
from hilevel.training.data.libraries import is_a
from hilevel.training.data.read_ahead import END, ReadAhead

STATE_METHODS = (("get_state", "set_state"), ("state_dict", "load_state_dict"))
"""The methods that return and set the state of a source: of Grain, and of PyTorch and Hugging Face."""


class StreamBatches(Batches):
    """The batches of a generator, an iterator, or an iterable.

    An epoch consumes `steps` batches of a generator. An iterable is iterated again at its end. The state is a dict:
    the index of the next batch, and the state of the source. It is None if neither the source nor its iterator has
    methods for a state.

    Args:
        source: the iterable of batches.
        steps: the number of batches of an epoch; None for all.
        convert: a function that converts a batch.

    >>> from hilevel.training.data import adapt
    >>> batches = adapt(iter([np.zeros(2), np.ones(2)]))
    >>> for x in batches.epoch(0):
    ...     batches.mark_used()
    ...     print(x, batches.get_state())
    [0. 0.] {'index': 1, 'source': None}
    [1. 1.] {'index': 2, 'source': None}
    """

    kind = "stream"

    def __init__(self, source: Iterable[Any], steps: int | None, convert: Function) -> None:
        self.source, self._limit, self._convert = source, steps, convert
        self.steps = _length(source) if steps is None else steps
        self.again = not hasattr(source, "__next__")
        self.count = 0
        """The number of batches so far."""
        self._restored = False
        self._passes = 0
        self._begin()

    def _begin(self) -> None:
        """Prepare a pass through the source."""
        self._iterator: Iterator[Any] | None = None
        self._index = 0
        self._passes += 1
        self._reader = ReadAhead(self._read())
        self.used = self.given = {"index": 0, "source": None}

    def _read(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield the batches of a pass, each with the state after it."""
        if self._iterator is None:
            self._iterator = iter(self.source)
        get, _ = _state_methods(self.source, self._iterator)
        for index in count(self._index + 1):
            with Reading(self._passes, index).scope():
                batch = next(self._iterator, END)
            if batch is END:
                break
            yield self._convert(batch), {"index": index, "source": get and get()}

    def first(self) -> Any:
        """Return the next batch, which stays for the next epoch."""
        if not self.has_next() or self._reader.peek() is END:
            raise empty_data()
        return self._reader.peek()[0]

    def has_next(self) -> bool:
        """Return True if there is a next batch. It is read, and stays for the next epoch.

        After `set_state` the rest of an epoch follows, which may be empty."""
        if self._restored:
            return True
        if self._reader.peek() is END and self.again:
            self.close()
            self._begin()
        return self._reader.peek() is not END

    def epoch(self, number: int, start: int = 0, steps: int | None = None) -> Iterator[Any]:
        """Yield the batches to the end, or to the number of steps. Batches before `start` are read and dropped.

        After `set_state` no batch is dropped: the source is there already."""
        limit = self._limit if steps is None else start + steps
        if not self._restored:
            self.has_next()  # at the end of the source, this begins the next pass
        first, self._restored = (start if self._restored else 0), False
        more = self.has_next if self._limit is not None else self._reader.has_next
        for step in count(first) if limit is None else range(first, limit):
            if not more():
                break
            self._last, self.given = self._reader.take()
            self.count += 1
            if limit is None or step + 1 < limit:
                self._reader.start()
            if step >= start:
                check_data(self._ranges, self._last)
                yield self._last

    def set_state(self, state: Any) -> None:
        """Set the state. The next batch is the one that followed when `get_state` returned it.

        A source without a state is read from its begin, and the batches that were used are dropped."""
        self.close()
        if self.again:
            self._begin()
        if state["source"] is not None:
            self._restore(**state)
        else:
            for _ in islice(self._reader, state["index"]):
                pass
        self.used = self.given = state
        self._restored = True

    def _restore(self, index: int, source: Any) -> None:
        """Set the state of the source, or of its iterator. Its next batch has the index."""
        self._iterator = None
        _, load = _state_methods(self.source)
        if load is None:
            self._iterator = iter(self.source)
            _, load = _state_methods(self._iterator)
        load(source)
        self._index = index
        self._reader = ReadAhead(self._read())
        if is_a(self.source, "datasets.IterableDataset"):  # else each later pass begins at this state, too
            self._reader.peek()
            load(None)

    def close(self) -> None:
        """End the thread that reads ahead. The batch that it has read stays."""
        self._reader.close()


def _state_methods(*objects: Any) -> tuple[Any, Any]:
    """Return the methods that return and set the state of the first object that has them; else two None."""
    for item in objects:
        for names in STATE_METHODS:
            if all(hasattr(item, name) for name in names):
                return getattr(item, names[0]), getattr(item, names[1])
    return None, None


def _length(source: Any) -> int | None:
    """Return the number of batches of an iterable; None if it is unknown."""
    try:
        return len(source)
    except (TypeError, NotImplementedError):
        return None


def empty_data() -> ValueError:
    """Return the error for data without a batch."""
    return ValueError("The data set is empty: the generator yielded no batch.")


class CachedIterator:
    """The items of an iterator, which are stored, so that they can be iterated again.

    >>> from hilevel.training.data.streams import CachedIterator
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
