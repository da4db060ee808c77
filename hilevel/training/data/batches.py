"""`Batches`: the interface between the data and the training loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hilevel.engine.ranges import Range
from hilevel.training.data.columns import describe_not_finite


class Batches:
    """Base class of batches for the training loop. Each batch is `x`, `(x, y)` or `(x, y, sample_weight)`.

    To continue a training, save `get_state()`, the index of the epoch, and the index of the next batch in it. Then make
    new batches of the same data, call `set_state`, and iterate over `epoch(number, start)` with both indices.
    """

    kind: str = "dataset"
    """`"arrays"` in memory or in files, a `"dataset"` that is read by index, or a `"stream"`."""
    steps: int | None = None
    """The number of batches of an epoch; None if it is unknown."""
    given: Any = (0, 0)
    """The state after the last batch that was yielded."""
    used: Any = (0, 0)
    """The state after the last batch that was used."""
    _last: Any = None
    _ranges: Any = ()
    """The last batch that was yielded, and the ranges of its values, in batches that are checked one by one."""

    def epoch(self, number: int, start: int = 0, steps: int | None = None) -> Iterator[Any]:
        """Yield the batches of an epoch.

        Args:
            number: the index of the epoch.
            start: the index of the first batch.
            steps: the largest number of batches; None for all.

        Data that can be read again yield the same batches for the same arguments."""
        raise NotImplementedError(f"{type(self).__name__} must define epoch.")

    def first(self) -> Any:
        """Return one batch to infer shapes from, without consuming it."""
        raise NotImplementedError(f"{type(self).__name__} must define first.")

    def expect(self, ranges: list[Range]) -> None:
        """Check the data at once, or (by default) each batch before it is yielded."""
        self._ranges = ranges

    def not_finite(self) -> list[str]:
        """Return descriptions of the NaN and infinite elements of the data, by default of the last batch."""
        return [] if self._last is None else describe_not_finite(self._last)

    def has_next(self) -> bool:
        """Return True if there is a batch for the next epoch. Arrays and data sets can always be read again."""
        return True

    def mark_used(self) -> None:
        """Count the batches that were yielded as used by a step. Batches that are read ahead do not count."""
        self.used = self.given

    def get_state(self) -> Any:
        """Return the state after the last used batch.

        It is the position `(pass, index)` of the next batch: the number of full passes through the data, and the
        index of the batch. For a stream it is a dict with this index and the state of the source."""
        return self.used

    def set_state(self, state: Any) -> None:
        """Set the state. The next batch is the one that followed when `get_state` returned it."""
        self.used = self.given = tuple(state)

    def close(self) -> None:
        """End the threads and processes that read data. They start again when they are needed."""
