"""The choice of the kind of batches for data, and batches that are repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hilevel import tree
from hilevel.engine.ranges import Range
from hilevel.engine.types import Function
from hilevel.errors import warn
from hilevel.training.data.arrays import ArrayBatches, check_shuffle
from hilevel.training.data.batches import Batches
from hilevel.training.data.columns import as_columns
from hilevel.training.data.datasets import DatasetBatches, IndexedBatches, SampleBatches
from hilevel.training.data.indexed import IndexedDataset
from hilevel.training.data.libraries import is_a
from hilevel.training.data.pydataset import PyDataset
from hilevel.training.data.rows import Rows
from hilevel.training.data.streams import StreamBatches, empty_data
from hilevel.training.data.types import ClassWeight, Data
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.data.weights import check_class_weight, class_to_sample_weight


class ContinuedBatches(Batches):
    """Batches whose epochs have at most `steps` batches. Each epoch continues where the epoch before it ended.

    An epoch ends with the last batch of the data, too, and the next epoch begins with the first one.

    Args:
        batches: batches that can be read again.
        steps: the largest number of batches of an epoch.

    >>> from hilevel.training.data.adapters import ContinuedBatches, adapt
    >>> batches = ContinuedBatches(adapt(np.arange(8), batch_size=2), 2)
    >>> [x.tolist() for x in batches.epoch(0)], batches.given
    ([[0, 1], [2, 3]], (0, 2))
    >>> [x.tolist() for x in batches.epoch(1)], batches.given
    ([[4, 5], [6, 7]], (0, 4))
    """

    steps: int

    def __init__(self, batches: Batches, steps: int) -> None:
        self.batches, self.steps, self.kind = batches, steps, batches.kind

    def epoch(self, number: int, start: int = 0, steps: int | None = None) -> Iterator[Any]:
        """Yield the next batches of an epoch that has had `start` batches, where the last one ended."""
        turn, index = self.given
        if index == self.batches.steps:
            turn, index = turn + 1, 0
        limit = self.steps - start if steps is None else min(steps, self.steps - start)
        count = 0
        for count, batch in enumerate(self.batches.epoch(turn, index, limit), 1):  # noqa: B007
            self.given = self.batches.given
            yield batch
        if count == limit:
            return
        if count == index == 0:
            raise empty_data()
        self.given = turn + 1, 0
        if (
            self.batches.steps is None and not count
        ):  # a data set without a length ended with the epoch before
            yield from self.epoch(number, start, steps)
        else:
            _warn_of_a_short_epoch(start + count, self.steps)

    def first(self) -> Any:
        """Return one batch to infer shapes from."""
        return self.batches.first()

    def expect(self, ranges: list[Range]) -> None:
        """Check the data at once, or each batch before it is yielded."""
        self.batches.expect(ranges)

    def not_finite(self) -> list[str]:
        """Return descriptions of the NaN and infinite elements of the data."""
        return self.batches.not_finite()

    def close(self) -> None:
        """End the threads and processes that read data."""
        self.batches.close()


def _warn_of_a_short_epoch(count: int, steps: int) -> None:
    warn(
        f"The data ended after {count} of {steps} steps of the epoch. The next epoch begins with the first batch. "
        "Choose steps_per_epoch so that it divides the number of batches."
    )


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
    default_batch_size: int = 32,
    steps: int | None = None,
    shuffle: bool | str = False,
    seed: int = 0,
    class_weight: ClassWeight | None = None,
    output_names: list[str] | None = None,
    dtype: str = "float32",
) -> Batches:
    """Return the batches of data. Batches are returned unchanged.

    A warning says if the data are batches already, and a batch size is ignored.

    Raises:
        TypeError: the data are of an unknown kind.
        ValueError: there are no data, or targets beside an iterable of batches.
    """
    if x is None:
        raise ValueError("There are no data: x is None.")
    if isinstance(x, type):
        raise TypeError(f"x is the class {x.__name__}. Expected data: make an instance, {x.__name__}(...).")
    if isinstance(x, Batches):
        return x
    data: Any = x
    size = default_batch_size if batch_size is None else batch_size
    if _is_arrays(x):
        return ArrayBatches(
            data, y, sample_weight, batch_size=size, shuffle=shuffle, seed=seed,
            class_weight=class_weight, output_names=output_names, dtype=dtype, warn_of_unused=True,
        )  # fmt: skip
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"x is a {type(x).__name__} that yields batches (x, y) or (x, y, sample_weight) itself; y and "
            "sample_weight cannot be given beside it."
        )
    table = None if class_weight is None else check_class_weight(class_weight)
    convert: Function = lambda batch: _convert(batch, table, output_names, dtype)
    shuffled = bool(check_shuffle(shuffle))
    if is_a(x, "torch.Dataset") and not is_a(x, "datasets.IterableDataset"):  # which has it as a base
        if is_a(x, "torch.IterableDataset"):
            raise TypeError(
                f"The {type(x).__name__} yields samples. Give a torch.utils.data.DataLoader, with a batch_size."
            )
        return SampleBatches(data, size, shuffled, seed, convert)
    if batch_size is not None:
        warn(f"The batch size {batch_size} is ignored: the {type(x).__name__} makes its batches itself.")
    if isinstance(x, IndexedDataset):
        return IndexedBatches(data, x.shuffle, x.seed, convert)
    if isinstance(x, PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        batches = DatasetBatches(data, shuffled, seed, convert)
        if batches.steps is None and steps is None:
            raise ValueError(
                f"The number of batches of the {type(x).__name__} is unknown (num_batches is None): give the number "
                "of steps (steps_per_epoch, validation_steps or steps)."
            )
        return batches
    if hasattr(x, "__iter__"):
        return StreamBatches(data, steps, convert)
    raise TypeError(
        f"Cannot make batches of a {type(x).__name__}. Expected arrays, a list or dict of arrays, a "
        "generator or iterable of batches, or a hilevel.utils.PyDataset."
    )


def _is_arrays(x: object) -> bool:
    if isinstance(x, (list, tuple, dict)):
        return True
    if isinstance(x, PyDataset):
        return False
    return hasattr(x, "shape") or hasattr(x, "__array__") or is_a(x, "datasets.Dataset", "datasets.Column")
