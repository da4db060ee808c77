"""Recurrent cells over a sequence: loops over the steps that write into memory laid out before.

Arrays have the axes `(steps, features, samples)`: a step is one piece of memory, and so is each gate of it, which NumPy
goes through two to four times as fast as through columns of a matrix. Gates that are sigmoids, `1 / (1 + exp(-x))`, lie
side by side, and their minus is in the weights. On the way back what the gradients are multiplied with is made for
several steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np
from numpy import add, copyto, divide, exp, matmul, multiply, negative, positive, subtract, tanh

from hilevel_numpy import products
from hilevel_numpy.threads import scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 15
"""Numbers of a block of steps on the way back."""


class Loop:
    """The way of some samples through all steps, and back. A subclass is a kind of cell.

    Of each step there are the state before it, `h`, what the products see, `seen`, which is the state, the inputs and a
    one for the bias, what they give and then the gates, `a`, and what else the way back needs, `more`. On the way back
    the gradients of the products are made: `dz`, and `dr` for the one with the state.
    """

    order: tuple[int, ...] = (0,)
    """Which gates there are, in the order they have in `a`: sigmoids, and a tanh at the end."""
    more_in_a = 0
    """How many more there are of the units' size, behind the gates."""
    more_units = 0
    """And in `more`."""
    two_gradients = False
    """Whether the product with the state is one by itself, with a gradient of its own."""

    dz: Any
    dr: Any
    dh: Any
    dc: Any

    def __init__(self, kept: Any, mask: Any, keep: Any) -> None:
        self.units, states, self.a, self.more = kept
        self.h, self.seen = states[:, : self.units], states[:, self.units if keep is not None else 0 :]
        self.wide = self.units * len(self.order)
        self.states = [self.h, self.a[:, self.wide :]][: 1 + self.more_in_a]
        self.keep = keep
        self.stops: Any = None if mask is None else ~mask[:, None]
        self.is_plain = mask is None and keep is None
        self.one = np.ones((), self.a.dtype)

    @classmethod
    def laid_out(cls, x: Array, states: list[Array], keep: Any, has_bias: bool) -> Any:
        """Memory for all steps, with the inputs and the first states in it."""
        (samples, steps, features), units, dtype = x.shape, states[0].shape[1], x.dtype
        before = units if keep is None else 2 * units
        hx = np.empty((steps + 1, before + features + has_bias, samples), dtype)
        hx[:-1, before : before + features] = x.transpose(1, 2, 0)
        hx[:, before + features :] = 1
        a = np.empty((steps + 1, units * (len(cls.order) + cls.more_in_a), samples), dtype)
        for all_steps, first in zip((hx[:, :units], a[:, units * len(cls.order) :]), states, strict=False):
            all_steps[0] = first.T
        if keep is not None:
            multiply(states[0].T, keep, hx[0, units:before])
        return units, hx, a, np.empty((steps, units * cls.more_units, samples), dtype)

    @classmethod
    def arranged(cls, weights: Array) -> Array:
        """Weights as rows, in that order; those of sigmoids negative."""
        n, out = weights.shape[-1] // len(cls.order), np.empty(weights.shape[::-1], weights.dtype)
        for to, gate in enumerate(cls.order):
            change = positive if to == len(cls.order) - 1 else negative
            change(weights[:, gate * n : (gate + 1) * n].T, out[to * n : (to + 1) * n])
        return out

    def parts_of(self, a: Array) -> list[Array]:
        """Each gate of an array with all of them."""
        n = self.units
        return [a[:, i * n : (i + 1) * n] for i in range(len(self.order))]

    # -- forward -----------------------------------------------------------------------------------

    def forward(self, weights: Array, inner: Any) -> None:
        """Write the gates, and the states from the second on; `inner` is a bias of the product with the state."""
        with np.errstate(over="ignore"):  # of a sigmoid that is 0
            self.go(weights, inner)

    def go(self, weights: Array, inner: Any) -> None:
        """Go through all steps."""
        raise NotImplementedError

    def finish(self, t: int) -> None:
        """After a step: where it is masked the states stay what they were; and the next one sees a part of them."""
        if self.stops is not None:
            for states in self.states:
                copyto(states[t + 1], states[t], where=self.stops[t])
        if self.keep is not None:
            multiply(self.h[t + 1], self.keep, self.seen[t + 1, : self.units])

    # -- and back ----------------------------------------------------------------------------------

    def backward(self, g: Any, states: list[Array], weights: Array) -> None:
        """Make the gradients of both products, and turn those of the last states into those of the first; `g` is the
        gradient of the outputs, or None."""
        self.dh, self.dc = (*states, None)[:2]
        steps, samples = len(self.a) - 1, self.a.shape[-1]
        self.dz = np.empty((steps, self.wide, samples), self.a.dtype)
        self.dr = np.empty_like(self.dz) if self.two_gradients else self.dz
        size = max(1, _BLOCK // self.dz[0].size)
        for end in range(steps, 0, -size):
            block = slice(max(0, end - size), end)
            stops = None if self.stops is None else self.stops[block]
            self.back(weights, block, None if g is None else g[block], self.dz[block], stops)

    def back(self, weights: Array, steps: slice, g: Any, dz: Array, stops: Any) -> None:
        """Go back through some steps."""
        raise NotImplementedError

    def passing(self, stops: Any, through: Array, *slopes: Array) -> Array:
        """How much of a state goes past a step: all where it is masked, and nothing comes in there."""
        if stops is None:
            return through
        for slope in slopes:
            copyto(slope, 0, where=stops)
        return np.where(stops, self.one, through)

    def through(self, weights: Array, d: Array, stop: Any) -> None:
        """The gradient of the state, through the product."""
        past = None if stop is None else self.dh * stop
        matmul(weights, d, self.dh)
        if self.keep is not None:
            multiply(self.dh, self.keep, self.dh)
        if past is not None:
            add(self.dh, past, self.dh)


def _reversed(*arrays: Any) -> Iterator[Any]:
    """Step by step from the last to the first; None for what is not there."""
    return zip(*(repeat(None) if x is None else x[::-1] for x in arrays), strict=False)


class SimpleLoop(Loop):
    """`h = tanh(a)`."""

    def go(self, weights: Array, inner: Any) -> None:
        for t, (seen, h_new) in enumerate(zip(self.seen, self.h[1:], strict=False)):
            matmul(weights, seen, h_new)
            tanh(h_new, h_new)
            if not self.is_plain:
                self.finish(t)

    def back(self, weights: Array, steps: slice, g: Any, dz: Array, stops: Any) -> None:
        h, dh = self.h[1:][steps], self.dh
        multiply(h, h, dz)
        subtract(self.one, dz, dz)
        self.passing(stops, dh, dz)
        for d, g_t, stop in _reversed(dz, g, stops):
            if g_t is not None:
                add(dh, g_t, dh)
            multiply(d, dh, d)
            self.through(weights, d, stop)


class LSTMLoop(Loop):
    """`c = f * c + i * g`, `h = o * tanh(c)`; `more` is that tanh. The cell lies behind the gates, so that both
    products in it are one call."""

    order = (3, 0, 1, 2)
    more_in_a = 1
    more_units = 3

    def go(self, weights: Array, inner: Any) -> None:
        n, a, more, one = self.units, self.a, self.more, self.one
        states = self.seen, self.h[1:], a[1:, 4 * n :]
        gates = a[:, : 4 * n], a[:, : 3 * n], a[:, 3 * n : 4 * n], a[:, n : 3 * n], a[:, 3 * n :], a[:, :n]
        others = more[:, : 2 * n], more[:, :n], more[:, n : 2 * n], more[:, 2 * n :]
        for t, (seen, h_new, c_new, z, sigmoids, g, i_f, g_c, o, both, added, kept, y) in enumerate(
            zip(*states, *gates, *others, strict=False)
        ):
            matmul(weights, seen, z)
            exp(sigmoids, sigmoids)
            add(sigmoids, one, sigmoids)
            divide(one, sigmoids, sigmoids)
            tanh(g, g)
            multiply(i_f, g_c, both)
            add(kept, added, c_new)
            tanh(c_new, y)
            multiply(o, y, h_new)
            if not self.is_plain:
                self.finish(t)

    def back(self, weights: Array, steps: slice, g: Any, dz: Array, stops: Any) -> None:
        dh, dc, n, more = self.dh, self.dc, self.units, np.empty_like(self.dh)
        into_cell, passed = self.slopes(steps, dz, stops)
        first = dz[:, : 3 * n].reshape(len(dz), 3, n, -1)
        for d, d_first, d_last, w, p, g_t, stop in _reversed(
            dz, first, dz[:, 3 * n :], into_cell, passed, g, stops
        ):
            if g_t is not None:
                add(dh, g_t, dh)
            multiply(dh, w, more)
            add(dc, more, dc)
            multiply(d_first, dc, d_first)
            multiply(d_last, dh, d_last)
            multiply(dc, p, dc)
            self.through(weights, d, stop)

    def slopes(self, steps: slice, d: Array, stops: Any) -> tuple[Array, Array]:
        """Write what the gradient of the cell, and for the output gate that of the state, is multiplied with in each
        gate. Return what that of the state is multiplied with into the cell, and how much of the cell's goes on."""
        n, a, h, more = self.units, self.a[steps], self.h[1:][steps], self.more[steps]
        (o, i, f, g), (_, _, dg, do) = self.parts_of(a), self.parts_of(d)
        sigmoids = a[:, : 3 * n]
        rest = subtract(self.one, sigmoids, scratch("rest", sigmoids.shape, a.dtype))
        multiply(more[:, : 2 * n], rest[:, n:], d[:, : 2 * n])
        multiply(h, rest[:, :n], do)
        multiply(g, g, dg)
        subtract(self.one, dg, dg)
        multiply(dg, i, dg)
        w = multiply(h, more[:, 2 * n :], scratch("cell", h.shape, h.dtype))
        subtract(o, w, w)
        return w, self.passing(stops, f, d, w)


class GRULoop(Loop):
    """`h = u * h + (1 - u) * new`, `new = tanh(z + reset * r)`; `more` is that `r`."""

    order = (0, 1, 2)
    more_units = 1
    two_gradients = True

    def forward(self, weights: Array, inner: Any) -> None:
        n = self.units
        products.matmul(weights[None, :, n:], self.seen[:-1, n:], self.a[:-1])
        super().forward(weights[:, :n], inner)

    def go(self, weights: Array, inner: Any) -> None:
        n, one, a = self.units, self.one, self.a
        r, product = np.empty_like(a[0]), np.empty_like(self.more[0])
        r_gates, r_new = r[: 2 * n], r[2 * n :]
        states = self.seen[:, :n], self.h, self.h[1:], self.more
        for t, (seen, h, h_new, more, gates, u, reset, new) in enumerate(
            zip(*states, a[:, : 2 * n], *self.parts_of(a), strict=False)
        ):
            matmul(weights, seen, r)
            add(gates, r_gates, gates)
            exp(gates, gates)
            add(gates, one, gates)
            divide(one, gates, gates)
            add(r_new, inner, more)
            multiply(reset, more, product)
            add(new, product, new)
            tanh(new, new)
            subtract(h, new, h_new)
            multiply(u, h_new, h_new)
            add(h_new, new, h_new)
            if not self.is_plain:
                self.finish(t)

    def back(self, weights: Array, steps: slice, g: Any, dz: Array, stops: Any) -> None:
        dh, n, past = self.dh, self.units, np.empty_like(self.dh)
        dr = self.dr[steps]
        passed = self.slopes(steps, dz, stops)
        into_inner = self.parts_of(self.a[steps])[1]
        both = dz.reshape(len(dz), 3, n, -1)[:, ::2]
        parts = dz[:, : 2 * n], *self.parts_of(dz)[1:], dr, dr[:, : 2 * n], dr[:, 2 * n :]
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
            self.through(weights, d, None)
            add(dh, past, dh)

    def slopes(self, steps: slice, d: Array, stops: Any) -> Array:
        """Write what the gradient of the state is multiplied with, for the reset gate that of the new one; return how
        much of it goes on."""
        a, h, one = self.a[steps], self.h[steps], self.one
        (u, reset, new), (du, d_reset, d_new) = self.parts_of(a), self.parts_of(d)
        rest = subtract(one, u, scratch("rest", u.shape, u.dtype))
        multiply(new, new, d_new)
        subtract(one, d_new, d_new)
        multiply(d_new, rest, d_new)
        multiply(u, rest, rest)
        subtract(h, new, du)
        multiply(du, rest, du)
        subtract(one, reset, rest)
        multiply(rest, reset, rest)
        multiply(rest, self.more[steps], d_reset)
        return self.passing(stops, u, du, d_new)


LOOPS = {"simple": SimpleLoop, "lstm": LSTMLoop, "gru": GRULoop}
