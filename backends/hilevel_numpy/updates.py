"""Updates of weights in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import add, divide, multiply, sqrt, subtract

from hilevel.engine.protocol import Override
from hilevel.engine.types import Function, Namespace
from hilevel.optimizers import updates
from hilevel_numpy.packing import Group
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]
Rows = Sequence[Sequence[Array]]
Scalar = float | Array
BLOCK = 32768
"""The number of elements of a small weight, at most."""
_PART, _MANY = 1 << 17, 1 << 18
"""The number of elements of a part of a large weight, and the minimum number for several threads."""


def _each(rows: Rows, out: Rows, update: Callable[..., object]) -> None:
    """Call the update with scratch memory, the arrays of each row and the arrays to write to.

    Large arrays are divided into equal parts, and many elements are computed by several threads.
    """

    def run(block: Sequence[Array]) -> None:
        update(scratch("update", block[0].shape, block[0].dtype), *block)

    blocks = list(_blocks([(*row, *new) for row, new in zip(rows, out, strict=True)]))
    if len(blocks) > 1 and sum(block[0].size for block in blocks) >= _MANY:
        parallel(run, blocks)
    else:
        for block in blocks:
            run(block)


def _blocks(rows: Rows) -> Iterator[Sequence[Array]]:
    """Yield the rows, with large arrays divided into equal parts."""
    for row in rows:
        if row[0].size <= _PART:
            yield row
            continue
        flat = [a.reshape(-1) for a in row]
        for start in range(0, row[0].size, _PART):
            yield [a[start : start + _PART] for a in flat]


def _constants(rows: Rows, *scalars: Scalar) -> list[Array]:
    """Return scalars as arrays of the rows' dtype, which NumPy's functions process faster."""
    dtype = rows[0][0].dtype
    return [np.asarray(x, dtype) for x in scalars]


FORMS: dict[tuple[str, int], Function] = {}
"""Forms `(rows, out, rate, **settings)` of formulas, by the name of the formula and the width of a row. They write the
results to `out`, which may be the rows themselves."""


def _form(formula: str, width: int) -> Callable[[Function], Function]:
    """Register the form of a formula for rows of a width, as a decorator."""

    def register(form: Function) -> Function:
        FORMS[f"hilevel.optimizers.{formula}", width] = form
        return form

    return register


def form_of(formula: Function, width: int) -> Any:
    """Return the form of a formula, or None."""
    return FORMS.get((f"{formula.__module__}.{formula.__qualname__}", width))


def _fitting_form(formula: Function, width: int, arrays: Sequence[Any]) -> Any:
    """Return the form of a formula for these arrays, or None."""
    dtype = arrays[0].dtype
    written = updates.without_gradients(arrays, width)
    fits = dtype.char in "fd" and all(a.__class__ is np.ndarray and a.dtype is dtype for a in written)
    return form_of(formula, width) if fits else None


def _update(xp: Namespace, *arrays: Any, formula: Function, width: int, **settings: Any) -> Any:
    """Compute the value of `hilevel.optimizers.updates.update`."""
    form = _fitting_form(formula, width, arrays)
    if form is None:
        results = updates.update.value(xp, *arrays, formula=formula, width=width, **settings)
        return tuple(map(np.asarray, results))
    out = [np.empty(a.shape, a.dtype) for a in updates.without_gradients(arrays, width)]
    form(list(updates.rows(arrays, width)), list(updates.rows(out, max(width - 1, 1))), **settings)
    return tuple(out)


def _writes(xp: Namespace, *arrays: Any, formula: Function, width: int, **settings: Any) -> list[int]:
    """Return the positions of the arguments that a program may overwrite with the results."""
    if _fitting_form(formula, width, arrays) is None:
        return []
    return updates.without_gradients(range(1, len(arrays) + 1), width)


_update.writes = _writes  # type: ignore[attr-defined]


class Packed:
    """An update in place of packed weights, by the form of a formula. A call gets the gradients of all rows."""

    def __init__(self, formula: Function, groups: Sequence[Group]) -> None:
        self.__name__ = formula.__name__
        self.out = [group.flat for group in groups]
        self.sizes = [group.sizes for group in groups]
        self.gradients = [np.empty_like(g.flat[0]) if len(g.sizes) > 1 else None for g in groups]

    def __call__(self, *gradients: Array, formula: Function, width: int, **settings: Any) -> None:
        rows: Rows = self.out if width == 1 else list(self._with_gradients(iter(gradients)))
        form_of(formula, width)(rows, self.out, **settings)

    def _with_gradients(self, rest: Iterator[Array]) -> Iterator[Sequence[Array]]:
        """Yield the rows with their gradients, several of which are copied to one array."""
        for (weight, *slots), sizes, together in zip(self.out, self.sizes, self.gradients, strict=True):
            parts = [next(rest) for _ in sizes]
            if together is not None:
                np.concatenate([part.reshape(-1) for part in parts], out=together)
            yield [weight, parts[0] if together is None else together, *slots]


@_form("base.weight_decay_formula", 1)
def weight_decay_formula(rows: Rows, out: Rows, rate: Scalar) -> None:
    (rate,) = _constants(rows, rate)
    _each(rows, out, lambda s, p, p_new: multiply(p, rate, p_new))


@_form("sgd.SGD.formula", 2)
def sgd(rows: Rows, out: Rows, rate: Scalar, **unused: Any) -> None:
    (rate,) = _constants(rows, rate)

    def update(s: Array, p: Array, g: Array, p_new: Array) -> None:
        multiply(g, rate, s)
        subtract(p, s, p_new)

    _each(rows, out, update)


@_form("sgd.SGD.formula", 3)
def momentum(rows: Rows, out: Rows, rate: Scalar, momentum: float, nesterov: bool) -> None:
    rate, keep = _constants(rows, rate, momentum)

    def update(s: Array, p: Array, g: Array, m: Array, p_new: Array, m_new: Array) -> None:
        multiply(g, rate, s)
        multiply(m, keep, m_new)
        subtract(m_new, s, m_new)
        if nesterov:
            subtract(p, s, p_new)
            multiply(m_new, keep, s)
            add(p_new, s, p_new)
        else:
            add(p, m_new, p_new)

    _each(rows, out, update)


@_form("adam.Adam.formula", 4)
def adam(rows: Rows, out: Rows, rate: Scalar, beta_1: float, beta_2: float, epsilon: float) -> None:
    rate, first, second, small = _constants(rows, rate, 1 - beta_1, 1 - beta_2, epsilon)
    keep_first, keep_second = _constants(rows, beta_1, beta_2)

    def update(
        s: Array, p: Array, g: Array, m: Array, v: Array, p_new: Array, m_new: Array, v_new: Array
    ) -> None:
        multiply(m, keep_first, m_new)
        multiply(g, first, s)
        add(m_new, s, m_new)
        multiply(v, keep_second, v_new)
        multiply(g, g, s)
        multiply(s, second, s)
        add(v_new, s, v_new)
        sqrt(v_new, s)
        add(s, small, s)
        divide(m_new, s, s)
        multiply(s, rate, s)
        subtract(p, s, p_new)

    _each(rows, out, update)


@_form("adaptive.RMSprop.formula", 3)
def rmsprop(rows: Rows, out: Rows, rate: Scalar, rho: float, epsilon: float, **unused: Any) -> None:
    rate, keep, take, small = _constants(rows, rate, rho, 1 - rho, epsilon)

    def update(s: Array, p: Array, g: Array, v: Array, p_new: Array, v_new: Array) -> None:
        multiply(g, g, s)
        multiply(s, take, s)
        multiply(v, keep, v_new)
        add(v_new, s, v_new)
        add(v_new, small, s)
        sqrt(s, s)
        divide(g, s, s)
        multiply(s, rate, s)
        subtract(p, s, p_new)

    _each(rows, out, update)


OVERRIDES: dict[Any, Override] = {updates.update: Override(_update)}
