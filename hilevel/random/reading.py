"""The random values of the batches that a data pipeline makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.context import scope


class Reading:
    """The place of a batch in the data, which determines the random values that are drawn while it is made.

    So a batch has the same values whichever thread or process makes it, and in whichever order.

    Args:
        place: non-negative integers: the seed of the data, the epoch and the index of the batch.

    >>> import hilevel
    >>> from hilevel.random.reading import Reading
    >>> generator = hilevel.random.SeedGenerator(1)
    >>> with Reading(0, 3, 7).scope():
    ...     first = hilevel.random.uniform((2,), seed=generator)
    >>> with Reading(0, 3, 7).scope():
    ...     bool((hilevel.random.uniform((2,), seed=generator) == first).all())
    True
    """

    def __init__(self, *place: int) -> None:
        self.place = place
        self._draws: dict[object, int] = {}

    def scope(self) -> scope:
        """Return the block in which the batch is made."""
        return scope(reading=self)

    def next(self, generator: object, seed: int) -> np.ndarray[Any, Any]:
        """Return the state `[seed, draw]` of the next draw of a generator for this batch."""
        draw = self._draws[generator] = self._draws.get(generator, -1) + 1
        key = np.random.SeedSequence((seed, *self.place)).generate_state(1)[0]
        return np.array([key, draw], np.uint32)
