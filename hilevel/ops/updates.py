"""The update of weights as one op for all of them, for the optimizers in most use.

The arguments are rows of arrays, one row for each weight, put one after the other: `p, g, m, v, p, g, m, v, ...`. The
results are the new arrays of each row, without the gradients. They have no gradient themselves.

A backend may write the results into the arguments: hand in arrays that nobody else holds, as
`hilevel.optimizers.ownership.update` does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from hilevel._types import Function, Namespace, Tensor
from hilevel.dtypes import FLOAT32
from hilevel.ops._abstract import like
from hilevel.ops._op import Op, op


def rows(arrays: Any, width: int) -> Iterator[Any]:
    """The arguments of each weight."""
    return (arrays[i : i + width] for i in range(0, len(arrays), width))


def _likes(width: int, *positions: int) -> Any:
    """Shape rule: results like the arguments at these positions of each row."""
    return lambda *arrays, **_: tuple(like(row[i]) for row in rows(arrays, width) for i in positions)


def _update(width: int, *written: int) -> Callable[[Function], Op[...]]:
    """Decorator: an op over rows of `width` arrays, whose results are like those at some positions of each row. Numbers
    in bfloat16 are updated in float32 and rounded."""

    def decorate(value: Function) -> Op[...]:
        @functools.wraps(value)
        def rounded(xp: Namespace, *arrays: Tensor, **kwargs: Any) -> Any:
            results = value(xp, *(a.astype(FLOAT32) if a.dtype.kind == "V" else a for a in arrays), **kwargs)
            likes = (row[i] for row in rows(arrays, width) for i in written)
            return tuple(
                y if y.dtype == x.dtype else y.astype(x.dtype) for y, x in zip(results, likes, strict=True)
            )

        return op(rounded, shape=_likes(width, *written))

    return decorate


def _beside(xp: Namespace, x: Any, array: Tensor) -> Any:
    return xp.asarray(x, dtype=array.dtype)


@_update(1, 0)
def shrink_update(xp: Namespace, *arrays: Tensor, factor: Any) -> Any:
    """Rows `p`: `p * factor`, the decay of weights.

    >>> from hilevel.ops.updates import shrink_update
    >>> shrink_update(np.array([2.0, 4.0]), factor=0.5)
    (array([1., 2.]),)
    """
    return tuple(p * _beside(xp, factor, p) for p in arrays)


@_update(2, 0)
def sgd_update(xp: Namespace, *arrays: Tensor, rate: Any) -> Any:
    """Rows `p, g`: `p - rate * g`.

    >>> from hilevel.ops.updates import sgd_update
    >>> sgd_update(np.array([2.0, 4.0]), np.array([1.0, 1.0]), rate=0.5)
    (array([1.5, 3.5]),)
    """
    return tuple(p - g * _beside(xp, rate, p) for p, g in rows(arrays, 2))


@_update(3, 0, 2)
def momentum_update(xp: Namespace, *arrays: Tensor, rate: Any, momentum: float, nesterov: bool) -> Any:
    """Rows `p, g, m`: `m = momentum * m - rate * g`, `p + m`; with `nesterov`, `p + momentum * m - rate * g`.

    >>> from hilevel.ops.updates import momentum_update
    >>> p, g, m = np.array([[2.0], [1.0], [1.0]])
    >>> momentum_update(p, g, m, rate=0.5, momentum=0.5, nesterov=False)
    (array([2.]), array([0.]))
    """
    out: list[Tensor] = []
    for p, g, m in rows(arrays, 3):
        step = g * _beside(xp, rate, p)
        m = m * momentum - step
        out += [p + (m * momentum - step if nesterov else m), m]
    return tuple(out)


@op(shape=lambda rate, step, beta_1, beta_2: like(rate))
def adam_rate(xp: Namespace, rate: Tensor, step: Tensor, /, beta_1: float, beta_2: float) -> Tensor:
    """The rate of Adam's step, counted from 0, with both averages corrected for their start at zero.

    >>> from hilevel.ops.updates import adam_rate
    >>> adam_rate(np.float32(0.001), np.int32(0), beta_1=0.75, beta_2=0.75)
    np.float32(0.002)
    """
    t = (step + 1).astype(rate.dtype)
    return rate * xp.sqrt(1 - beta_2**t) / (1 - beta_1**t)


@_update(4, 0, 2, 3)
def adam_update(
    xp: Namespace, *arrays: Tensor, rate: Any, beta_1: float, beta_2: float, epsilon: float
) -> Any:
    """Rows `p, g, m, v`: `m` and `v` moved towards `g` and `g^2`, `p - rate * m / (sqrt(v) + epsilon)`.

    >>> from hilevel.ops.updates import adam_update
    >>> p, g, m, v = np.array([[1.0], [2.0], [0.0], [0.0]])
    >>> adam_update(p, g, m, v, rate=0.5, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    (array([0.5]), array([1.]), array([1.]))
    """
    out: list[Tensor] = []
    for p, g, m, v in rows(arrays, 4):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * (g * g)  # stays infinite once a square is, and the step is 0
        out += [p - m * _beside(xp, rate, p) / (xp.sqrt(v) + epsilon), m, v]
    return tuple(out)


@_update(3, 0, 2)
def rmsprop_update(xp: Namespace, *arrays: Tensor, rate: Any, rho: float, epsilon: float) -> Any:
    """Rows `p, g, v`: `v` moved towards `g^2`, `p - rate * g / sqrt(v + epsilon)`.

    >>> from hilevel.ops.updates import rmsprop_update
    >>> p, g, v = np.array([[1.0], [2.0], [0.0]])
    >>> rmsprop_update(p, g, v, rate=0.5, rho=0.75, epsilon=0.0)
    (array([0.]), array([1.]))
    """
    out: list[Tensor] = []
    for p, g, v in rows(arrays, 3):
        v = rho * v + (1 - rho) * (g * g)
        out += [p - _beside(xp, rate, p) * g / xp.sqrt(v + epsilon), v]
    return tuple(out)
