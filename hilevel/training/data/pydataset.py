"""`PyDataset`: a user's own data set, batch by batch."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Base of data sets with batches by index.

    A subclass defines `__len__`, the number of batches, and `__getitem__(i)`, which returns batch `i` as `(x, y)` or
    `(x, y, sample_weight)`. It may define `on_epoch_end`, to change the batches between epochs.

    Args:
        workers: only 1 is accepted: batches are made in the main thread.
        use_multiprocessing: only False is accepted.
        max_queue_size: ignored.

    Raises:
        NotImplementedError: several workers.

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
        """Return the number of batches."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__, the number of batches.")

    def __getitem__(self, index: int) -> Any:
        """Return the batch of an index."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__, which returns a batch.")

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Prepare an epoch. `fit` calls it before each epoch."""

    def on_epoch_end(self) -> None:
        """Change the batches between epochs. `fit` calls it after each epoch."""


Sequence = PyDataset
