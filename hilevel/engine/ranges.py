"""Ranges of indices, labels and targets: checked on the host, before a step is run on the data.

An op, a layer or a loss that takes indices calls `expect_indices`; one that takes probabilities as targets calls
`expect_fractions`. On an array of the host the elements are checked at once.
On an abstract tensor that stands for a part of a batch, the range is noted: the training loop checks the batches
before the step is run on them. On a device nothing is checked, and an index outside the range gives NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from hilevel.engine.context import context
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.errors import OutOfRangeError


class Range(NamedTuple):
    """A range that a part of a batch has to keep to.

    Args:
        source: the position of the part among the leaves of the batch.
        low, high: the limits of the range, both excluded.
        expected: the values that the message names: `"0..4"`.
        label: the layer or loss that takes the values, and their meaning: `'Embedding "e": index'`.
        advice: a sentence on what to do about a value outside the range.
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


def expect_indices(x: Any, size: Any, label: str, advice: str, ignored: int | None = None) -> None:
    """Declare that the elements of a tensor are indices from 0 to `size - 1`.

    Raises:
        OutOfRangeError: an array of the host has another element, NaN included.
    """
    if isinstance(size, int) and not isinstance(size, UnknownSize):
        _expect(x, Range(-1, -1, size, f"0..{size - 1}", label, advice, ignored))


def expect_fractions(x: Any, label: str, advice: str) -> None:
    """Declare that the elements of a tensor are from 0 to 1, apart from noise: above -0.5 and below 1.5, or NaN.

    Raises:
        OutOfRangeError: an array of the host has another element.
    """
    _expect(x, Range(-1, -0.5, 1.5, "0..1", label, advice, takes_nan=True))


def _expect(x: Any, expected: Range) -> None:
    """Check an array of the host; note the range of an abstract tensor that stands for a part of a batch."""
    if isinstance(x, (list, tuple)):
        x = np.asarray(x)
    if isinstance(x, np.ndarray):
        expected.check(x)
    elif isinstance(x, TensorSpec) and x.source is not None and context.ranges is not None:
        declared = expected._replace(source=x.source)
        if declared not in context.ranges:
            context.ranges.append(declared)


def check_ranges(ranges: Iterable[Range], leaves: list[tuple[str, Any]]) -> None:
    """Check the leaves of a batch, pairs of a name and a column that yields its blocks.

    Raises:
        OutOfRangeError: names the leaf, the element and the range.
    """
    for expected in ranges:
        name, blocks = leaves[expected.source]
        for block in blocks():
            expected.check(block, f" in {name}")
