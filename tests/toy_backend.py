"""A third party's backend: NumPy that counts how often each of its functions is called."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from hilevel.engine import protocol


class CountingModule:
    """NumPy, with a count of the calls of each function."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        if isinstance(value, type) or not callable(value):
            return value

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            return value(*args, **kwargs)

        counted.at = getattr(value, "at", None)  # type: ignore[attr-defined]
        return counted


class Backend(protocol.Backend):
    """What a backend has to say at least."""

    xp = CountingModule()
    array_types = (np.ndarray, np.generic)
    requires = "numpy"
