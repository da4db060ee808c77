"""Updates of weights: the formula of an optimizer as one kernel, which writes in place in a replayed step.

The weights of a program are contiguous in one buffer, and so is each slot. One thread of the kernel updates one
element. It finds the gradient of its element by the sizes of the weights, so that no gradient is copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

import cupy
from hilevel_numpy.packing import Group

from hilevel.engine.protocol import Override
from hilevel.engine.types import Array, DType, Function, Namespace
from hilevel.optimizers import updates
from hilevel_cupy.expressions import TYPES, Expression, Functions, Trace, kernel
from hilevel_cupy.joining import element_of, parameters_of


def _update(xp: Namespace, *arrays: Any, formula: Function, width: int, rate: Any, **settings: Any) -> Any:
    """Compute the value of `hilevel.optimizers.updates.update`."""
    if not _writes(xp, *arrays, formula=formula, width=width, rate=rate, **settings):
        return updates.update.value(xp, *arrays, formula=formula, width=width, rate=rate, **settings)
    results: list[Array] = []
    for row in updates.rows(arrays, width):
        out = [a.copy() for a in updates.without_gradients(row, width)]
        _run(formula, out, row[1:2] if width > 1 else [], [row[0].size], rate, None, settings)
        results += out
    return tuple(results)


def _writes(
    xp: Namespace, *arrays: Any, formula: Function, width: int, rate: Any, **settings: Any
) -> list[int]:
    """Return the positions of the arguments that a program may overwrite with the results."""
    dtype, gradients = arrays[0].dtype, min(width - 1, 1)
    if {a.dtype for a in arrays} != {dtype}:
        return []
    if _kernel(formula, width - gradients, gradients, dtype, settings) is None:
        return []
    return updates.without_gradients(range(1, len(arrays) + 1), width)


_update.writes = _writes  # type: ignore[attr-defined]


class Packed:
    """An update in place of packed weights, by the kernel of a formula. A call gets the gradients of all rows."""

    def __init__(self, formula: Function, groups: Sequence[Group]) -> None:
        self.__name__ = formula.__name__
        self.groups = groups

    def __call__(
        self, *gradients: Array, formula: Function, width: int, rate: Any, condition: Array | None = None,
        **settings: Any,
    ) -> None:  # fmt: skip
        rest = iter(gradients)
        for group in self.groups:
            own = [next(rest) for _ in group.sizes] if width > 1 else []
            _run(formula, group.flat, own, group.sizes, rate, condition, settings)


def _run(
    formula: Function, out: Sequence[Array], gradients: Sequence[Array], sizes: Sequence[int], rate: Any,
    condition: Array | None, settings: Mapping[str, Any],
) -> None:  # fmt: skip
    """Apply a formula to arrays in place, if a condition is true.

    Args:
        formula, rate, settings: see `hilevel.optimizers.updates.update`.
        out: the weights and slots.
        gradients: the gradients of the parts of the weights.
        sizes: the numbers of elements of these parts.
        condition: an array of one element; None for true.
    """
    dtype = out[0].dtype
    update: Any = _kernel(formula, len(out), len(gradients), dtype, settings, condition is not None)
    on = [] if condition is None else [condition.astype(bool).reshape(1)]
    step = rate.astype(dtype).reshape(1) if isinstance(rate, cupy.ndarray) else cupy.full(1, rate, dtype)
    ends = list(accumulate(sizes))[: len(gradients)]
    update(*on, step, *[g.reshape(-1) for g in gradients], *ends, *[a.reshape(-1) for a in out])


def _kernel(
    formula: Function,
    written: int,
    gradients: int,
    dtype: DType,
    settings: Mapping[str, Any],
    conditional: bool = False,
) -> Function | None:
    """Return the kernel of a formula with these settings; None for a formula that is not element-wise."""
    if not all(isinstance(x, (bool, int, float, str, type(None))) for x in settings.values()):
        return None
    return _compiled(formula, written, gradients, dtype, tuple(settings.items()), conditional)


@lru_cache(maxsize=1024)
def _compiled(
    formula: Function, written: int, gradients: int, dtype: DType, settings: tuple[tuple[str, Any], ...],
    conditional: bool,
) -> Function | None:  # fmt: skip
    trace = Trace()
    weight, *slots = [Expression(trace, f"s{i}", dtype, (1,)) for i in range(written)]
    gradient = [Expression(trace, "g", dtype, (1,))] if gradients else []
    rate = Expression(trace, "r", dtype, ())
    try:
        results = formula(Functions(), weight, *gradient, *slots, rate=rate, **dict(settings))
        results = [y.astype(dtype) for y in results]
    except Exception:  # the formula does more than arithmetic on elements
        return None
    body = ["const {T} r = rate[0];", f"const {{T}} g = {element_of(gradients)};" if gradients else ""]
    body += [*trace.statements, *(f"const {{T}} n{i} = {y.name};" for i, y in enumerate(results))]
    store = " ".join(f"s{i} = n{i};" for i in range(written))
    body += [f"if (on[0]) {{ {store} }}" if conditional else store]
    given = [*["raw bool on"] * conditional, f"raw {dtype.name} rate", *parameters_of(gradients, dtype.name)]
    return kernel(
        ", ".join(given),
        ", ".join(f"{dtype.name} s{i}" for i in range(written)),
        [line.replace("{T}", TYPES[dtype.name]) for line in body],
        "hilevel_update",
    )


OVERRIDES: dict[Any, Override] = {updates.update: Override(_update)}
