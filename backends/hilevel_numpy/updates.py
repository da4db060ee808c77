"""Updates of weights in place, block by block, so that what is worked on stays in the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any

import numpy as np
from numpy import add, divide, multiply, sqrt, subtract

from hilevel.ops import updates
from hilevel.protocol import Override

Array = np.ndarray[Any, Any]
BLOCK = 32768


class _Scratch(threading.local):
    """Memory for what is only needed within one block; each thread has its own."""

    def __init__(self) -> None:
        self.arrays: dict[Any, Array] = {}

    def __getitem__(self, dtype: Any) -> Array:
        array = self.arrays.get(dtype)
        if array is None:
            array = self.arrays[dtype] = np.empty(BLOCK, dtype)
        return array


_scratch = _Scratch()


def _blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Scratch memory and equal parts of all arrays; small arrays whole."""
    first = arrays[0]
    size = first.size
    scratch = _scratch[first.dtype]
    if size <= BLOCK:
        yield scratch[:size].reshape(first.shape), *arrays
        return
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, size, BLOCK):
        parts = [a[start : start + BLOCK] for a in flat]
        yield scratch[: parts[0].size], *parts


@cache
def _constant(x: float, dtype: Any) -> Array:
    return np.array(x, dtype)


def _in_place(op: Any, *written: int) -> Callable[[Any], Override]:
    """Decorator: the in-place form of an op that writes into the arguments at these positions.

    Where it cannot, because one of them is no plain array of float32 or float64, the op's own form is used.
    """

    def override(update: Any) -> Override:
        @wraps(update)
        def value(xp: Any, *args: Any, **kwargs: Any) -> Any:
            dtype = getattr(args[0], "dtype", None)
            if any(not _writable(args[i], dtype) for i in written):
                return op.value(xp, *args, **kwargs)
            update(*args, **kwargs)
            return args[0] if len(written) == 1 else tuple([args[i] for i in written])

        return Override(value)

    return override


def _writable(x: Any, dtype: Any) -> bool:
    return x.__class__ is np.ndarray and x.flags.carray and x.dtype is dtype and dtype.char in "fd"


@_in_place(updates.shrink_update, 0)
def shrink(p: Array, factor: Any) -> None:
    multiply(p, np.asarray(factor, p.dtype), p)


@_in_place(updates.sgd_update, 0)
def sgd(p: Array, g: Array, rate: Any) -> None:
    rate = np.asarray(rate, p.dtype)
    for s, p_, g_ in _blocks(p, g):
        multiply(g_, rate, s)
        subtract(p_, s, p_)


@_in_place(updates.momentum_update, 0, 2)
def momentum(p: Array, g: Array, m: Array, rate: Any, momentum: float, nesterov: bool) -> None:
    rate, keep = np.asarray(rate, p.dtype), _constant(momentum, p.dtype)
    for s, p_, g_, m_ in _blocks(p, g, m):
        multiply(g_, rate, s)
        multiply(m_, keep, m_)
        subtract(m_, s, m_)
        if nesterov:
            subtract(p_, s, p_)
            multiply(m_, keep, s)
            add(p_, s, p_)
        else:
            add(p_, m_, p_)


@_in_place(updates.adam_update, 0, 2, 3)
def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    rate: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    dtype = p.dtype
    rate, epsilon_ = np.asarray(rate, dtype), _constant(epsilon, dtype)
    first, second = _constant(1 - beta_1, dtype), _constant(1 - beta_2, dtype)
    for s, p_, g_, m_, v_ in _blocks(p, g, m, v):
        subtract(g_, m_, s)
        multiply(s, first, s)
        add(m_, s, m_)
        multiply(g_, g_, s)
        subtract(s, v_, s)
        multiply(s, second, s)
        add(v_, s, v_)
        sqrt(v_, s)
        add(s, epsilon_, s)
        divide(m_, s, s)
        multiply(s, rate, s)
        subtract(p_, s, p_)


@_in_place(updates.rmsprop_update, 0, 2)
def rmsprop(p: Array, g: Array, v: Array, rate: Any, rho: float, epsilon: float) -> None:
    dtype = p.dtype
    rate, epsilon_ = np.asarray(rate, dtype), _constant(epsilon, dtype)
    keep, take = _constant(rho, dtype), _constant(1 - rho, dtype)
    for s, p_, g_, v_ in _blocks(p, g, v):
        multiply(g_, g_, s)
        multiply(s, take, s)
        multiply(v_, keep, v_)
        add(v_, s, v_)
        add(v_, epsilon_, s)
        sqrt(s, s)
        divide(g_, s, s)
        multiply(s, rate, s)
        subtract(p_, s, p_)


OVERRIDES: dict[str, Override] = {
    "shrink_update": shrink,
    "sgd_update": sgd,
    "momentum_update": momentum,
    "adam_update": adam,
    "rmsprop_update": rmsprop,
}
