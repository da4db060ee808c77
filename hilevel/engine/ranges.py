"""Ranges of indices, labels and targets, checked on the host before a step runs on the data.

Ops, layers and losses call `expect_indices` for indices, and `expect_fractions` for probabilities as targets.

- Elements of NumPy arrays are checked at once.
- For a `TensorSpec` that represents an array of the batch, the range is recorded. The training loop checks each batch
  before it runs the step.
- On a device nothing is checked. An index outside the range gives NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hilevel.engine.context import context
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.engine.types import Function, TensorLike
from hilevel.errors import OutOfRangeError


class Range(NamedTuple):
    """The allowed range of the elements of one array of a batch.

    Args:
        source: the position of the array among the leaves of the batch.
        low, high: the limits of the range, both excluded.
        expected: the range in the error message, such as `"0..4"`.
        label: the layer or loss, and the meaning of the values, such as `'Embedding "e": index'`.
        advice: the last sentence of the error message.
        ignored: a value outside the range that is allowed.
        takes_nan: whether NaN is allowed.
    """

    source: int
    low: float
    high: float
    expected: str
    label: str
    advice: str
    ignored: int | None = None
    takes_nan: bool = False

    def check(self, array: np.ndarray[Any, Any], where: str = "") -> None:
        """Raise OutOfRangeError if an element of the array is outside the range."""
        if array.dtype.kind not in "biuf" or not array.size:
            return
        low, high = array.min(), array.max()
        if low > self.low and high < self.high:
            return
        allowed = (array > self.low) & (array < self.high)
        if self.ignored is not None:
            allowed |= array == self.ignored
        if self.takes_nan:
            allowed |= np.isnan(array)
        wrong = array[~allowed]
        if wrong.size:
            raise OutOfRangeError(
                f"{self.label} {wrong.flat[0]}{where} is outside {self.expected}. {self.advice}"
            )


def expect_indices(x: TensorLike, size: object, label: str, advice: str, ignored: int | None = None) -> None:
    """Declare that the elements of a tensor are indices from 0 to `size - 1`.

    Args:
        x: a tensor, or nested lists.
        size: the number of indices; an unknown size is not checked.
        label, advice, ignored: as in `Range`.

    Raises:
        OutOfRangeError: a NumPy array or list has another element, such as NaN.
    """
    if isinstance(size, int) and not isinstance(size, UnknownSize):
        _expect(x, Range(-1, -1, size, f"0..{size - 1}", label, advice, ignored))


def expect_fractions(x: TensorLike, label: str, advice: str) -> None:
    """Declare that the elements of a tensor are from 0 to 1. Values above -0.5 and below 1.5, and NaN, are accepted.

    Args:
        x: a tensor, or nested lists.
        label, advice: as in `Range`.

    Raises:
        OutOfRangeError: a NumPy array or list has another element.
    """
    _expect(x, Range(-1, -0.5, 1.5, "0..1", label, advice, takes_nan=True))


def _expect(x: TensorLike, expected: Range) -> None:
    """Check a NumPy array; record the range of a `TensorSpec` that represents an array of a batch."""
    if isinstance(x, (list, tuple)):
        x = np.asarray(x)
    if isinstance(x, np.ndarray):
        expected.check(x)
    elif isinstance(x, TensorSpec) and x.source is not None and context.ranges is not None:
        declared = expected._replace(source=x.source)
        if declared not in context.ranges:
            context.ranges.append(declared)


def check_ranges(ranges: Iterable[Range], leaves: Sequence[tuple[str, Function]]) -> None:
    """Check the leaves of a batch: pairs of a name and a function that yields blocks of an array.

    Raises:
        OutOfRangeError: an element is outside its range.
    """
    for expected in ranges:
        name, blocks = leaves[expected.source]
        for block in blocks():
            expected.check(block, f" in {name}")
