"""Hashes of combinations of strings and integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.dtype_policies import DTypePolicyLike
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.settings import settings
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import one_of, positive, set_sparse
from hilevel.layers.preprocessing.hashes import crossed, fingerprint64
from hilevel.layers.preprocessing.host import HostLayer, encoded, is_tensor


class HashedCrossing(HostLayer):
    """A layer that hashes the combination of several features to an integer below `num_bins`.

    The hash is the one of Keras and TensorFlow, on every machine.

    Args:
        num_bins: the number of bins.
        output_mode: `"int"` for the bin, or `"one_hot"` for a vector of length `num_bins`.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.

    >>> import hilevel
    >>> hilevel.layers.HashedCrossing(5)((np.array(["A", "B", "A"]), np.array([101, 101, 102])))
    array([1, 4, 3])

    Raises:
        ValueError: an argument is invalid. At a call, the inputs are not at least two arrays of strings or integers, of
            one shape `()`, `(batch,)` or `(batch, 1)`.
        TracedValueError: at a call, the layer is part of a compiled model or of a graph.
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: DTypePolicyLike = None,
        **kwargs: Any,
    ) -> None:
        if dtype is None:
            dtype = "int64" if output_mode == "int" else settings.floatx
        super().__init__(name=name, dtype=dtype, **kwargs)
        set_sparse(self, sparse)
        self.output_mode = one_of("HashedCrossing", "output_mode", output_mode, ("int", "one_hot"))
        self.num_bins = positive("HashedCrossing", "num_bins", num_bins)

    def call(self, inputs: Sequence[TensorLike]) -> Tensor:
        """Return the bins, in the shape of each input, or vectors of them."""
        columns = self._columns(inputs)
        rows = zip(*(column.ravel().tolist() for column in columns), strict=True)
        bins = np.array([crossed(map(_hash, row)) % self.num_bins for row in rows], np.int64)
        bins = bins.reshape(columns[0].shape)
        return encoded(bins, self.output_mode, self.num_bins).astype(self.compute_dtype)

    def _columns(self, inputs: Sequence[TensorLike]) -> list[np.ndarray[Any, Any]]:
        """Return the inputs as arrays of one shape."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f"{self._label()} must be called on a list of at least two inputs.")
        columns = [np.asarray(to_host(x) if is_tensor(x) else x) for x in inputs]
        shape = columns[0].shape
        if len(shape) > 2 or shape[1:] not in ((), (1,)) or any(c.shape != shape for c in columns):
            raise ValueError(
                f"{self._label()} expects inputs of one shape: (), (batch,) or (batch, 1); got "
                f"{', '.join(str(c.shape) for c in columns)}."
            )
        if any(c.dtype.kind not in "iuUSO" for c in columns):
            raise ValueError(
                f"{self._label()} expects integers or strings; got {', '.join(str(c.dtype) for c in columns)}."
            )
        return columns


def _hash(value: int | str | bytes) -> int:
    """Return the hash of an element: of a string its FarmHash64, of an integer itself."""
    if isinstance(value, int):
        return value & 0xFFFFFFFFFFFFFFFF
    return fingerprint64(value if isinstance(value, bytes) else value.encode())
