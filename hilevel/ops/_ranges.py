"""Ranges of indices and labels: checked on the host, before a step is run on the data.

An op or a layer that takes indices calls `expect_indices`. On an array of the host the elements are checked at once.
On an abstract tensor that stands for a part of a batch, the range is noted: the training loop checks the batches
before the step is run on them. On a device nothing is checked, and an index outside the range gives NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from hilevel._context import context
from hilevel.errors import OutOfRangeError
from hilevel.ops._abstract import Abstract, Unknown


class IndexRange(NamedTuple):
    """A range that a part of a batch has to keep to.

    Args:
        source: the position of the part among the leaves of the batch.
        size: the indices are those from 0 up to, but not including, this number.
        label: the layer or loss that the indices are for, and their meaning: `'Embedding "e": index'`.
        advice: a sentence on what to do about an index outside the range.
        ignored: an index outside the range that is allowed.
    """

    source: int
    size: int
    label: str
    advice: str
    ignored: int | None = None

    def check(self, array: np.ndarray[Any, Any], where: str = "") -> None:
        """Raise OutOfRangeError if an element of the array is outside the range, NaN included."""
        if array.dtype.kind not in "biuf" or not array.size:
            return
        low, high = array.min(), array.max()
        if low > -1 and high < self.size:
            return
        inside = (array > -1) & (array < self.size)
        wrong = array[~inside if self.ignored is None else ~(inside | (array == self.ignored))]
        if wrong.size:
            raise OutOfRangeError(
                f"{self.label} {wrong.flat[0]}{where} is outside 0..{self.size - 1}. {self.advice}"
            )


def expect_indices(x: Any, size: Any, label: str, advice: str, ignored: int | None = None) -> None:
    """Declare that the elements of a tensor are indices from 0 to `size - 1`.

    Raises:
        OutOfRangeError: an array of the host has another element.
    """
    if not isinstance(size, int) or isinstance(size, Unknown):
        return
    if isinstance(x, (list, tuple)):
        x = np.asarray(x)
    if isinstance(x, np.ndarray):
        IndexRange(-1, size, label, advice, ignored).check(x)
    elif isinstance(x, Abstract) and x.source is not None and context.ranges is not None:
        context.ranges.append(IndexRange(x.source, size, label, advice, ignored))


def check_ranges(ranges: Iterable[IndexRange], leaves: list[tuple[str, Any]]) -> None:
    """Check the leaves of a batch, pairs of a name and a column that yields its blocks.

    Raises:
        OutOfRangeError: names the leaf, the element and the range.
    """
    for expected in ranges:
        name, blocks = leaves[expected.source]
        for block in blocks():
            expected.check(block, f" in {name}")
