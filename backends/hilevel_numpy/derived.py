"""The quotient by one number, which most losses end with."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.ops.numpy.derived import divide_no_nan

Array = np.ndarray[Any, Any]


def quotient(xp: Any, x1: Array, x2: Array) -> Any:
    """`x1 / x2`, and 0 where `x2` is 0."""
    return x1 / x2 if not np.ndim(x2) and x2 else divide_no_nan.value(xp, x1, x2)


OVERRIDES = {divide_no_nan: Override(quotient)}
