"""What all initializers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.api.configurable import Configurable
from hilevel.config import floatx
from hilevel.engine import dtypes
from hilevel.engine.types import DType, DTypeLike


class Initializer(Configurable):
    """Base of initializers: objects called with a shape and a dtype that return an array of the host.

    >>> class Halves(hilevel.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 0.5, dtype)
    >>> hilevel.Variable(Halves(), shape=(2,)).numpy()
    array([0.5, 0.5], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        """The first value of a weight of that shape; floatx where no dtype is given."""
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__(shape, dtype=None), which makes the values."
        )

    def clone(self) -> Initializer:
        """An initializer of the same configuration."""
        return type(self).from_config(self.get_config())


def resolved(dtype: DTypeLike) -> DType:
    """The dtype object; floatx for None."""
    return dtypes.as_dtype(floatx() if dtype is None else dtype)
