"""Microseconds of an op and of a layer call on NumPy, inside and outside a tape, against the bare NumPy call."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

import hilevel
from hilevel import layers, ops


def microseconds(function: Callable[[], Any], number: int = 2000, rounds: int = 9) -> float:
    """Return the best of some rounds, of one call."""
    return min(timeit.repeat(function, number=number, repeat=rounds)) / number * 1e6


def main() -> None:
    """Measure, and print a table."""
    hilevel.set_backend("numpy")
    x = np.ones((4, 4), np.float32)
    w = hilevel.Variable(x)
    dense = layers.Dense(4)
    dense(x)
    cases: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        ("add", lambda: x + x, lambda: ops.add(x, x)),
        ("tanh", lambda: np.tanh(x), lambda: ops.tanh(x)),
        ("matmul with a Variable", lambda: np.matmul(x, x), lambda: ops.matmul(x, w)),
        ("sum", lambda: np.sum(x), lambda: ops.sum(x)),
        ("Dense(4)", lambda: x @ x + x[0], lambda: dense(x)),
    ]
    print(f"{'microseconds':24} {'numpy':>7} {'op':>7} {'on tape':>8}")
    for name, bare, call in cases:
        outside = microseconds(call)
        with hilevel.GradientTape() as tape:
            t = tape.watch(x)
            on_tape = {
                "add": lambda t=t: ops.add(t, t), "tanh": lambda t=t: ops.tanh(t),
                "sum": lambda t=t: ops.sum(t),
            }.get(name, call)  # fmt: skip
            inside = microseconds(on_tape)
        print(f"{name:24} {microseconds(bare):7.2f} {outside:7.2f} {inside:8.2f}")


if __name__ == "__main__":
    main()
