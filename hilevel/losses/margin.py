"""The hinge losses: targets are -1 or 1, predictions any numbers, the sign of which is the decision."""

from __future__ import annotations

from typing import Any

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.losses.base import LossFunctionWrapper, matched
from hilevel.losses.regression import MEAN


def _signs(y_true: Tensor) -> Tensor:
    """Targets that are all 0 or 1 as -1 and 1; others as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2 * y_true - 1, y_true)


def _shortfall(y_true: Tensor, y_pred: Tensor, name: str) -> Tensor:
    """By how much each prediction misses the margin of 1."""
    y_true, y_pred = matched(y_true, y_pred, name)
    return ops.maximum(1 - _signs(y_true) * y_pred, 0)


def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(maximum(1 - y_true * y_pred, 0))` over the last axis. Targets 0 and 1 are taken as -1 and 1.

    >>> hilevel.losses.hinge([[-1.0, 1.0]], [[-0.5, 2.0]])
    array([0.25], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    return ops.mean(_shortfall(y_true, y_pred, "hinge"), axis=-1)


def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(square(maximum(1 - y_true * y_pred, 0)))` over the last axis. Targets 0 and 1 are taken as -1 and 1.

    >>> hilevel.losses.squared_hinge([[-1.0, 1.0]], [[-0.5, 2.0]])
    array([0.125], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    return ops.mean(ops.square(_shortfall(y_true, y_pred, "squared_hinge")), axis=-1)


def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`maximum(highest wrong score - score of the target + 1, 0)`, for one-hot targets over the last axis.

    >>> hilevel.losses.categorical_hinge([[0.0, 1.0]], [[0.25, 0.75]])
    array([0.5], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = matched(y_true, y_pred, "categorical_hinge")
    own = ops.sum(y_true * y_pred, axis=-1)
    other = ops.max((1 - y_true) * y_pred, axis=-1)
    return ops.maximum(other - own + 1, 0)


class Hinge(LossFunctionWrapper):
    """The hinge loss of support vector machines, `mean(maximum(1 - y_true * y_pred, 0))`, for targets -1 and 1.

    >>> hilevel.losses.Hinge()(np.array([[-1.0, 1.0]]), np.array([[-0.5, 2.0]]))
    np.float32(0.25)
    """

    def __init__(self, reduction: str | None = MEAN, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """The hinge loss, squared, for targets -1 and 1.

    >>> hilevel.losses.SquaredHinge()(np.array([[-1.0, 1.0]]), np.array([[-0.5, 2.0]]))
    np.float32(0.125)
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """The hinge loss over classes, for one-hot targets: the target's score should lead by 1.

    >>> hilevel.losses.CategoricalHinge()(np.array([[0.0, 1.0]]), np.array([[0.25, 0.75]]))
    np.float32(0.5)
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
