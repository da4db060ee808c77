"""The limit on the memory of Variables while a model is made from a file.

A file of a few bytes can describe a layer of any size. So the Variables of a model that is loaded are zeros, whose
sizes are counted before they are made. Then the arrays of the file take their places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from hilevel.errors import UnsafeContentError


class Allowance:
    """The number of bytes that the Variables of a model may take.

    Args:
        size: the number of bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = self.left = size
        self._delayed: list[tuple[Any, Any, Callable[..., Any]]] = []

    def zeros(self, shape: Sequence[int], dtype: np.dtype[Any], name: str) -> np.ndarray[Any, Any]:
        """Return zeros for a Variable.

        Raises:
            UnsafeContentError: all Variables together would be larger than the limit.
        """
        size = math.prod(map(int, shape)) * dtype.itemsize
        if size > self.left:
            raise UnsafeContentError(
                f'The Variable "{name}" of shape {tuple(shape)} needs {size:,} bytes; {self.left:,} of the '
                f"{self.size:,} are left that a file of this size may take."
            )
        self.left -= size
        return np.zeros(tuple(shape), dtype)

    def delay(self, variable: Any, initializer: Callable[..., Any]) -> None:
        """Note the initializer of a Variable of zeros."""
        self._delayed.append((variable, variable._array, initializer))

    def initialize(self) -> None:
        """Initialize the Variables that still have the zeros, as the file has no arrays for them."""
        for variable, zeros, initializer in self._delayed:
            if variable._array is zeros:
                variable.assign(initializer(variable.shape, dtype=variable.dtype.name))
        self._delayed = []


allowance: ContextVar[Allowance | None] = ContextVar("allowance", default=None)
"""The limit of this thread; None outside of loading."""


@contextmanager
def allowing(limit: Allowance) -> Iterator[None]:
    """Return a block in which new Variables are zeros within a limit."""
    token = allowance.set(limit)
    try:
        yield
    finally:
        allowance.reset(token)
