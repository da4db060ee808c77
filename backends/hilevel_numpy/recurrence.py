"""Recurrent layers over a sequence as one op, by the loops of `hilevel_numpy.loops`; on the way back one product for
all gradients of weights, separate ones for a GRU. Where steps are large the cores divide the samples.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.ops.nn.recurrence import recurrent_op as plain
from hilevel_numpy import products
from hilevel_numpy.loops import LOOPS, GRULoop, Loop
from hilevel_numpy.threads import parallel

Array = np.ndarray[Any, Any]

_WORK = 1 << 22
"""How many multiplications a step of a part has at least. With less, threads wait for Python's lock between the calls
for longer than they work at the same time; for the same reason there are two parts at most."""


def _is_other(x: Array, states: Any, mask: Any, activations: tuple[str, str], cell: str) -> bool:
    """Whether this is left to the shared form: other activations, no steps, a dtype without fast products, or what does
    not fit."""
    usual = activations[0] == "tanh" and (cell == "simple" or activations[1] == "sigmoid")
    fit = all(s is None or s.shape == (len(x), s.shape[-1]) for s in states) and x.ndim == 3
    fit = fit and (mask is None or mask.shape == x.shape[:2])
    return not (usual and fit) or x.size == 0 or x.dtype.char not in "fd"


def value(xp: Any, *tensors: Any, **options: Any) -> Any:
    """The outputs of all steps, and the last states."""
    return saving(xp, *tensors, **options)[0]


def saving(
    xp: Any, x: Array, kernel: Array, recurrent_kernel: Array, bias: Any, recurrent_bias: Any, h: Array, c: Any,
    mask: Any, keep: Any, cell: str, activation: str, recurrent_activation: str, unroll: bool, return_sequences: bool,
) -> Any:  # fmt: skip
    """These, and for the way back the memory of the loops."""
    if _is_other(x, (h, c), mask, (activation, recurrent_activation), cell):
        form: Any = plain.saving
        return form(
            xp, x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, mask, keep, cell=cell, activation=activation,
            recurrent_activation=recurrent_activation, unroll=unroll, return_sequences=return_sequences,
        )  # fmt: skip
    kind, units = LOOPS[cell], len(recurrent_kernel)
    outer, inner = _biases(kind, units, bias, recurrent_bias)
    states = [s for s in (h, c) if s is not None]
    parts = _parts(len(x), recurrent_kernel.size)
    kept = [
        kind.laid_out(x[part], [s[part] for s in states], _turned(keep, part), outer is not None)
        for part in parts
    ]
    loops = _loops(kind, kept, parts, mask, keep)
    rows = [recurrent_kernel, kernel] if outer is None else [recurrent_kernel, kernel, outer[None]]
    weights = kind.arranged(np.concatenate(rows))
    parallel(lambda loop: loop.forward(weights, inner), loops)
    last = tuple(_joined(loop.states[i][-1].T for loop in loops) for i in range(len(states)))
    if not return_sequences:
        return last, kept
    return (_joined(loop.h[1:].transpose(2, 0, 1) for loop in loops), *last), kept


def _parts(samples: int, work_each: int) -> list[slice]:
    """The samples in parts that are worth being parts."""
    rows = max(-(-samples // 2), -(-_WORK // work_each))
    return [slice(i, min(i + rows, samples)) for i in range(0, samples, rows)]


def _loops(kind: type[Loop], kept: Any, parts: list[slice], mask: Any, keep: Any) -> list[Loop]:
    """The loops of all parts."""
    return [kind(k, _turned(mask, part), _turned(keep, part)) for k, part in zip(kept, parts, strict=True)]


def _turned(x: Any, part: slice) -> Any:
    """A part of the samples, along the last axis."""
    return None if x is None else x[part].T


def _biases(kind: type[Loop], units: int, bias: Any, recurrent_bias: Any) -> tuple[Any, Any]:
    """The biases that are added to the sum of the products, as one; and, of a GRU, as a column, that of the product
    that is multiplied with a gate first."""
    zero: Any = 0
    if recurrent_bias is None:
        return bias, zero
    inner = recurrent_bias[2 * units :, None] if kind is GRULoop else zero
    outer = recurrent_bias.copy()
    if kind is GRULoop:
        outer[2 * units :] = 0
    return outer if bias is None else outer + bias, inner


def gradient(
    xp: Any, g: Any, y: Any, x: Array, kernel: Array, recurrent_kernel: Array, bias: Any, recurrent_bias: Any,
    h: Array, c: Array, mask: Any, keep: Any, cell: str, return_sequences: bool, residuals: Any, **options: Any,
) -> Any:  # fmt: skip
    """The gradients of everything."""
    if isinstance(residuals, tuple):
        rule: Any = plain.rule
        tensors = x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, mask, keep
        return rule(
            xp, g, y, *tensors, cell=cell, return_sequences=return_sequences, residuals=residuals, **options
        )
    kind, parts = LOOPS[cell], _parts(len(x), recurrent_kernel.size)
    loops = _loops(kind, residuals, parts, mask, keep)
    sequences, *states = g if return_sequences else (None, *g)

    def back(i: int) -> None:
        through = None if sequences is None else np.ascontiguousarray(sequences[parts[i]].transpose(1, 2, 0))
        loops[i].backward(through, [s[parts[i]].T.copy() for s in states], recurrent_kernel)

    parallel(back, range(len(parts)))
    units, inputs = len(recurrent_kernel), x.shape[-1]
    of_products = cache(lambda: _columns([loop.dz for loop in loops]))
    of_recurrent = cache(lambda: _columns([loop.dr for loop in loops])) if kind.two_gradients else of_products

    @cache
    def of_weights() -> Array:
        seen, by = _columns([loop.seen[:-1] for loop in loops]), of_products().T
        if not kind.two_gradients:
            return products.matmul(seen, by)
        of_state = products.matmul(seen[:units], of_recurrent().T)
        return np.concatenate([of_state, products.matmul(seen[units:], by)])

    def of_x() -> Array:
        through = (products.matmul(kernel[None], loop.dz) for loop in loops)
        return _joined(d.transpose(2, 0, 1) for d in through)

    def of_keep() -> Array:
        through = (products.matmul(recurrent_kernel[None], loop.dr) * loop.h[:-1] for loop in loops)
        return _joined(d.sum(axis=0).T for d in through)

    return (
        of_x,
        lambda: of_weights()[units : units + inputs],
        lambda: of_weights()[:units],
        lambda: of_weights()[units + inputs],
        lambda: of_recurrent().sum(axis=-1),
        lambda: _joined(loop.dh.T for loop in loops),
        None if c is None else lambda: _joined(loop.dc.T for loop in loops),
        None,
        None if keep is None else of_keep,
    )


def _joined(parts: Any) -> Array:
    """What belongs to the samples of all loops, one after the other."""
    first, *others = parts
    return np.concatenate([first, *others]) if others else np.ascontiguousarray(first)


def _columns(arrays: list[Array]) -> Array:
    """Arrays of all loops as a matrix with a column for each step of each sample."""
    columns = [x.swapaxes(0, 1).reshape(x.shape[1], -1) for x in arrays]
    return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)


OVERRIDES = {plain: Override(value, gradient, saving)}
