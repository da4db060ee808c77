"""The choice of what makes batches of the user's data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from hilevel._types import Function
from hilevel.data.arrays import ArrayBatches, as_arrays, describe_not_finite
from hilevel.data.pydataset import PyDataset
from hilevel.data.unpack import unpack_x_y_sample_weight
from hilevel.data.weights import class_to_sample_weight
from hilevel.random.functions import permutation


class Batches(Protocol):
    """What the training loop asks of data: how many steps an epoch has (None: unknown), and the batches."""

    @property
    def steps(self) -> int | None:
        """How many batches an epoch has; None if that is not known."""

    def epoch(self, number: int) -> Iterator[tuple[Any, Any, Any]]:
        """The batches of one epoch, each `(x, y, sample_weight)`."""

    def first(self) -> tuple[Any, Any, Any]:
        """One batch to find shapes with, without using it up."""

    def not_finite(self) -> list[str]:
        """What is NaN or infinite in the data, in words."""


class StreamBatches:
    """Batches that come one by one: of a generator, an iterator, or an iterable that can begin again.

    A generator is used up as it goes; `steps` says how many of its batches make an epoch.
    """

    def __init__(
        self, source: Iterable[Any], steps: int | None, class_weight: Any, names: Any, dtype: str
    ) -> None:
        self.source = source
        self.steps = steps
        self.again = iter(source) is not source
        self._iterator: Iterator[Any] | None = None
        self._waiting: list[Any] = []
        self._last: Any = None
        self._finish: Function = lambda batch: _finish(batch, class_weight, names, dtype)

    def first(self) -> tuple[Any, Any, Any]:
        """The next batch, which is kept for the epoch that follows."""
        if not self._waiting:
            self._waiting.append(self._next(self._restart()))
        return self._waiting[0]

    def _restart(self) -> Iterator[Any]:
        if self._iterator is None:
            self._iterator = iter(self.source)
        return self._iterator

    def _next(self, iterator: Iterator[Any]) -> tuple[Any, Any, Any]:
        try:
            batch = next(iterator)
        except StopIteration:
            raise ValueError("The data set is empty: the generator gave no batch.") from None
        return self._finish(batch)

    def epoch(self, number: int) -> Iterator[tuple[Any, Any, Any]]:
        """The batches up to the end, or to the number of steps."""
        iterator, count = self._restart(), 0
        while self.steps is None or count < self.steps:
            if self._waiting:
                self._last = self._waiting.pop()
            else:
                try:
                    self._last = self._finish(next(iterator))
                except StopIteration:
                    self._iterator = None
                    break
            count += 1
            yield self._last
        if self.again and self.steps is None:
            self._iterator = None

    def not_finite(self) -> list[str]:
        """What is NaN or infinite in the batch that came last."""
        return describe_not_finite(self._last) if self._last else []


class DatasetBatches:
    """Batches of a `PyDataset`, or of anything with `__len__` and `__getitem__`."""

    def __init__(
        self, source: Any, shuffle: bool, seed: int, class_weight: Any, names: Any, dtype: str
    ) -> None:
        self.source, self.shuffle, self.seed = source, shuffle, seed
        self.steps = len(source)
        if self.steps == 0:
            raise ValueError("The data set is empty: its length is 0.")
        self._last: Any = None
        self._finish: Function = lambda batch: _finish(batch, class_weight, names, dtype)

    def first(self) -> tuple[Any, Any, Any]:
        """The batch of number 0."""
        return self._finish(self.source[0])

    def epoch(self, number: int) -> Iterator[tuple[Any, Any, Any]]:
        """All batches, in an order of their own where they are shuffled."""
        _tell(self.source, "on_epoch_begin")
        n = len(self.source)
        for i in permutation(n, self.seed, number) if self.shuffle else range(n):
            self._last = self._finish(self.source[int(i)])
            yield self._last
        _tell(self.source, "on_epoch_end")

    def not_finite(self) -> list[str]:
        """What is NaN or infinite in the batch that came last."""
        return describe_not_finite(self._last) if self._last else []


def _tell(source: Any, event: str) -> None:
    method = getattr(source, event, None)
    if method is not None:
        method()


def _finish(batch: Any, class_weight: Any, names: Any, dtype: str) -> tuple[Any, Any, Any]:
    """A batch as a triple of arrays with its class weights."""
    parts = unpack_x_y_sample_weight(batch)
    x, y, w = (
        None if p is None else as_arrays(p, dtype, name)
        for p, name in zip(parts, ("x", "y", "sample_weight"), strict=True)
    )
    if class_weight is not None:
        w = class_to_sample_weight(class_weight, y, w, names, dtype)
    return x, y, w


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
    """What makes batches of the user's data.

    Raises:
        TypeError: the data are of no known kind.
        ValueError: targets or a batch size beside data that bring their own.
    """
    if x is None:
        raise ValueError("There are no data: x is None.")
    if _is_arrays(x):
        return ArrayBatches(
            x, y, sample_weight, batch_size=32 if batch_size is None else batch_size, shuffle=shuffle, seed=seed,
            class_weight=class_weight, output_names=output_names, dtype=dtype,
        )  # fmt: skip
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"x is a {type(x).__name__} that yields batches (x, y) or (x, y, sample_weight) itself; y and "
            "sample_weight cannot be given beside it."
        )
    if isinstance(x, PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        return DatasetBatches(x, shuffle, seed, class_weight, output_names, dtype)
    if hasattr(x, "__iter__"):
        return StreamBatches(x, steps, class_weight, output_names, dtype)
    raise TypeError(
        f"Cannot take batches from a {type(x).__name__}. Expected arrays, a list or dict of arrays, a "
        "generator or iterable of batches, or a hilevel.utils.PyDataset."
    )


def _is_arrays(x: Any) -> bool:
    if isinstance(x, (list, tuple, dict)):
        return True
    return not isinstance(x, PyDataset) and (hasattr(x, "shape") or hasattr(x, "__array__"))
