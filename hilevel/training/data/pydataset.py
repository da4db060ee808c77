"""`PyDataset`: a user's own data set, batch by batch."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Base of a data set that hands out its batches by number.

    Subclass it, and write `__len__`, the number of batches, and `__getitem__(i)`, which returns batch `i` as
    `(x, y)` or `(x, y, sample_weight)`; `on_epoch_end`, too, where something is to change between epochs.

    Args:
        workers: batches are made in the main thread; only 1 is accepted.
        use_multiprocessing: not implemented; only False is accepted.
        max_queue_size: without meaning while there is one worker.

    >>> import hilevel
    >>> class Twice(hilevel.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         return np.ones((4, 1)), np.ones((4, 1))
    >>> len(Twice())
    3
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if workers != 1 or use_multiprocessing:
            raise NotImplementedError("PyDataset makes batches in the main thread: leave workers at 1.")
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self) -> int:
        """The number of batches."""
        raise NotImplementedError(f"{type(self).__name__} has to say how many batches it has: __len__.")

    def __getitem__(self, index: int) -> Any:
        """The batch of that number."""
        raise NotImplementedError(f"{type(self).__name__} has to hand out batches: __getitem__.")

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset
