"""Windows of a time series, as a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.types import TensorLike
from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import one_of
from hilevel.random.seed import make_seed
from hilevel.training.data.indexed import IndexedDataset


@dataclass
class Windows:
    """A function of indices that returns windows of a series, with their targets.

    Args:
        series: an array of shape `(time, ...)`.
        targets: an array of shape `(time, ...)`, or None.
        starts: the first step of each window.
        offsets: the distances of the steps of a window from the first.
    """

    series: np.ndarray[Any, Any]
    targets: np.ndarray[Any, Any] | None
    starts: np.ndarray[Any, Any]
    offsets: np.ndarray[Any, Any]

    def __call__(self, indices: np.ndarray[Any, Any]) -> Any:
        starts = self.starts[indices]
        x = self.series[starts[:, None] + self.offsets]
        return x if self.targets is None else (x, self.targets[starts])


def timeseries_dataset_from_array(
    data: TensorLike,
    targets: TensorLike | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> IndexedDataset:
    """Return a data set of the windows that slide over a time series.

    Args:
        data: the series, of shape `(time, ...)`.
        targets: the target of the window that begins at each step, of shape `(steps, ...)`; None for no targets.
        sequence_length: the number of steps in a window.
        sequence_stride: the distance from the start of one window to the start of the next.
        sampling_rate: the distance from one step of a window to the next.
        batch_size: the number of windows in a batch; None for single windows.
        shuffle: whether each epoch has an order of its own.
        seed: the seed of the orders; random by default.
        start_index, end_index: the part of the series that is used; all by default.
        format: `"tf"` for a new order in each epoch, `"grain"` for the same order.

    >>> import hilevel
    >>> series = np.arange(10)
    >>> data = hilevel.utils.timeseries_dataset_from_array(series, series[3:], sequence_length=3, batch_size=2)
    >>> x, y = data[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3]], [3, 4])

    Raises:
        ValueError: an argument has an invalid value.
    """
    series = np.asarray(ops.convert_to_numpy(data))
    _check_part(len(series), start_index, end_index)
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < len(series):
            raise ArgumentError(
                f"{name} must be positive and less than the {len(series)} steps; got {value}."
            )
    reshuffle = one_of("timeseries_dataset_from_array", "format", format, ("tf", "grain")) == "tf"
    first, last = start_index or 0, end_index or len(series)
    count = last - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(ops.convert_to_numpy(targets))
        count, targets = min(count, len(targets) - first), targets[first:]
    starts = np.arange(0, max(count, 0), sequence_stride)
    windows = Windows(series[first:last], targets, starts, np.arange(sequence_length) * sampling_rate)
    seed = make_seed() if seed is None else seed
    return IndexedDataset(len(starts), windows, batch_size, shuffle, seed, reshuffle)


def _check_part(length: int, start: int | None, end: int | None) -> None:
    """Check the part of a series.

    Raises:
        ArgumentError: it does not lie in the series.
    """
    if start is not None and not 0 <= start < length:
        raise ArgumentError(f"start_index must be in a series of {length} steps; got {start}.")
    if end is not None and not (start or 0) < end < length:
        raise ArgumentError(
            f"end_index must be after start_index, and less than the {length} steps; got {end}."
        )
