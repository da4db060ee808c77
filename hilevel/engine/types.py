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
DTypeLike: TypeAlias = Any
Axis: TypeAlias = int | Sequence[int] | None
Namespace: TypeAlias = Any
"""Where a rule finds its functions: an array module, or `hilevel.ops` to be differentiated again."""

Function: TypeAlias = Callable[..., Any]
Config: TypeAlias = dict[str, Any]
