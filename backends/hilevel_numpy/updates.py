"""Updates of weights in place, block by block, so that what is worked on stays in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import add, divide, multiply, sqrt, subtract

from hilevel.ops import updates
from hilevel.protocol import Override
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]
Rows = Sequence[Sequence[Array]]
BLOCK = 32768
"""Weights up to this size are small."""
_PART, _MANY = 1 << 17, 1 << 18
"""Numbers of a part of large ones, and from how many on all cores work."""


def _each(rows: Rows, update: Callable[..., None]) -> None:
    """Call the update with scratch memory and the arrays of each row: small ones whole, equal parts of large ones, on
    all cores where that is worth it."""

    def run(block: Sequence[Array]) -> None:
        update(scratch("update", block[0].shape, block[0].dtype), *block)

    blocks = list(_blocks(rows))
    if len(blocks) > 1 and sum(block[0].size for block in blocks) >= _MANY:
        parallel(run, blocks)
    else:
        for block in blocks:
            run(block)


def _blocks(rows: Rows) -> Iterator[Sequence[Array]]:
    """The rows, the large ones in equal parts."""
    for row in rows:
        if row[0].size <= _PART:
            yield row
            continue
        flat = [a.reshape(-1) for a in row]
        for start in range(0, row[0].size, _PART):
            yield [a[start : start + _PART] for a in flat]


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
    _each(rows, lambda s, p: multiply(p, factor, p))


@_in_place(updates.sgd_update, 2, 0)
def sgd(rows: Rows, rate: Any) -> None:
    (rate,) = _constants(rows, rate)

    def update(s: Array, p: Array, g: Array) -> None:
        multiply(g, rate, s)
        subtract(p, s, p)

    _each(rows, update)


@_in_place(updates.momentum_update, 3, 0, 2)
def momentum(rows: Rows, rate: Any, momentum: float, nesterov: bool) -> None:
    rate, keep = _constants(rows, rate, momentum)

    def update(s: Array, p: Array, g: Array, m: Array) -> None:
        multiply(g, rate, s)
        multiply(m, keep, m)
        subtract(m, s, m)
        if nesterov:
            subtract(p, s, p)
            multiply(m, keep, s)
            add(p, s, p)
        else:
            add(p, m, p)

    _each(rows, update)


@_in_place(updates.adam_update, 4, 0, 2, 3)
def adam(rows: Rows, rate: Any, beta_1: float, beta_2: float, epsilon: float) -> None:
    rate, first, second, small = _constants(rows, rate, 1 - beta_1, 1 - beta_2, epsilon)
    keep_first, keep_second = _constants(rows, beta_1, beta_2)

    def update(s: Array, p: Array, g: Array, m: Array, v: Array) -> None:
        multiply(m, keep_first, m)
        multiply(g, first, s)
        add(m, s, m)
        multiply(v, keep_second, v)
        multiply(g, g, s)
        multiply(s, second, s)
        add(v, s, v)
        sqrt(v, s)
        add(s, small, s)
        divide(m, s, s)
        multiply(s, rate, s)
        subtract(p, s, p)

    _each(rows, update)


@_in_place(updates.rmsprop_update, 3, 0, 2)
def rmsprop(rows: Rows, rate: Any, rho: float, epsilon: float) -> None:
    rate, keep, take, small = _constants(rows, rate, rho, 1 - rho, epsilon)

    def update(s: Array, p: Array, g: Array, v: Array) -> None:
        multiply(g, g, s)
        multiply(s, take, s)
        multiply(v, keep, v)
        add(v, s, v)
        add(v, small, s)
        sqrt(s, s)
        divide(g, s, s)
        multiply(s, rate, s)
        subtract(p, s, p)

    _each(rows, update)


OVERRIDES: dict[Any, Override] = {
    updates.shrink_update: shrink,
    updates.sgd_update: sgd,
    updates.momentum_update: momentum,
    updates.adam_update: adam,
    updates.rmsprop_update: rmsprop,
}
