"""Updates of weights in place, block by block, so that what is worked on stays in the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import add, divide, multiply, sqrt, subtract

from hilevel.ops import updates
from hilevel.protocol import Override

Array = np.ndarray[Any, Any]
Rows = Sequence[Sequence[Array]]
BLOCK = 32768


class _Scratch(threading.local):
    """Memory for what is only needed within one block; each thread has its own."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def of(self, dtype: np.dtype[Any]) -> Array:
        array = self.arrays.get(dtype.char)
        if array is None:
            array = self.arrays[dtype.char] = np.empty(BLOCK, dtype)
        return array


_scratch = _Scratch()


def _blocks(rows: Rows) -> Iterator[Sequence[Array]]:
    """For each row scratch memory and the arrays: small ones whole, equal parts of large ones."""
    scratch = _scratch.of(rows[0][0].dtype)
    for row in rows:
        size = row[0].size
        if size <= BLOCK:
            yield scratch[:size].reshape(row[0].shape), *row
            continue
        flat = [a.reshape(-1) for a in row]
        for start in range(0, size, BLOCK):
            parts = [a[start : start + BLOCK] for a in flat]
            yield scratch[: parts[0].size], *parts


def _constants(rows: Rows, *numbers: Any) -> list[Array]:
    """The numbers in the arrays' dtype; as arrays, which NumPy's functions take faster than numbers."""
    dtype = rows[0][0].dtype
    return [np.asarray(x, dtype) for x in numbers]


def _in_place(op: Any, width: int, *written: int) -> Callable[[Any], Override]:
    """Decorator: the in-place form of an op over rows of arrays, of which it writes those at some positions.

    Rows in which one of them is no plain array of float32 or float64 take the op's own form.
    """

    def override(update: Any) -> Override:
        def value(xp: Any, *arrays: Any, **kwargs: Any) -> Any:
            rows = list(updates.rows(arrays, width))
            first = getattr(arrays[0], "dtype", None)
            fit = [all(_writable(row[i], first) for i in written) for row in rows]
            if any(fit):
                update([row for row, fits in zip(rows, fit, strict=True) if fits], **kwargs)
            out: list[Any] = []
            for row, fits in zip(rows, fit, strict=True):
                out += [row[i] for i in written] if fits else op.value(xp, *row, **kwargs)
            return tuple(out)

        value.writes, value.update = (width, written), update  # type: ignore[attr-defined]
        return Override(value)

    return override


def _writable(x: Any, dtype: Any) -> bool:
    return x.__class__ is np.ndarray and x.dtype is dtype and x.flags.carray and dtype.char in "fd"


@_in_place(updates.shrink_update, 1, 0)
def shrink(rows: Rows, factor: Any) -> None:
    (factor,) = _constants(rows, factor)
    for (p,) in rows:
        multiply(p, factor, p)


@_in_place(updates.sgd_update, 2, 0)
def sgd(rows: Rows, rate: Any) -> None:
    (rate,) = _constants(rows, rate)
    for s, p, g in _blocks(rows):
        multiply(g, rate, s)
        subtract(p, s, p)


@_in_place(updates.momentum_update, 3, 0, 2)
def momentum(rows: Rows, rate: Any, momentum: float, nesterov: bool) -> None:
    rate, keep = _constants(rows, rate, momentum)
    for s, p, g, m in _blocks(rows):
        multiply(g, rate, s)
        multiply(m, keep, m)
        subtract(m, s, m)
        if nesterov:
            subtract(p, s, p)
            multiply(m, keep, s)
            add(p, s, p)
        else:
            add(p, m, p)


@_in_place(updates.adam_update, 4, 0, 2, 3)
def adam(rows: Rows, rate: Any, beta_1: float, beta_2: float, epsilon: float) -> None:
    rate, first, second, small = _constants(rows, rate, 1 - beta_1, 1 - beta_2, epsilon)
    for s, p, g, m, v in _blocks(rows):
        subtract(g, m, s)
        multiply(s, first, s)
        add(m, s, m)
        multiply(g, g, s)
        subtract(s, v, s)
        multiply(s, second, s)
        add(v, s, v)
        sqrt(v, s)
        add(s, small, s)
        divide(m, s, s)
        multiply(s, rate, s)
        subtract(p, s, p)


@_in_place(updates.rmsprop_update, 3, 0, 2)
def rmsprop(rows: Rows, rate: Any, rho: float, epsilon: float) -> None:
    rate, keep, take, small = _constants(rows, rate, rho, 1 - rho, epsilon)
    for s, p, g, v in _blocks(rows):
        multiply(g, g, s)
        multiply(s, take, s)
        multiply(v, keep, v)
        add(v, s, v)
        add(v, small, s)
        sqrt(s, s)
        divide(g, s, s)
        multiply(s, rate, s)
        subtract(p, s, p)


OVERRIDES: dict[str, Override] = {
    "shrink_update": shrink,
    "sgd_update": sgd,
    "momentum_update": momentum,
    "adam_update": adam,
    "rmsprop_update": rmsprop,
}
