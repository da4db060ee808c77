"""`PyDataset`: a user's own data set, batch by batch."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Base of data sets with batches by index.

    A subclass defines `__len__`, the number of batches, and `__getitem__(i)`, which returns batch `i` as `(x, y)` or
    `(x, y, sample_weight)`. It may define `on_epoch_begin` and `on_epoch_end`, to change the batches between epochs.

    Batches have the same order and values with any number of workers. With several workers, `__getitem__` must not
    depend on earlier calls. Processes are spawned: each imports the main script, and gets a pickled copy of the data
    set. A copy for each epoch is sent only if the class defines `on_epoch_begin` or `on_epoch_end`.

    Args:
        workers: the number of threads or processes that make batches ahead, while the step runs. With at most 1
            thread, the calling thread makes the batches; after a slow one, another thread makes the next one ahead.
        use_multiprocessing: whether the workers are processes.
        max_queue_size: the largest number of batches that several workers make ahead.

    The environment variable `HILEVEL_WORKER_TIMEOUT` sets the longest time for a batch, in seconds; by default 600.

    Raises:
        ValueError: `workers` is negative, or `max_queue_size` is less than 1.

    >>> import hilevel
    >>> class Twice(hilevel.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         return np.ones((4, 1)), np.ones((4, 1))
    >>> len(Twice(workers=2))
    3
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if workers < 0 or max_queue_size < 1:
            raise ValueError(
                "workers must be at least 0, and max_queue_size at least 1; got "
                f"workers={workers} and max_queue_size={max_queue_size}."
            )
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self) -> int:
        """Return the number of batches."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__, the number of batches.")

    def __getitem__(self, index: int) -> Any:
        """Return the batch of an index."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__, which returns a batch.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches. A data set without an end returns None; then `fit` requires `steps_per_epoch`."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Prepare an epoch. `fit` calls it before each epoch."""

    def on_epoch_end(self) -> None:
        """Change the batches between epochs. `fit` calls it after each epoch."""


Sequence = PyDataset
