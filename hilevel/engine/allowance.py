"""The limit on memory while a model is made from a file.

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

_RESULT = 256
"""The number of bytes that each inferred result of an op takes, about."""


class Allowance:
    """The number of bytes that the Variables of a model may take.

    Args:
        size: the number of bytes.
        source: the origin of the model, for errors.
    """

    def __init__(self, size: int, source: str = "a file of this size") -> None:
        self.size, self.left, self.source = size, size, source
        self._delayed: list[tuple[Any, Any, Callable[..., Any]]] = []

    def zeros(self, shape: Sequence[int], dtype: np.dtype[Any], name: str) -> np.ndarray[Any, Any]:
        """Return zeros for a Variable.

        Raises:
            UnsafeContentError: all Variables together would be larger than the limit.
        """
        self.take(
            math.prod(map(int, shape)) * dtype.itemsize, f'The Variable "{name}" of shape {tuple(shape)}'
        )
        return np.zeros(tuple(shape), dtype)

    def take(self, size: int, what: str) -> None:
        """Note the memory of an object.

        Args:
            size: the number of bytes.
            what: the object, for the error.

        Raises:
            UnsafeContentError: all objects together would be larger than the limit.
        """
        if not 0 <= size <= self.left:
            raise UnsafeContentError(
                f"{what} needs {size:,} bytes; {self.left:,} of the {self.size:,} are left for {self.source}."
            )
        self.left -= size

    def check_shape(self, shape: Sequence[int]) -> None:
        """Note a result that is inferred, and refuse an axis whose indices would be larger than the limit."""
        self.take(_RESULT, "The calls of the model")
        largest = max(shape, default=0)
        if 8 * largest > self.size:
            raise UnsafeContentError(
                f"The axis of {largest:,} elements is larger than {self.source} may have."
            )

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


def claim(size: int, what: str) -> None:
    """Note memory that a setting of a layer or an op takes; outside of loading do nothing.

    Args:
        size: the number of bytes.
        what: the setting, for the error.

    Raises:
        UnsafeContentError: the loaded file, or text, is too small to need so much memory.

    >>> from hilevel.engine.allowance import Allowance, allowing, claim
    >>> with allowing(Allowance(1000)):
    ...     claim(8000, "size=1000")
    Traceback (most recent call last):
    hilevel.errors.UnsafeContentError: size=1000 needs 8,000 bytes; 1,000 of the 1,000 are left for a file of this size.
    """
    limit = allowance.get()
    if limit is not None:
        limit.take(size, what)


@contextmanager
def allowing(limit: Allowance) -> Iterator[None]:
    """Return a block in which new Variables are zeros within a limit."""
    token = allowance.set(limit)
    try:
        yield
    finally:
        allowance.reset(token)
