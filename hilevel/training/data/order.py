"""The samples of columns in the order of an epoch: as they are, shuffled one by one, or shuffled in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hilevel.random.functions import permutation
from hilevel.training.data.columns import Column, row_bytes
from hilevel.training.data.read_ahead import ReadAhead
from hilevel.training.data.rows import Rows

BLOCK_BYTES = 2**20
"""The least size of the blocks of `shuffle="batch"`, in bytes."""
WINDOW_BYTES = 32 * 2**20
"""The size of the windows in which files are read, in bytes. Two windows are in memory at a time."""


class InOrder:
    """The samples in their own order.

    Args:
        leaves: columns of one length; None for a missing one.
    """

    def __init__(self, leaves: Sequence[Column | None]) -> None:
        self.leaves = leaves

    def read(self, start: int, stop: int) -> list[Any]:
        """Return the samples at the places from `start` to `stop` of the order, an array for each leaf."""
        return [None if a is None else a[start:stop] for a in self.leaves]

    def fill(self, start: int, stop: int, outs: Sequence[Any]) -> None:
        """Write these samples into arrays."""
        for out, part in zip(outs, self.read(start, stop), strict=True):
            if part is not None:
                out[...] = part

    def close(self) -> None:
        """End the thread, if there is one."""


class Shuffled(InOrder):
    """The samples in a random order.

    Args:
        leaves: as in `InOrder`.
        order: the index of the sample for each place.
    """

    def __init__(self, leaves: Sequence[Column | None], order: np.ndarray[Any, Any]) -> None:
        super().__init__(leaves)
        self.order = order

    def read(self, start: int, stop: int) -> list[Any]:
        """Return the samples at some places."""
        rows = self.order[start:stop]
        return [None if a is None else a.take(rows, axis=0) for a in self.leaves]

    def fill(self, start: int, stop: int, outs: Sequence[Any]) -> None:
        """Write the samples at some places into arrays."""
        rows = self.order[start:stop]
        for out, a in zip(outs, self.leaves, strict=True):
            if isinstance(a, Rows):
                out[...] = a.take(rows)
            elif a is not None:
                np.take(a, rows, axis=0, out=out, mode="clip")  # "raise" would copy once more


class Blocks(NamedTuple):
    """A division of samples into blocks and windows.

    Args:
        samples: the number of samples.
        block: the number of samples in a block; the last block may have fewer.
        window: the number of blocks in a window.
    """

    samples: int
    block: int
    window: int

    @classmethod
    def of(cls, leaves: Sequence[Column | None]) -> Blocks:
        """Return the blocks for columns. They follow the chunks of the largest column.

        A block has at least one chunk and `BLOCK_BYTES`, a window at least two blocks and about `WINDOW_BYTES`.

        >>> from hilevel.training.data.order import Blocks
        >>> Blocks.of([np.zeros((5000, 512), "float32")])
        Blocks(samples=5000, block=512, window=32)
        """
        columns = [a for a in leaves if a is not None]
        size = max(1, sum(map(row_bytes, columns)))
        largest = max(columns, key=row_bytes)
        chunk = largest.chunk if isinstance(largest, Rows) else 1
        block = chunk * max(1, BLOCK_BYTES // (size * chunk))
        return cls(len(largest), block, max(2, WINDOW_BYTES // (size * block)))

    def windows(self, seed: int, number: int, shuffle: bool) -> list[Window]:
        """Return the windows of an epoch, a function of the seed and the number of the epoch.

        The blocks are in random order, and so are the samples of each window; without `shuffle` in their own.

        >>> from hilevel.training.data.order import Blocks
        >>> [w.rows().tolist() for w in Blocks(10, 2, 2).windows(3, 0, True)]
        [[7, 5, 4, 6], [0, 2, 3, 1], [8, 9]]
        """
        count = math.ceil(self.samples / self.block)
        order = permutation(count, seed, number) if shuffle else np.arange(count)
        ends = np.cumsum(np.minimum(self.block, self.samples - order * self.block))[
            self.window - 1 :: self.window
        ]
        starts = [0, *ends.tolist()]
        found = []
        for w, first in enumerate(range(0, count, self.window)):
            blocks = np.sort(order[first : first + self.window])  # files are read forwards
            spans = [slice(b * self.block, min((b + 1) * self.block, self.samples)) for b in blocks.tolist()]
            key = (seed + (w + 1) * 2**32, number) if shuffle else None
            found.append(Window(starts[w], spans, key))
        return found


class Window(NamedTuple):
    """The samples that are shuffled, and read from files, together.

    Args:
        start: the place of its first sample in the order of the epoch.
        spans: its blocks.
        key: the seed and the draw of the order of its samples; None for their own order.
    """

    start: int
    spans: list[slice]
    key: tuple[int, int] | None

    @property
    def size(self) -> int:
        """The number of its samples."""
        return sum(span.stop - span.start for span in self.spans)

    def order(self) -> np.ndarray[Any, Any]:
        """Return the order of its samples: indices into its joined blocks."""
        return np.arange(self.size) if self.key is None else permutation(self.size, *self.key)

    def rows(self) -> np.ndarray[Any, Any]:
        """Return the indices of its samples, in their order."""
        return np.concatenate([np.arange(span.start, span.stop) for span in self.spans])[self.order()]

    def load(self, column: Column) -> np.ndarray[Any, Any]:
        """Return its blocks of a column, joined, in the dtype of the source."""
        read = column.read if isinstance(column, Rows) else column.__getitem__
        if len(self.spans) == 1:
            return read(self.spans[0])
        dtype = column.source.dtype if isinstance(column, Rows) else column.dtype
        out = np.empty((self.size, *column.shape[1:]), dtype)
        filled = 0
        for span in self.spans:
            end = filled + span.stop - span.start
            out[filled:end] = read(span)
            filled = end
        return out


class Windowed(InOrder):
    """The samples in the order of windows. The next window is read while one is used.

    Args:
        leaves: as in `InOrder`.
        windows: the windows of the epoch.
    """

    def __init__(self, leaves: Sequence[Column | None], windows: list[Window]) -> None:
        super().__init__(leaves)
        self.windows = windows
        self.starts = np.array([w.start for w in windows])
        self._at: Window | None = None
        self._order: Any = None
        self._loaded: list[Any] = []
        self._ahead: ReadAhead | None = None

    def read(self, start: int, stop: int) -> list[Any]:
        """Return the samples at some places, which may lie in several windows."""
        parts = []
        while start < stop:
            parts.append(self._read_from_one(start, stop))
            start = min(stop, self._at.start + self._at.size)  # type: ignore[union-attr]
        if len(parts) == 1:
            return parts[0]
        return [None if some[0] is None else np.concatenate(some) for some in zip(*parts, strict=True)]

    def _read_from_one(self, start: int, stop: int) -> list[Any]:
        """Return the samples from `start` on, as far as they lie in one window."""
        window = self._open(int(np.searchsorted(self.starts, start, "right")) - 1)
        rows: Any = slice(start - window.start, stop - window.start)
        if window.key is not None:
            rows = self._order[rows]
        return [
            None if a is None else part[rows].astype(a.dtype, copy=False)
            for a, part in zip(self.leaves, self._loaded, strict=True)
        ]

    def _open(self, index: int) -> Window:
        """Return a window, which is loaded, and begin to load the next one."""
        if self.windows[index] is self._at:
            return self._at
        following = index and self.windows[index - 1] is self._at
        if self._ahead is None or not following:
            self.close()
            self._ahead = ReadAhead(self._loads(index))
        self._loaded = []
        self._at, self._order, self._loaded = self._ahead.take()
        self._ahead.start()
        return self.windows[index]

    def _loads(self, index: int) -> Iterator[tuple[Window, Any, list[Any]]]:
        for window in self.windows[index:]:
            parts = [None if a is None else window.load(a) for a in self.leaves]
            yield window, window.order(), parts

    def close(self) -> None:
        """End the thread. Reading begins anew at the next window."""
        if self._ahead is not None:
            self._ahead.close()
        self._ahead, self._at = None, None
