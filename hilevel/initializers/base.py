"""The base of initializers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from hilevel.api.configurable import Configurable
from hilevel.config import floatx
from hilevel.engine import dtypes
from hilevel.engine.types import Config, DType, DTypeLike, Function, Tensor


class Initializer(Configurable):
    """Base of initializers, which return a NumPy array for a shape and a dtype.

    >>> class Halves(hilevel.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 0.5, dtype)
    >>> hilevel.Variable(Halves(), shape=(2,)).numpy()
    array([0.5, 0.5], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
        """Return the initial value of a weight.

        Args:
            shape: the shape of the weight.
            dtype: its dtype; floatx by default.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__(shape, dtype=None), which returns the values."
        )

    def clone(self) -> Initializer:
        """Return an initializer with the same config."""
        return type(self).from_config(self.get_config())


def resolved(dtype: DTypeLike) -> DType:
    """Return the dtype object; floatx for None."""
    return dtypes.as_dtype(floatx() if dtype is None else dtype)


InitializerLike: TypeAlias = Initializer | str | Function | Config | Tensor | None
"""An initializer, its name or config, a class, a function `(shape, dtype)`, or an array of initial values."""
