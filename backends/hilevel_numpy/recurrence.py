"""Recurrent layers over a sequence: loops over the steps that write into memory laid out before.

Arrays have the steps first, so that a step of some samples is one piece of memory. Gates that are sigmoids,
`1 / (1 + exp(-x))`, lie side by side, and their minus is in the weights. On the way back what the gradients are
multiplied with is made for several steps at once. Where steps are large the samples are divided among the cores: each
thread goes through all steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy import add, copyto, exp, matmul, multiply, negative, positive, reciprocal, subtract, tanh

from hilevel.ops.nn import sum_of_rows
from hilevel.ops.recurrence import _recurrent as plain
from hilevel.protocol import Override
from hilevel_numpy import products
from hilevel_numpy.threads import parallel, scratch

Array = np.ndarray[Any, Any]

_BLOCK = 1 << 15
"""Numbers of a block of steps on the way back."""
_WORK = 1 << 22
"""How many multiplications a step of a part has at least. With less, threads wait for Python's lock between the calls
for longer than they work at the same time; for the same reason there are two parts at most."""


class Loop:
    """The way of some samples through all steps, and back. A subclass is a kind of cell.

    `kept` is, with the axes `(steps, samples, features)`: `a`, what the inputs give and then the gates; `h` and `c`,
    the states before each step, and the last; `more`, what else the way back needs.
    """

    order: tuple[int, ...] = (0,)
    """Which gates there are, in the order they have in `a`: sigmoids, and a tanh at the end."""
    wants_more = False

    a: Any
    h: Any
    c: Any
    more: Any
    dc: Any

    def __init__(self, part: slice, kept: Any, weights: Array, inner: Any, mask: Any, keep: Any) -> None:
        self.part, self.weights, self.inner, self.units = part, weights, inner, len(weights)
        self.a, self.h, self.c, self.more = (None if x is None else x[:, part] for x in kept)
        self.keep = None if keep is None else keep[part]
        self.stops: Any = repeat(None) if mask is None else ~mask[part].T[:, :, None]
        self.masked = mask is not None
        self.one = np.ones((), weights.dtype)

    @classmethod
    def arranged(cls, weights: Array) -> Array:
        """The columns of weights in that order, those of sigmoids negative."""
        n, out = weights.shape[-1] // len(cls.order), np.empty_like(weights)
        for to, gate in enumerate(cls.order):
            change = positive if to == len(cls.order) - 1 else negative
            change(weights[:, gate * n : (gate + 1) * n], out[:, to * n : (to + 1) * n])
        return out

    def parts_of(self, a: Array) -> list[Array]:
        """Each gate of an array with all of them."""
        n = self.units
        return [a[..., i * n : (i + 1) * n] for i in range(len(self.order))]

    # -- forward -----------------------------------------------------------------------------------

    def forward(self) -> None:
        """Write the gates, and the states from the second on."""
        raise NotImplementedError

    def seen(self, h: Array) -> Array:
        """The state as the product sees it."""
        return h if self.keep is None else multiply(h, self.keep)

    def hold(self, stop: Array, t: int) -> None:
        """Where a step is masked the states stay what they were."""
        for states in (self.h, self.c):
            if states is not None:
                copyto(states[t + 1], states[t], where=stop)

    # -- and back ----------------------------------------------------------------------------------

    def backward(self, g: Array, dh: Array, dc: Array | None, dz: Array, dr: Array) -> None:
        """Write the gradients of both products, and turn those of the last states, `dh` and `dc`, into those of the
        first; `g` is the gradient of the outputs."""
        self.dh, self.dc = dh[self.part], None if dc is None else dc[self.part]
        g, dz, dr = (x[:, self.part] for x in (g, dz, dr))
        self.turned = self.weights.T
        size = max(1, _BLOCK // self.a[0].size)
        for end in range(len(self.a), 0, -size):
            steps = slice(max(0, end - size), end)
            stops = self.stops[steps] if self.masked else None
            self.back(steps, g[steps], dz[steps], dr[steps], stops)

    def back(self, steps: slice, g: Array, dz: Array, dr: Array, stops: Any) -> None:
        """Go back through some steps."""
        raise NotImplementedError

    def passing(self, stops: Any, through: Array, *slopes: Array) -> Array:
        """How much of a state goes past a step: all where it is masked, and nothing comes in there."""
        if stops is None:
            return through
        for slope in slopes:
            copyto(slope, 0, where=stops)
        return np.where(stops, self.one, through)

    def through(self, d: Array, stop: Any) -> None:
        """The gradient of the state, through the product."""
        past = None if stop is None else self.dh * stop
        matmul(d, self.turned, self.dh)
        if self.keep is not None:
            multiply(self.dh, self.keep, self.dh)
        if past is not None:
            add(self.dh, past, self.dh)


def _reversed(*arrays: Any) -> Iterator[Any]:
    """Step by step from the last to the first; None for what is not there."""
    return zip(*(repeat(None) if x is None else x[::-1] for x in arrays), strict=False)


class SimpleLoop(Loop):
    """`h = tanh(a)`."""

    def forward(self) -> None:
        r = np.empty_like(self.a[0])
        for t, (a, h, new, stop) in enumerate(zip(self.a, self.h, self.h[1:], self.stops, strict=False)):
            matmul(self.seen(h), self.weights, r)
            add(a, r, a)
            tanh(a, a)
            copyto(new, a)
            if stop is not None:
                self.hold(stop, t)

    def back(self, steps: slice, g: Array, dz: Array, dr: Array, stops: Any) -> None:
        a, dh = self.a[steps], self.dh
        multiply(a, a, dz)
        subtract(self.one, dz, dz)
        self.passing(stops, dh, dz)
        for g_t, d, stop in _reversed(g, dz, stops):
            add(dh, g_t, dh)
            multiply(d, dh, d)
            self.through(d, stop)


class LSTMLoop(Loop):
    """`c = f * c + i * g`, `h = o * tanh(c)`; `more` is that tanh."""

    order = (0, 1, 3, 2)
    wants_more = True

    def forward(self) -> None:
        r, ig, one = np.empty_like(self.a[0]), np.empty_like(self.h[0]), self.one
        states = self.h, self.c, self.h[1:], self.c[1:], self.more
        gates = self.a[..., : 3 * self.units], *self.parts_of(self.a)
        steps = zip(self.a, *gates, *states, self.stops, strict=False)
        for t, (a, sigmoids, i, f, o, g, h, c, h_new, c_new, y, stop) in enumerate(steps):
            matmul(self.seen(h), self.weights, r)
            add(a, r, a)
            exp(sigmoids, sigmoids)
            add(sigmoids, one, sigmoids)
            reciprocal(sigmoids, sigmoids)
            tanh(g, g)
            multiply(f, c, c_new)
            multiply(i, g, ig)
            add(c_new, ig, c_new)
            tanh(c_new, y)
            multiply(o, y, h_new)
            if stop is not None:
                self.hold(stop, t)

    def back(self, steps: slice, g: Array, dz: Array, dr: Array, stops: Any) -> None:
        dh, dc, n, more = self.dh, self.dc, self.units, np.empty_like(self.dh)
        into_cell, passed = self.slopes(steps, dz, stops)
        first = dz[:, :, : 3 * n].reshape(len(dz), len(dh), 3, n)
        last, dc_all = dz[:, :, 3 * n :], dc[:, None]
        for g_t, d, d_first, d_last, w, p, stop in _reversed(g, dz, first, last, into_cell, passed, stops):
            add(dh, g_t, dh)
            multiply(dh, w, more)
            add(dc, more, dc)
            multiply(d_first, dc_all, d_first)
            multiply(d_last, dh, d_last)
            multiply(dc, p, dc)
            self.through(d, stop)

    def slopes(self, steps: slice, d: Array, stops: Any) -> tuple[Array, Array]:
        """Write what the gradient of the cell, and for the output gate that of the state, is multiplied with in each
        gate. Return what that of the state is multiplied with into the cell, and how much of the cell's goes on."""
        a, h, y = self.a[steps], self.h[1:][steps], self.more[steps]
        (i, f, o, g), (di, df, dg, do) = self.parts_of(a), self.parts_of(d)
        rest = subtract(self.one, a, scratch("rest", a.shape, a.dtype))
        rest_i, rest_f, rest_o, _ = self.parts_of(rest)
        multiply(i, rest_i, di)
        multiply(di, g, di)
        multiply(f, rest_f, df)
        multiply(df, self.c[steps], df)
        multiply(h, rest_o, do)
        multiply(g, g, dg)
        subtract(self.one, dg, dg)
        multiply(dg, i, dg)
        w = multiply(h, y, scratch("cell", y.shape, y.dtype))
        subtract(o, w, w)
        return w, self.passing(stops, f, d, w)


class GRULoop(Loop):
    """`h = u * h + (1 - u) * new`, `new = tanh(z + reset * r)`; `more` is that `r`."""

    order = (0, 1, 2)
    wants_more = True

    def forward(self) -> None:
        n, one = self.units, self.one
        r, product = np.empty_like(self.a[0]), np.empty_like(self.h[0])
        r_gates, r_new = r[:, : 2 * n], r[:, 2 * n :]
        steps = zip(
            self.a[..., : 2 * n],
            *self.parts_of(self.a),
            self.h,
            self.h[1:],
            self.more,
            self.stops,
            strict=False,
        )
        for t, (gates, u, reset, new, h, h_new, inner, stop) in enumerate(steps):
            matmul(self.seen(h), self.weights, r)
            add(gates, r_gates, gates)
            exp(gates, gates)
            add(gates, one, gates)
            reciprocal(gates, gates)
            add(r_new, self.inner, inner)
            multiply(reset, inner, product)
            add(new, product, new)
            tanh(new, new)
            subtract(h, new, h_new)
            multiply(u, h_new, h_new)
            add(h_new, new, h_new)
            if stop is not None:
                self.hold(stop, t)

    def back(self, steps: slice, g: Array, dz: Array, dr: Array, stops: Any) -> None:
        dh, n, past = self.dh, self.units, np.empty_like(self.dh)
        passed = self.slopes(steps, dz, stops)
        into_inner = self.parts_of(self.a[steps])[1]
        dh_both, both = dh[:, None], dz.reshape(*dz.shape[:2], 3, n)[:, :, ::2]
        parts = dz[..., : 2 * n], *self.parts_of(dz)[1:], dr, dr[..., : 2 * n], dr[..., 2 * n :]
        steps_back = _reversed(g, both, *parts, into_inner, passed)
        for g_t, u_and_new, gates, reset, new, d, d_gates, d_new, by, p in steps_back:
            add(dh, g_t, dh)
            multiply(u_and_new, dh_both, u_and_new)
            multiply(reset, new, reset)
            copyto(d_gates, gates)
            multiply(new, by, d_new)
            multiply(dh, p, past)
            self.through(d, None)
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


# -- the op --------------------------------------------------------------------------------------------


def _is_other(x: Array, states: Any, mask: Any, activations: tuple[str, str], cell: str) -> bool:
    """Whether this is left to the shared form: other activations, no steps, a dtype without fast products, or what does
    not fit."""
    usual = activations[0] == "tanh" and (cell == "simple" or activations[1] == "sigmoid")
    fit = all(s is None or s.shape == (len(x), s.shape[-1]) for s in states) and x.ndim == 3
    fit = fit and (mask is None or mask.shape == x.shape[:2])
    return not (usual and fit) or x.size == 0 or x.dtype.char not in "fd"


def _parts(kind: type[Loop], kept: Any, *weights: Any) -> list[Loop]:
    """The loops of all samples, in parts."""
    samples, units = kept[1].shape[1:]
    rows = max(-(-samples // 2), -(-_WORK // (len(kind.order) * units * units)))
    return [kind(slice(i, i + rows), kept, *weights) for i in range(0, samples, rows)]


def value(xp: Any, *tensors: Any, **options: Any) -> Any:
    """The outputs of all steps, and the last states."""
    return saving(xp, *tensors, **options)[0]


def saving(
    xp: Any, x: Array, kernel: Array, recurrent_kernel: Array, bias: Any, recurrent_bias: Any, h: Array, c: Any,
    mask: Any, keep: Any, cell: str, activation: str, recurrent_activation: str, unroll: bool,
) -> Any:  # fmt: skip
    """These, and for the way back the inputs as they were multiplied, and what the loops keep."""
    if _is_other(x, (h, c), mask, (activation, recurrent_activation), cell):
        form: Any = plain.saving
        return form(
            xp, x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, mask, keep, cell=cell, activation=activation,
            recurrent_activation=recurrent_activation, unroll=unroll,
        )  # fmt: skip
    kind, (batch, steps, features), units = LOOPS[cell], x.shape, len(recurrent_kernel)
    outer, inner = _biases(kind, units, bias, recurrent_bias)
    inputs = np.empty((steps, batch, features + (outer is not None)), x.dtype)
    inputs[:, :, :features] = x.swapaxes(0, 1)
    if outer is not None:
        inputs[:, :, features] = 1
        kernel = np.concatenate([kernel, outer[None]])
    a = products.matmul(inputs.reshape(steps * batch, -1), kind.arranged(kernel)).reshape(steps, batch, -1)
    states = [np.empty((steps + 1, batch, units), x.dtype) for _ in range(1 if c is None else 2)]
    for all_steps, first in zip(states, (h, c), strict=False):
        all_steps[0] = first
    more = np.empty((steps, batch, units), x.dtype) if kind.wants_more else None
    kept = a, states[0], None if c is None else states[1], more
    weights = kind.arranged(recurrent_kernel)
    with np.errstate(over="ignore"):  # of a sigmoid that is 0
        parallel(lambda loop: loop.forward(), _parts(kind, kept, weights, inner, mask, keep))
    return (states[0][1:].swapaxes(0, 1), *(s[-1] for s in states)), (inputs, *kept)


def _biases(kind: type[Loop], units: int, bias: Any, recurrent_bias: Any) -> tuple[Any, Any]:
    """The biases that are added to the sum of the products, as one; and, of a GRU, that of the product that is
    multiplied with a gate first."""
    zero: Any = 0
    if recurrent_bias is None:
        return bias, zero
    inner = recurrent_bias[2 * units :] if kind is GRULoop else zero
    outer = recurrent_bias.copy()
    if kind is GRULoop:
        outer[2 * units :] = 0
    return outer if bias is None else outer + bias, inner


def gradient(
    xp: Any, g: Any, y: Any, x: Array, kernel: Array, recurrent_kernel: Array, bias: Any, recurrent_bias: Any,
    h: Array, c: Any, mask: Any, keep: Any, cell: str, residuals: Any, **options: Any,
) -> Any:  # fmt: skip
    """The gradients of everything."""
    if len(residuals) == 2:
        rule: Any = plain.rule
        tensors = x, kernel, recurrent_kernel, bias, recurrent_bias, h, c, mask, keep
        return rule(xp, g, y, *tensors, cell=cell, residuals=residuals, **options)
    inputs, *kept = residuals
    a, states = kept[:2]
    dz = np.empty_like(a)
    dr = np.empty_like(a) if cell == "gru" else dz
    first = [d.copy() for d in g[1:]]
    loops = _parts(LOOPS[cell], kept, recurrent_kernel, None, mask, keep)
    dh, dc = (*first, None)[:2]
    parallel(lambda loop: loop.backward(g[0].swapaxes(0, 1), dh, dc, dz, dr), loops)
    dz_rows, dr_rows, features = _rows(dz), _rows(dr), x.shape[-1]
    of_inputs = cache(lambda: products.matmul(_rows(inputs).T, dz_rows))

    def of_keep() -> Array:
        through = products.matmul(dr_rows, recurrent_kernel.T).reshape(dz.shape[:2] + keep.shape[1:])
        return (through * states[:-1]).sum(axis=0)

    before = states[:-1] if keep is None else states[:-1] * keep
    return (
        lambda: products.matmul(dz_rows, kernel.T).reshape(*dz.shape[:2], features).swapaxes(0, 1),
        lambda: of_inputs()[:features],
        lambda: products.matmul(_rows(before).T, dr_rows),
        lambda: of_inputs()[features],
        lambda: sum_of_rows(np, dr_rows),
        *first,
        *[None] * (2 - len(first)),
        None,
        None if keep is None else of_keep,
    )


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


OVERRIDES = {"recurrent": Override(value, gradient, saving)}
