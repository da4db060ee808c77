"""Losses for regression. Targets and predictions have one shape; each is reduced over the last axis."""

from __future__ import annotations

import math
from typing import Any

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.spec import reduced
from hilevel.engine.types import DTypeLike, Namespace, Tensor, TensorLike
from hilevel.losses.base import LossFunctionWrapper, match_shapes

MEAN = "sum_over_batch_size"


@ops.op(dtype="float", shape=lambda y_true, y_pred: reduced(y_pred, -1, False))
def _mean_of_squares(xp: Namespace, y_true: Tensor, y_pred: Tensor) -> Tensor:
    difference = y_pred - y_true
    return ops.mean.value(xp, difference * difference, axis=-1)


@_mean_of_squares.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, y_true: Tensor, y_pred: Tensor) -> Any:
    slope = (g * (2 / max(y_pred.shape[-1], 1)))[..., None] * (y_pred - y_true)
    return (lambda: -slope), (lambda: slope)


def mean_squared_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(square(y_true - y_pred))` over the last axis.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.mean_squared_error([[0.0, 1.0]], [[1.0, 1.0]])
    array([0.5], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "mean_squared_error")
    return _mean_of_squares(y_true, y_pred)


def mean_absolute_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(abs(y_true - y_pred))` over the last axis.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 1.0]])
    array([0.5], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `100 * mean(abs((y_true - y_pred) / y_true))` over the last axis.

    The divisor is at least `hilevel.config.epsilon()`.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]])
    array([25.], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "mean_absolute_percentage_error")
    scale = ops.maximum(ops.abs(y_true), epsilon())
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / scale), axis=-1)


def mean_squared_logarithmic_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(square(log(y_true + 1) - log(y_pred + 1)))` over the last axis.

    Negative values count as 0.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[0.0, 3.0]])
    array([0.2402265], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "mean_squared_logarithmic_error")

    def log(x: Tensor) -> Tensor:
        return ops.log(ops.maximum(x, epsilon()) + 1.0)

    return ops.mean(ops.square(log(y_pred) - log(y_true)), axis=-1)


def cosine_similarity(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """Return minus the cosine of the angle between target and prediction: -1 for equal directions, 1 for opposite ones.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.
        axis: the axis of the vectors.

    >>> hilevel.losses.cosine_similarity([[0.0, 1.0]], [[0.0, 5.0]])
    array([-1.], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "cosine_similarity")
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def huber(y_true: TensorLike, y_pred: TensorLike, delta: float = 1.0) -> Tensor:
    """Return the Huber loss, the mean over the last axis: squared for small errors, linear for large ones.

    With `e = y_pred - y_true`: `e**2 / 2` where `abs(e) <= delta`, else `delta * abs(e) - delta**2 / 2`.
    Source: Huber, "Robust Estimation of a Location Parameter" (1964).

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.
        delta: the error at which the loss turns from squared to linear.

    >>> hilevel.losses.huber([[0.0, 0.0]], [[0.5, 3.0]])
    array([1.3125], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "huber")
    error = y_pred - y_true
    size = ops.abs(error)
    small, large = 0.5 * ops.square(error), delta * size - 0.5 * delta**2
    return ops.mean(ops.where(size <= delta, small, large), axis=-1)


def log_cosh(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(log(cosh(y_pred - y_true)))` over the last axis: a smooth relative of the Huber loss.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.log_cosh([[0.0]], [[2.0]])
    array([1.3250027], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "log_cosh")
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(-2.0 * error) - math.log(2.0), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """The mean of squared errors, `mean(square(y_true - y_pred))`.

    >>> hilevel.losses.MeanSquaredError()(np.array([[0.0, 1.0]]), np.array([[1.0, 1.0]]))
    np.float32(0.5)
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = "mean_squared_error",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of absolute errors, `mean(abs(y_true - y_pred))`.

    >>> hilevel.losses.MeanAbsoluteError()(np.array([[0.0, 1.0]]), np.array([[1.0, 1.0]]))
    np.float32(0.5)
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = "mean_absolute_error",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """The mean of absolute errors, in percent of the target.

    >>> hilevel.losses.MeanAbsolutePercentageError()(np.array([[2.0]]), np.array([[1.0]]))
    np.float32(50.0)
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = "mean_absolute_percentage_error",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of squared errors of the logarithms, for targets of different orders of magnitude.

    >>> hilevel.losses.MeanSquaredLogarithmicError()(np.array([[1.0]]), np.array([[3.0]]))
    np.float32(0.480453)
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = "mean_squared_logarithmic_error",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between target and prediction, from -1 (equal directions) to 1 (opposite).

    Args:
        axis: the axis of the vectors.

    >>> hilevel.losses.CosineSimilarity()(np.array([[0.0, 1.0]]), np.array([[0.0, 5.0]]))
    np.float32(-1.0)
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "cosine_similarity",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """The Huber loss: squared for errors up to `delta`, linear beyond, so that outliers weigh less.

    Source: Huber, "Robust Estimation of a Location Parameter" (1964).

    Args:
        delta: the error at which the loss turns from squared to linear.

    >>> hilevel.losses.Huber()(np.array([[0.0, 0.0]]), np.array([[0.5, 3.0]]))
    np.float32(1.3125)
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = MEAN,
        name: str | None = "huber_loss",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """The mean of `log(cosh(error))`: like the Huber loss, and smooth everywhere.

    >>> hilevel.losses.LogCosh()(np.array([[0.0]]), np.array([[2.0]]))
    np.float32(1.3250027)
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "log_cosh", dtype: DTypeLike = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)
