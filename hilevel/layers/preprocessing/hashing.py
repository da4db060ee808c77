"""Hashes of strings and integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from hilevel.engine.settings import settings
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import one_of, positive, set_sparse
from hilevel.layers.base.settings import Options
from hilevel.layers.preprocessing.hashes import bucket, salt_pair
from hilevel.layers.preprocessing.host import HostLayer, encoded
from hilevel.layers.preprocessing.vocabulary import Token, flat


class Hashing(HostLayer):
    """A layer that hashes strings or integers to integers below `num_bins`, in the same shape.

    Args:
        num_bins: the number of bins.
        mask_value: the input with the bin 0, which no other input gets; none by default.
        salt: one or two integers, the key of SipHash64; by default the hash is FarmHash64.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`, as in `StringLookup`.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.

    >>> import hilevel
    >>> hilevel.layers.Hashing(3)([["A"], ["B"], ["E"]])
    array([[1],
           [0],
           [2]])

    Raises:
        ValueError: `num_bins` is not a positive integer, or the mode is unknown.
        TracedValueError: at a call, the layer is part of a compiled model or of a graph.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: str | int | None = None,
        salt: int | Sequence[int] | None = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else settings.floatx
        super().__init__(**kwargs)
        set_sparse(self, sparse)
        output_mode = one_of("Hashing", "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.num_bins = positive("Hashing", "num_bins", num_bins)
        self.mask_value, self.output_mode = mask_value, output_mode
        self.salt = salt_pair("Hashing", salt)

    def call(self, inputs: TensorLike) -> Tensor:
        """Return the bins of the inputs, or the vectors of `output_mode`."""
        array = np.asarray(inputs)
        values = flat(array, "string" if array.dtype.kind in "USO" else "integer")
        bins = np.array([self._bin(value) for value in values], np.int64).reshape(array.shape)
        return encoded(bins, self.output_mode, self.num_bins).astype(self.compute_dtype)

    def _bin(self, value: Token) -> int:
        masked = self.mask_value is not None and self.num_bins > 1
        if masked and value == self.mask_value:
            return 0
        return masked + bucket(str(value).encode(), self.num_bins - masked, self.salt)
