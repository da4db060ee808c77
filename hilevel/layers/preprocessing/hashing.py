"""Hashes of strings and integers."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel.engine.settings import settings
from hilevel.layers.base.checks import one_of, positive, set_unsupported
from hilevel.layers.base.settings import Options
from hilevel.layers.preprocessing.hashes import bucket, two_numbers
from hilevel.layers.preprocessing.host import HostLayer, encoded
from hilevel.layers.preprocessing.vocabulary import flat


class Hashing(HostLayer):
    """Strings or integers as integers below `num_bins`: their hash, without a vocabulary.

    Args:
        num_bins: how many integers there are.
        mask_value: what is put to 0, and leaves the integers from 1 to all others; none by default.
        salt: an integer, or two, that make the hash another one, SipHash64; by default it is FarmHash64.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`, as in `StringLookup`.
        sparse: not implemented; only False is accepted.

    >>> import hilevel
    >>> hilevel.layers.Hashing(3)([["A"], ["B"], ["E"]])
    array([[1],
           [0],
           [2]])

    Raises:
        ValueError: `num_bins` is no positive integer, or the mode is none of the four.
        TracedValueError: at a call, the layer is part of a model that is compiled, or of a graph.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else settings.floatx
        super().__init__(**kwargs)
        set_unsupported(self, sparse=bool(sparse))
        output_mode = one_of("Hashing", "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.num_bins = positive("Hashing", "num_bins", num_bins)
        self.mask_value, self.output_mode = mask_value, output_mode
        self.salt = two_numbers("Hashing", salt)

    def call(self, inputs: Any) -> Any:
        """The bins of the inputs, of their shape, or vectors of them."""
        array = np.asarray(inputs)
        values = flat(array, "string" if array.dtype.kind in "USO" else "integer")
        bins = np.array([self._bin(value) for value in values], np.int64).reshape(array.shape)
        return encoded(bins, self.output_mode, self.num_bins).astype(self.compute_dtype)

    def _bin(self, value: Any) -> int:
        masked = self.mask_value is not None and self.num_bins > 1
        if masked and value == self.mask_value:
            return 0
        return masked + bucket(str(value).encode(), self.num_bins - masked, self.salt)
