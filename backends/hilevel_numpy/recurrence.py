"""Recurrent layers over a sequence as one op, by the loops of `hilevel_numpy.loops`.

The backward pass computes the gradients of all weights by one product, and by two for a GRU. If steps are large, the
samples are divided among the cores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from hilevel.engine.protocol import Override
from hilevel.engine.types import Namespace
from hilevel.ops.nn.recurrence import recurrent_op as plain
from hilevel_numpy import products
from hilevel_numpy.loops import LOOPS, GRULoop, Loop, Memory
from hilevel_numpy.threads import parallel

Array = np.ndarray[Any, Any]

_WORK = 1 << 22
"""The minimum number of multiplications in a step of a part. With fewer, threads wait for Python's lock longer than
they work in parallel. For the same reason there are at most two parts."""


def _is_other(
    x: Array, states: Sequence[Array | None], mask: Array | None, activations: tuple[str, str], cell: str
) -> bool:
    """Return whether the shared form has to compute this: for other activations, dtypes or shapes, or no steps."""
    usual = activations[0] == "tanh" and (cell == "simple" or activations[1] == "sigmoid")
    fit = all(s is None or s.shape == (len(x), s.shape[-1]) for s in states) and x.ndim == 3
    fit = fit and (mask is None or mask.shape == x.shape[:2])
    return not (usual and fit) or x.size == 0 or x.dtype.char not in "fd"


def value(xp: Namespace, *tensors: Any, **options: Any) -> Any:
    """Compute the outputs of all steps, and the last states."""
    return saving(xp, *tensors, **options)[0]


def saving(
    xp: Namespace, x: Array, kernel: Array, recurrent_kernel: Array, bias: Array | None, recurrent_bias: Array | None,
    h: Array, c: Array | None, mask: Array | None, keep: Array | None, cell: str, activation: str,
    recurrent_activation: str, unroll: bool, return_sequences: bool,
) -> Any:  # fmt: skip
    """Compute the value, and the arrays of the loops as residuals."""
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
    memories = [
        kind.allocate(x[part], [s[part] for s in states], _transposed(keep, part), outer is not None)
        for part in parts
    ]
    loops = _loops(kind, memories, parts, mask, keep)
    rows = [recurrent_kernel, kernel] if outer is None else [recurrent_kernel, kernel, outer[None]]
    weights = kind.stack_weights(np.concatenate(rows))
    parallel(lambda loop: loop.forward(weights, inner), loops)
    last = tuple(_joined(loop.states[i][-1].T for loop in loops) for i in range(len(states)))
    if not return_sequences:
        return last, memories
    return (_joined(loop.h[1:].transpose(2, 0, 1) for loop in loops), *last), memories


def _parts(samples: int, work_each: int) -> list[slice]:
    """Divide the samples into parts with enough work each."""
    rows = max(-(-samples // 2), -(-_WORK // work_each))
    return [slice(i, min(i + rows, samples)) for i in range(0, samples, rows)]


def _loops(
    kind: type[Loop], memories: list[Memory], parts: list[slice], mask: Array | None, keep: Array | None
) -> list[Loop]:
    """Return the loops of all parts."""
    return [
        kind(k, _transposed(mask, part), _transposed(keep, part))
        for k, part in zip(memories, parts, strict=True)
    ]


def _transposed(x: Array | None, part: slice) -> Array | None:
    """Return a part of the samples, transposed, so that samples are the last axis."""
    return None if x is None else x[part].T


def _biases(
    kind: type[Loop], units: int, bias: Array | None, recurrent_bias: Array | None
) -> tuple[Any, Any]:
    """Return the sum of the biases of both products; and, for a GRU, the column that the reset gate multiplies."""
    zero: Any = 0
    if recurrent_bias is None:
        return bias, zero
    inner = recurrent_bias[2 * units :, None] if kind is GRULoop else zero
    outer = recurrent_bias.copy()
    if kind is GRULoop:
        outer[2 * units :] = 0
    return outer if bias is None else outer + bias, inner


def gradient(
    xp: Namespace, g: Any, y: Any, x: Array, kernel: Array, recurrent_kernel: Array, bias: Array | None,
    recurrent_bias: Array | None, h: Array, c: Array | None, mask: Array | None, keep: Array | None, cell: str,
    return_sequences: bool, residuals: Any, **options: Any,
) -> Any:  # fmt: skip
    """Compute the gradients of all tensors."""
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
        gradients = (
            None if sequences is None else np.ascontiguousarray(sequences[parts[i]].transpose(1, 2, 0))
        )
        loops[i].backward(gradients, [s[parts[i]].T.copy() for s in states], recurrent_kernel)

    parallel(back, range(len(parts)))
    units, inputs = len(recurrent_kernel), x.shape[-1]
    columns_of_dz = cache(lambda: _columns([loop.dz for loop in loops]))
    columns_of_dr = (
        cache(lambda: _columns([loop.dr for loop in loops])) if kind.separate_products else columns_of_dz
    )

    @cache
    def of_weights() -> Array:
        inputs_matrix, dz = _columns([loop.inputs[:-1] for loop in loops]), columns_of_dz().T
        if not kind.separate_products:
            return products.matmul(inputs_matrix, dz)
        of_state = products.matmul(inputs_matrix[:units], columns_of_dr().T)
        return np.concatenate([of_state, products.matmul(inputs_matrix[units:], dz)])

    def of_x() -> Array:
        gradients = (products.matmul(kernel[None], loop.dz) for loop in loops)
        return _joined(d.transpose(2, 0, 1) for d in gradients)

    def of_keep() -> Array:
        gradients = (products.matmul(recurrent_kernel[None], loop.dr) * loop.h[:-1] for loop in loops)
        return _joined(d.sum(axis=0).T for d in gradients)

    return (
        of_x,
        lambda: of_weights()[units : units + inputs],
        lambda: of_weights()[:units],
        lambda: of_weights()[units + inputs],
        lambda: columns_of_dr().sum(axis=-1),
        lambda: _joined(loop.dh.T for loop in loops),
        None if c is None else lambda: _joined(loop.dc.T for loop in loops),
        None,
        None if keep is None else of_keep,
    )


def _joined(parts: Iterable[Array]) -> Array:
    """Concatenate the arrays of all loops along the samples."""
    first, *others = parts
    return np.concatenate([first, *others]) if others else np.ascontiguousarray(first)


def _columns(arrays: list[Array]) -> Array:
    """Return the arrays of all loops as a matrix with a column for each step of each sample."""
    columns = [x.swapaxes(0, 1).reshape(x.shape[1], -1) for x in arrays]
    return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)


OVERRIDES = {plain: Override(value, gradient, saving)}
