"""The types of data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from hilevel.engine.types import Tensor


class SupportsArray(Protocol):
    """An object that NumPy converts to an array, such as a table of pandas."""

    def __array__(self) -> Any: ...


class IndexedBatches(Protocol):
    """Batches by index: a `PyDataset`, or an object with its methods."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


Data: TypeAlias = Tensor | SupportsArray | Iterable[Any] | IndexedBatches
"""Data as `fit`, `evaluate` and `predict` accept them.

They are arrays in memory or in files, tables, sparse matrices of SciPy, or lists, tuples or dicts of these. They may
also be an iterable of batches, a `PyDataset`, or the data of another library (`libraries.py`)."""

ClassWeight: TypeAlias = Mapping[int, float] | Mapping[str, Mapping[int, float]]
"""The weights of classes, `{class: weight}`, or of the classes of several outputs, `{output: {class: weight}}`."""
