"""Recurrent cells over a sequence: Python loops over the steps, with preallocated arrays.

The arrays have the axes (steps, rows, samples), where a row is one unit or feature. So a step is contiguous, and so is
each gate of a step. NumPy processes such arrays two to four times as fast as columns of a matrix.

| array | shape | rows of one step, each block of `units` rows unless noted |
|---|---|---|
| `hx` | (steps + 1, ..., samples) | `h`, `h * keep` if there is recurrent dropout, the features of `x`, a row of ones |
| `h` | (steps + 1, units, samples) | view of `hx`: the state before the step |
| `inputs` | (steps + 1, ..., samples) | view of `hx`: the operand of the product with the weights |
| `a` | (steps + 1, ..., samples) | the gates; for an LSTM then the cell state before the step |
| `saved` | (steps, ..., samples) | the residuals |
| `masked` | (steps, 1, samples) | True where the mask omits the step |
| `dz`, `dr` | (steps, gate_rows, samples) | the gradients of both products, with the gates in Keras's order |

| cell | `a` | `saved` |
|---|---|---|
| simple | (not used) | (empty) |
| LSTM | o, i, f, g, c | i * g, f * c, tanh(c) of the new c |
| GRU | u, r, new | the product with the state for `new`, before it is multiplied by r |

```text
hx[t]:  | h(t)          units    |  h
        | h(t) * keep   units    |  only with recurrent dropout  \
        | x(t)          features |                                | inputs
        | 1             1        |  only with a bias             /
```

`inputs` begins at `h` without recurrent dropout. The weights are a matrix with the rows of `a` and the columns of
`inputs`. Sigmoid gates, `1 / (1 + exp(-z))`, are adjacent, and their weights are negated. The backward pass computes
the factors of the gradients for blocks of several steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
from numpy import add, copyto, divide, exp, matmul, multiply, negative, positive, subtract, tanh

from hilevel_numpy import products
from hilevel_numpy.threads import scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 15
"""The number of elements of `dz` in a block of steps of the backward pass."""

Memory: TypeAlias = tuple[int, Array, Array, Array]
"""The number of units, and the arrays `hx`, `a` and `saved`."""


class Loop:
    """The forward and backward pass of some samples through all steps. Each subclass is a kind of cell.

    Args:
        memory: the arrays by `allocate`.
        mask: False where a step of a sample is omitted, of shape (steps, samples); None without a mask.
        keep: the dropout mask of the state, of shape (units, samples); None without recurrent dropout.
    """

    gate_order: tuple[int, ...] = (0,)
    """The indices of the gates in Keras's weights, in their order in `a`: sigmoids, then a tanh."""
    states_in_gates = 0
    """The number of states after the gates in `a`."""
    saved_units = 0
    """The number of blocks of `units` rows in `saved`."""
    separate_products = False
    """True if the product with the state is separate, with its own gradient."""

    dz: Any
    dr: Any
    dh: Any
    dc: Any

    def __init__(self, memory: Memory, mask: Array | None, keep: Array | None) -> None:
        self.units, states, self.a, self.saved = memory
        self.h, self.inputs = states[:, : self.units], states[:, self.units if keep is not None else 0 :]
        self.gate_rows = self.units * len(self.gate_order)
        self.states = [self.h, self.a[:, self.gate_rows :]][: 1 + self.states_in_gates]
        self.keep = keep
        self.masked: Array | None = None if mask is None else ~mask[:, None]
        self.is_plain = mask is None and keep is None
        self.one = np.ones((), self.a.dtype)

    @classmethod
    def allocate(cls, x: Array, states: list[Array], keep: Array | None, has_bias: bool) -> Memory:
        """Allocate the arrays of all steps, and write the features and the initial states.

        Args:
            x: the sequence, of shape (samples, steps, features).
            states: the initial states, of shape (samples, units).
            keep: the dropout mask of the state, of shape (units, samples), or None.
            has_bias: whether `inputs` needs a row of ones.
        """
        (samples, steps, features), units, dtype = x.shape, states[0].shape[1], x.dtype
        before = units if keep is None else 2 * units
        hx = np.empty((steps + 1, before + features + has_bias, samples), dtype)
        hx[:-1, before : before + features] = x.transpose(1, 2, 0)
        hx[:, before + features :] = 1
        a = np.empty((steps + 1, units * (len(cls.gate_order) + cls.states_in_gates), samples), dtype)
        for all_steps, first in zip(
            (hx[:, :units], a[:, units * len(cls.gate_order) :]), states, strict=False
        ):
            all_steps[0] = first.T
        if keep is not None:
            multiply(states[0].T, keep, hx[0, units:before])
        return units, hx, a, np.empty((steps, units * cls.saved_units, samples), dtype)

    @classmethod
    def stack_weights(cls, weights: Array) -> Array:
        """Transpose weights, with the gates in the order of `a` and the weights of sigmoids negated."""
        n, out = weights.shape[-1] // len(cls.gate_order), np.empty(weights.shape[::-1], weights.dtype)
        for to, gate in enumerate(cls.gate_order):
            change = positive if to == len(cls.gate_order) - 1 else negative
            change(weights[:, gate * n : (gate + 1) * n].T, out[to * n : (to + 1) * n])
        return out

    def split_gates(self, a: Array) -> list[Array]:
        """Return a view of each gate."""
        n = self.units
        return [a[:, i * n : (i + 1) * n] for i in range(len(self.gate_order))]

    # -- forward -----------------------------------------------------------------------------------

    def forward(self, weights: Array, recurrent_bias: Array | int) -> None:
        """Compute the gates and the states. `recurrent_bias` is the bias of a separate product with the state."""
        with np.errstate(over="ignore"):  # where the sigmoid is 0
            self.run_steps(weights, recurrent_bias)

    def run_steps(self, weights: Array, recurrent_bias: Array | int) -> None:
        """Run the forward pass of all steps."""
        raise NotImplementedError

    def finish_step(self, t: int) -> None:
        """Copy the old states where a step is masked; apply the dropout mask to the new state."""
        if self.masked is not None:
            for states in self.states:
                copyto(states[t + 1], states[t], where=self.masked[t])
        if self.keep is not None:
            multiply(self.h[t + 1], self.keep, self.inputs[t + 1, : self.units])

    # -- backward ----------------------------------------------------------------------------------

    def backward(self, g: Array | None, states: list[Array], weights: Array) -> None:
        """Compute `dz` and `dr`, and the gradients of the initial states, `dh` and `dc`.

        Args:
            g: the gradient of the outputs of all steps, of shape (steps, units, samples); None if it is zero.
            states: the gradients of the last states, of shape (units, samples); they are overwritten.
            weights: the recurrent kernel, of shape (units, gate_rows).
        """
        self.dh, self.dc = (*states, None)[:2]
        steps, samples = len(self.a) - 1, self.a.shape[-1]
        self.dz = np.empty((steps, self.gate_rows, samples), self.a.dtype)
        self.dr = np.empty_like(self.dz) if self.separate_products else self.dz
        size = max(1, _BLOCK // self.dz[0].size)
        for end in range(steps, 0, -size):
            block = slice(max(0, end - size), end)
            masked = None if self.masked is None else self.masked[block]
            self.run_steps_backward(weights, block, None if g is None else g[block], self.dz[block], masked)

    def run_steps_backward(
        self, weights: Array, steps: slice, g: Array | None, dz: Array, masked: Array | None
    ) -> None:
        """Run the backward pass of a block of steps."""
        raise NotImplementedError

    def apply_mask(self, masked: Array | None, factor: Array, *slopes: Array) -> Array:
        """Return the factor of a state's gradient through a step: 1 where it is masked. Set the slopes to 0 there."""
        if masked is None:
            return factor
        for slope in slopes:
            copyto(slope, 0, where=masked)
        return np.where(masked, self.one, factor)

    def backpropagate_state(self, weights: Array, d: Array, masked: Array | None) -> None:
        """Replace the gradient of the new state by the gradient of the old state, through the product."""
        past = None if masked is None else self.dh * masked
        matmul(weights, d, self.dh)
        if self.keep is not None:
            multiply(self.dh, self.keep, self.dh)
        if past is not None:
            add(self.dh, past, self.dh)


def _reversed(*arrays: Array | None) -> Iterator[Any]:
    """Iterate over the steps from the last to the first, with None for a missing array."""
    return zip(*(repeat(None) if x is None else x[::-1] for x in arrays), strict=False)


class SimpleLoop(Loop):
    """`h = tanh(z)`, where `z` is the product."""

    def run_steps(self, weights: Array, recurrent_bias: Array | int) -> None:
        for t, (inputs, h_new) in enumerate(zip(self.inputs, self.h[1:], strict=False)):
            matmul(weights, inputs, h_new)
            tanh(h_new, h_new)
            if not self.is_plain:
                self.finish_step(t)

    def run_steps_backward(
        self, weights: Array, steps: slice, g: Array | None, dz: Array, masked: Array | None
    ) -> None:
        h, dh = self.h[1:][steps], self.dh
        multiply(h, h, dz)
        subtract(self.one, dz, dz)
        self.apply_mask(masked, dh, dz)
        for d, g_t, masked_t in _reversed(dz, g, masked):
            if g_t is not None:
                add(dh, g_t, dh)
            multiply(d, dh, d)
            self.backpropagate_state(weights, d, masked_t)


class LSTMLoop(Loop):
    """`c = f * c + i * g`, `h = o * tanh(c)`. As `g` and `c` are adjacent, `i * g` and `f * c` are one product."""

    gate_order = (3, 0, 1, 2)
    states_in_gates = 1
    saved_units = 3

    def run_steps(self, weights: Array, recurrent_bias: Array | int) -> None:
        n, a, saved, one = self.units, self.a, self.saved, self.one
        states = self.inputs, self.h[1:], a[1:, 4 * n :]
        gates = a[:, : 4 * n], a[:, : 3 * n], a[:, 3 * n : 4 * n], a[:, n : 3 * n], a[:, 3 * n :], a[:, :n]
        others = saved[:, : 2 * n], saved[:, :n], saved[:, n : 2 * n], saved[:, 2 * n :]
        for t, (inputs, h_new, c_new, z, sigmoids, g, i_f, g_c, o, ig_fc, ig, fc, y) in enumerate(
            zip(*states, *gates, *others, strict=False)
        ):
            matmul(weights, inputs, z)
            exp(sigmoids, sigmoids)
            add(sigmoids, one, sigmoids)
            divide(one, sigmoids, sigmoids)
            tanh(g, g)
            multiply(i_f, g_c, ig_fc)
            add(fc, ig, c_new)
            tanh(c_new, y)
            multiply(o, y, h_new)
            if not self.is_plain:
                self.finish_step(t)

    def run_steps_backward(
        self, weights: Array, steps: slice, g: Array | None, dz: Array, masked: Array | None
    ) -> None:
        dh, dc, n, product = self.dh, self.dc, self.units, np.empty_like(self.dh)
        into_cell, passed = self.derivatives(steps, dz, masked)
        first = dz[:, : 3 * n].reshape(len(dz), 3, n, -1)
        for d, d_first, d_last, w, p, g_t, masked_t in _reversed(
            dz, first, dz[:, 3 * n :], into_cell, passed, g, masked
        ):
            if g_t is not None:
                add(dh, g_t, dh)
            multiply(dh, w, product)
            add(dc, product, dc)
            multiply(d_first, dc, d_first)
            multiply(d_last, dh, d_last)
            multiply(dc, p, dc)
            self.backpropagate_state(weights, d, masked_t)

    def derivatives(self, steps: slice, d: Array, masked: Array | None) -> tuple[Array, Array]:
        """Write the derivatives of the new cell state, or for the output gate of the new state, by each gate to `d`.

        Return the derivatives of the new state by the new cell state, and of the new cell state by the old.
        """
        n, a, h, saved = self.units, self.a[steps], self.h[1:][steps], self.saved[steps]
        (o, i, f, g), (_, _, dg, do) = self.split_gates(a), self.split_gates(d)
        sigmoids = a[:, : 3 * n]
        rest = subtract(self.one, sigmoids, scratch("rest", sigmoids.shape, a.dtype))
        multiply(saved[:, : 2 * n], rest[:, n:], d[:, : 2 * n])
        multiply(h, rest[:, :n], do)
        multiply(g, g, dg)
        subtract(self.one, dg, dg)
        multiply(dg, i, dg)
        w = multiply(h, saved[:, 2 * n :], scratch("cell", h.shape, h.dtype))
        subtract(o, w, w)
        return w, self.apply_mask(masked, f, d, w)


class GRULoop(Loop):
    """`h = u * h + (1 - u) * new`, `new = tanh(z + reset * r)`; `saved` is `r`, the product with the state."""

    gate_order = (0, 1, 2)
    saved_units = 1
    separate_products = True

    def forward(self, weights: Array, recurrent_bias: Array | int) -> None:
        n = self.units
        products.matmul(weights[None, :, n:], self.inputs[:-1, n:], self.a[:-1])
        super().forward(weights[:, :n], recurrent_bias)

    def run_steps(self, weights: Array, recurrent_bias: Array | int) -> None:
        n, one, a = self.units, self.one, self.a
        r, product = np.empty_like(a[0]), np.empty_like(self.saved[0])
        r_gates, r_new = r[: 2 * n], r[2 * n :]
        states = self.inputs[:, :n], self.h, self.h[1:], self.saved
        for t, (inputs, h, h_new, saved, gates, u, reset, new) in enumerate(
            zip(*states, a[:, : 2 * n], *self.split_gates(a), strict=False)
        ):
            matmul(weights, inputs, r)
            add(gates, r_gates, gates)
            exp(gates, gates)
            add(gates, one, gates)
            divide(one, gates, gates)
            add(r_new, recurrent_bias, saved)
            multiply(reset, saved, product)
            add(new, product, new)
            tanh(new, new)
            subtract(h, new, h_new)
            multiply(u, h_new, h_new)
            add(h_new, new, h_new)
            if not self.is_plain:
                self.finish_step(t)

    def run_steps_backward(
        self, weights: Array, steps: slice, g: Array | None, dz: Array, masked: Array | None
    ) -> None:
        dh, n, past = self.dh, self.units, np.empty_like(self.dh)
        dr = self.dr[steps]
        passed = self.derivatives(steps, dz, masked)
        into_inner = self.split_gates(self.a[steps])[1]
        both = dz.reshape(len(dz), 3, n, -1)[:, ::2]
        parts = dz[:, : 2 * n], *self.split_gates(dz)[1:], dr, dr[:, : 2 * n], dr[:, 2 * n :]
        for u_and_new, gates, reset, new, d, d_gates, d_new, by, p, g_t in _reversed(
            both, *parts, into_inner, passed, g
        ):
            if g_t is not None:
                add(dh, g_t, dh)
            multiply(u_and_new, dh, u_and_new)
            multiply(reset, new, reset)
            copyto(d_gates, gates)
            multiply(new, by, d_new)
            multiply(dh, p, past)
            self.backpropagate_state(weights, d, None)
            add(dh, past, dh)

    def derivatives(self, steps: slice, d: Array, masked: Array | None) -> Array:
        """Write the derivatives of the new state by `u` and `new`, and of `new` by the reset gate, to `d`.

        Return the direct derivative of the new state by the old.
        """
        a, h, one = self.a[steps], self.h[steps], self.one
        (u, reset, new), (du, d_reset, d_new) = self.split_gates(a), self.split_gates(d)
        rest = subtract(one, u, scratch("rest", u.shape, u.dtype))
        multiply(new, new, d_new)
        subtract(one, d_new, d_new)
        multiply(d_new, rest, d_new)
        multiply(u, rest, rest)
        subtract(h, new, du)
        multiply(du, rest, du)
        subtract(one, reset, rest)
        multiply(rest, reset, rest)
        multiply(rest, self.saved[steps], d_reset)
        return self.apply_mask(masked, u, du, d_new)


LOOPS = {"simple": SimpleLoop, "lstm": LSTMLoop, "gru": GRULoop}
