"""The hinge losses, for targets -1 and 1 and predictions whose sign is the decision."""

from __future__ import annotations

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.losses.base import LossFunctionWrapper, match_shapes
from hilevel.losses.regression import MEAN


def _as_signs(y_true: Tensor) -> Tensor:
    """Return targets that are all 0 or 1 as -1 and 1; others unchanged."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2 * y_true - 1, y_true)


def _margin_error(y_true: TensorLike, y_pred: TensorLike, name: str) -> Tensor:
    """Return `maximum(1 - y_true * y_pred, 0)`, the distance of each prediction from the margin."""
    y_true, y_pred = match_shapes(y_true, y_pred, name)
    return ops.maximum(1 - _as_signs(y_true) * y_pred, 0)


def hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(maximum(1 - y_true * y_pred, 0))` over the last axis. Targets 0 and 1 are converted to -1 and 1.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.hinge([[-1.0, 1.0]], [[-0.5, 2.0]])
    array([0.25], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    return ops.mean(_margin_error(y_true, y_pred, "hinge"), axis=-1)


def squared_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(square(maximum(1 - y_true * y_pred, 0)))` over the last axis.

    Targets 0 and 1 are converted to -1 and 1.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.squared_hinge([[-1.0, 1.0]], [[-0.5, 2.0]])
    array([0.125], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    return ops.mean(ops.square(_margin_error(y_true, y_pred, "squared_hinge")), axis=-1)


def categorical_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `maximum(highest wrong score - score of the target + 1, 0)` over the last axis, for one-hot targets.

    Args:
        y_true, y_pred: one-hot targets and scores, tensors of one shape `(..., classes)`.

    >>> hilevel.losses.categorical_hinge([[0.0, 1.0]], [[0.25, 0.75]])
    array([0.5], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "categorical_hinge")
    own = ops.sum(y_true * y_pred, axis=-1)
    other = ops.max((1 - y_true) * y_pred, axis=-1)
    return ops.maximum(other - own + 1, 0)


class Hinge(LossFunctionWrapper):
    """The hinge loss of support vector machines, `mean(maximum(1 - y_true * y_pred, 0))`, for targets -1 and 1.

    >>> hilevel.losses.Hinge()(np.array([[-1.0, 1.0]]), np.array([[-0.5, 2.0]]))
    np.float32(0.25)
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "hinge", dtype: DTypeLike = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """The hinge loss, squared, for targets -1 and 1.

    >>> hilevel.losses.SquaredHinge()(np.array([[-1.0, 1.0]]), np.array([[-0.5, 2.0]]))
    np.float32(0.125)
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "squared_hinge", dtype: DTypeLike = None
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
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
