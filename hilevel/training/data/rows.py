"""Rows that are read on demand: of memory-mapped files, chunked stores, and sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.types import DTypeLike

IN_MEMORY = ("__array_interface__", "__dlpack__", "iloc", "numpy")
"""Attributes of arrays and tables that are in memory as a whole: of NumPy and JAX, of pandas, of TensorFlow."""


class Rows:
    """The rows of a memory-mapped array, a store or a sparse matrix, which are read and converted on demand.

    A store is an object with `shape`, `dtype` and `__getitem__` by slice, such as a dataset of h5py or an array of
    zarr. With an attribute `chunks`, its rows are read chunk by chunk.

    Args:
        source: an array, a store, or a scipy sparse matrix in CSR form, of shape `(samples, ...)`.
        dtype: the dtype of the result.
        span: the rows of the source that belong to these rows; None for all.

    >>> from hilevel.training.data.rows import Rows
    >>> rows = Rows(np.arange(6.0).reshape(3, 2), "float32")
    >>> rows[1:]
    array([[2., 3.],
           [4., 5.]], dtype=float32)
    >>> rows.part(slice(1, 3)).take(np.array([1, 0]))
    array([[4., 5.],
           [2., 3.]], dtype=float32)
    """

    def __init__(self, source: Any, dtype: DTypeLike, span: range | None = None) -> None:
        self.source = source
        self.span = range(source.shape[0]) if span is None else span
        self.shape: tuple[int, ...] = (len(self.span), *source.shape[1:])
        self.dtype = np.dtype(dtype)
        self.is_sparse = hasattr(source, "tocsr")

    def __len__(self) -> int:
        return len(self.span)

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
        return self.read(rows).astype(self.dtype, copy=False)

    def read(self, rows: slice) -> np.ndarray[Any, Any]:
        """Return some adjacent rows in the dtype of the source, copied into memory."""
        span = self.span[rows]
        return _in_memory(self.source[span.start : span.stop])

    def take(self, indices: np.ndarray[Any, Any], axis: int = 0) -> np.ndarray[Any, Any]:
        """Return the rows at the indices, of shape `(len(indices), ...)`."""
        at = indices + self.span.start
        if self.is_sparse or hasattr(self.source, "take"):
            read = self.source[at] if self.is_sparse else self.source.take(at, axis=0)
            return _in_memory(read).astype(self.dtype, copy=False)
        out = np.empty((len(at), *self.shape[1:]), self.dtype)
        of_chunk = at // self.chunk
        for chunk in np.unique(of_chunk):
            places = np.flatnonzero(of_chunk == chunk)
            wanted = at[places]
            first = int(wanted.min())
            out[places] = _in_memory(self.source[first : int(wanted.max()) + 1])[wanted - first]
        return out

    def part(self, rows: slice) -> Rows:
        """Return some of the rows, without reading them."""
        return Rows(self.source, self.dtype, self.span[rows])

    @property
    def chunk(self) -> int:
        """The number of rows that the source reads together; 1 without chunks."""
        chunks = getattr(self.source, "chunks", None)
        size = chunks[0] if chunks else 1
        return max(size) if isinstance(size, tuple) else int(size)  # a tuple for each axis: dask


def _in_memory(read: Any) -> np.ndarray[Any, Any]:
    """Return rows that a source has returned as an array that is no view of a mapped file."""
    if hasattr(read, "toarray"):
        return read.toarray()
    return np.array(read) if isinstance(read, np.ndarray) and not read.flags.owndata else np.asarray(read)


def is_store(leaf: Any) -> bool:
    """Whether an object is an array whose elements are read when it is indexed."""
    return (
        all(hasattr(leaf, name) for name in ("shape", "dtype", "__getitem__"))
        and not any(hasattr(leaf, name) for name in IN_MEMORY)
        and isinstance(leaf.dtype, np.dtype)
        and len(leaf.shape) > 0
    )


def is_mapped(array: Any) -> bool:
    """Whether an array lies in a memory-mapped file."""
    while array is not None:
        if isinstance(array, np.memmap) or type(array).__name__ == "mmap":
            return True
        array = getattr(array, "base", None)
    return False
