"""The update of one weight as one op, for the optimizers in most use.

A backend may write the results of these ops into `p`, `m` and `v` themselves: hand in arrays that nobody else holds
(`hilevel.optimizers.ownership.owned`). They have no gradient.
"""

from __future__ import annotations

from typing import Any

from hilevel._types import Namespace, Tensor
from hilevel.ops._abstract import like
from hilevel.ops._op import op


def _likes(*positions: int) -> Any:
    """Shape rule: results like the arguments at these positions."""
    return lambda *args, **_: tuple(like(args[i]) for i in positions)


@op(shape=like)
def shrink_update(xp: Namespace, p: Tensor, factor: Tensor) -> Tensor:
    """`p * factor`, the decay of a weight.

    >>> from hilevel.ops.updates import shrink_update
    >>> shrink_update(np.array([2.0, 4.0]), 0.5)
    array([1., 2.])
    """
    return p * _scalar(xp, factor, p)


@op(shape=like)
def sgd_update(xp: Namespace, p: Tensor, g: Tensor, rate: Tensor) -> Tensor:
    """`p - rate * g`.

    >>> from hilevel.ops.updates import sgd_update
    >>> sgd_update(np.array([2.0, 4.0]), np.array([1.0, 1.0]), 0.5)
    array([1.5, 3.5])
    """
    return p - g * _scalar(xp, rate, p)


@op(shape=_likes(0, 2))
def momentum_update(
    xp: Namespace, p: Tensor, g: Tensor, m: Tensor, rate: Tensor, momentum: float, nesterov: bool
) -> Any:
    """`m = momentum * m - rate * g`, `p + m`; with `nesterov`, `p + momentum * m - rate * g`. Returns `(p, m)`.

    >>> from hilevel.ops.updates import momentum_update
    >>> momentum_update(np.array([2.0]), np.array([1.0]), np.array([1.0]), 0.5, momentum=0.5, nesterov=False)
    (array([2.]), array([0.]))
    """
    step = g * _scalar(xp, rate, p)
    m = m * momentum - step
    return p + (m * momentum - step if nesterov else m), m


@op(shape=lambda rate, step, beta_1, beta_2: like(rate))
def adam_rate(xp: Namespace, rate: Tensor, step: Tensor, beta_1: float, beta_2: float) -> Tensor:
    """The rate of Adam's step, counted from 0, with both averages corrected for their start at zero.

    >>> from hilevel.ops.updates import adam_rate
    >>> adam_rate(np.float32(0.001), np.int32(0), beta_1=0.75, beta_2=0.75)
    np.float32(0.002)
    """
    t = (step + 1).astype(rate.dtype)
    return rate * xp.sqrt(1 - beta_2**t) / (1 - beta_1**t)


@op(shape=_likes(0, 2, 3))
def adam_update(
    xp: Namespace,
    p: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    rate: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Any:
    """`m` and `v`, moved towards `g` and `g^2`, and `p - rate * m / (sqrt(v) + epsilon)`. Returns `(p, m, v)`.

    >>> from hilevel.ops.updates import adam_update
    >>> p, g, m, v = np.array([[1.0], [2.0], [0.0], [0.0]])
    >>> adam_update(p, g, m, v, 0.5, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    (array([0.5]), array([1.]), array([1.]))
    """
    m = m + (g - m) * (1 - beta_1)
    v = v + (g * g - v) * (1 - beta_2)
    return p - m * _scalar(xp, rate, p) / (xp.sqrt(v) + epsilon), m, v


@op(shape=_likes(0, 2))
def rmsprop_update(
    xp: Namespace, p: Tensor, g: Tensor, v: Tensor, rate: Tensor, rho: float, epsilon: float
) -> Any:
    """`v`, moved towards `g^2`, and `p - rate * g / sqrt(v + epsilon)`. Returns `(p, v)`.

    >>> from hilevel.ops.updates import rmsprop_update
    >>> p, g, v = np.array([[1.0], [2.0], [0.0]])
    >>> rmsprop_update(p, g, v, 0.5, rho=0.75, epsilon=0.0)
    (array([0.]), array([1.]))
    """
    v = rho * v + (1 - rho) * (g * g)
    return p - _scalar(xp, rate, p) * g / xp.sqrt(v + epsilon), v


def _scalar(xp: Namespace, x: Any, beside: Tensor) -> Any:
    return xp.asarray(x, dtype=beside.dtype)
