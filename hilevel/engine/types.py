"""The type names used all over the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Tensor: TypeAlias = Any
"""Whatever an op accepts: an array of a backend, a Variable, a traced or symbolic tensor, a number."""

Array: TypeAlias = Any
"""An array of one backend: numpy.ndarray, jax.Array, cupy.ndarray."""

Shape: TypeAlias = tuple[int | None, ...]
"""A shape; `None` is a dimension that is not known before there are data."""

DType: TypeAlias = np.dtype[Any]
"""A dtype of NumPy, `bfloat16` of `ml_dtypes` among them."""

DTypeLike: TypeAlias = Any
"""A dtype, its name, a NumPy scalar type, or None for the default of the function."""

Axis: TypeAlias = int | Sequence[int] | None
"""One axis, several, or None for all; negative ones count from the last."""

Namespace: TypeAlias = Any
"""Where a rule finds its functions: an array module, or `hilevel.ops` to be differentiated again."""

Function: TypeAlias = Callable[..., Any]
"""A function of any arguments."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` returns: the arguments of a constructor as plain data, by name."""
