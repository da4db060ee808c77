"""The data of other libraries, recognised by the names of their classes, without an import."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from hilevel.engine import dtypes


@lru_cache(1024)
def _names(cls: type) -> frozenset[str]:
    """Return the names of a class and its bases, each after the name of its package."""
    return frozenset(f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in cls.__mro__)


def is_a(x: object, *names: str) -> bool:
    """Whether an object is of one of the classes, such as `"torch.Tensor"`, or of a subclass.

    >>> from hilevel.training.data.libraries import is_a
    >>> is_a(np.zeros(2), "numpy.ndarray"), is_a(np.zeros(2), "torch.Tensor")
    (True, False)
    """
    kind: Any = type(x)
    return not _names(kind).isdisjoint(names)


# -- tensors of PyTorch --------------------------------------------------------------------------------


def to_numpy(leaf: Any) -> Any:
    """Return a tensor of PyTorch as a NumPy array, bfloat16 as float32; other objects unchanged."""
    if not is_a(leaf, "torch.Tensor"):
        return leaf
    tensor = leaf.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


# -- Hugging Face --------------------------------------------------------------------------------------


class HuggingFaceColumn:
    """A column of a data set of Hugging Face, as a store whose rows are read when it is indexed.

    Args:
        dataset: a `datasets.Dataset`.
        name: the name of the column.
    """

    def __init__(self, dataset: Any, name: str) -> None:
        self.name = name
        self.rows = dataset.with_format("numpy", columns=[name])
        first = self[0:1]
        self.shape, self.dtype = (len(dataset), *first.shape[1:]), first.dtype

    def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
        return np.asarray(self.rows[rows][self.name])

    def take(self, indices: np.ndarray[Any, Any], axis: int = 0) -> np.ndarray[Any, Any]:
        """Return the rows at the indices."""
        return np.asarray(self.rows[indices][self.name])


def huggingface_columns(data: Any) -> Any:
    """Return a data set of Hugging Face as a dict of its columns, and a column as a store; other data unchanged."""
    if is_a(data, "datasets.Dataset"):
        return {name: HuggingFaceColumn(data, name) for name in data.column_names}
    if is_a(data, "datasets.Column"):
        return HuggingFaceColumn(data.source, data.column_name)
    return data


# -- tables: pandas, polars, Arrow ---------------------------------------------------------------------

ARROW = ("pyarrow.Table", "pyarrow.RecordBatch", "pyarrow.ChunkedArray", "pyarrow.Array")
TABLES = (*ARROW, "polars.DataFrame", "polars.Series", "pandas.DataFrame", "pandas.Series")


def read_table(table: Any, what: str) -> np.ndarray[Any, Any]:
    """Return the columns of a table, side by side, or a single column, as an array.

    Raises:
        TypeError: a column is not numeric.
        ValueError: a column has missing values, or a column of a table has arrays as its values.
    """
    names = getattr(table, "column_names", None) or getattr(table, "columns", None)
    if names is None:
        return _read_column(table, what, getattr(table, "name", None))
    columns = [_read_column(table[name], what, name) for name in names]
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1:
            raise ValueError(
                f'{what}: each value of the column "{name}" is an array of shape {column.shape[1:]}. Give the columns '
                "one by one, as a dict of inputs or as one array."
            )
    return np.stack(columns, axis=1)


def _read_column(column: Any, what: str, name: object) -> np.ndarray[Any, Any]:
    dtype = column.type if is_a(column, *ARROW) else column.dtype
    label = f'{what}: the column "{name}" of dtype {dtype}' if name else f"{what}: a column of dtype {dtype}"
    missing = 0 if isinstance(dtype, np.dtype) else _missing(column)
    if missing:
        raise ValueError(f"{label} has {missing} missing values. Use {_fill(column)} first.")
    array = _arrow_values(column) if is_a(column, *ARROW) else np.asarray(column)
    if not dtypes.is_numeric(array.dtype):
        advice = (
            "Use its codes (column.cat.codes), or hilevel.layers.StringLookup"
            if str(dtype) == "category"
            else "Encode text or dates first, text by hilevel.layers.StringLookup"
        )
        raise TypeError(f"{label} is not numeric. {advice}.")
    return array


def _missing(column: Any) -> int:
    """Return the number of missing values of a column of any library."""
    count = getattr(column, "null_count", None)
    if count is None:
        return int(column.isna().sum()) if hasattr(column, "isna") else 0
    return int(count() if callable(count) else count)


def _fill(column: Any) -> str:
    """Return the names of the functions that remove missing values in the library of a column."""
    if is_a(column, *ARROW):
        return "fill_null or drop_null"
    return "fill_null or drop_nulls" if is_a(column, "polars.Series") else "fillna or dropna"


def _arrow_values(column: Any) -> np.ndarray[Any, Any]:
    """Return a column of Arrow as an array. Lists of one size are its rows."""
    whole = column.combine_chunks() if is_a(column, "pyarrow.ChunkedArray") else column
    if hasattr(whole, "to_numpy_ndarray"):
        return whole.to_numpy_ndarray()
    if hasattr(whole.type, "list_size"):
        return _arrow_values(whole.flatten()).reshape(len(whole), whole.type.list_size, -1).squeeze(-1)
    return whole.to_numpy(zero_copy_only=False)


def has_extension_dtypes(table: Any) -> bool:
    """Whether a table or a column has dtypes that NumPy does not have."""
    found = getattr(table, "dtypes", None)
    listed = list(found) if isinstance(found, Iterable) else [getattr(table, "dtype", found)]
    return not all(isinstance(dtype, np.dtype) for dtype in listed)
