"""Accuracies: the fraction of right predictions."""

from __future__ import annotations

from collections.abc import Sequence

from hilevel import ops
from hilevel.config import floatx
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.losses.base import match_shapes, shapes_match
from hilevel.losses.probabilistic import check_labels
from hilevel.metrics.reduction import MeanMetricWrapper

_LABELS = "For targets that are class indices use the sparse_categorical_accuracy metric."


def accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return 1 where target and prediction are equal, else 0."""
    y_true, y_pred = match_shapes(y_true, y_pred, "accuracy")
    return ops.cast(ops.equal(y_true, y_pred), floatx())


def binary_accuracy(y_true: TensorLike, y_pred: TensorLike, threshold: float = 0.5) -> Tensor:
    """Return 1 where prediction and target are on one side of the threshold, else 0; targets are 0 and 1.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape.
        threshold: the value above which a prediction means 1.

    >>> hilevel.metrics.binary_accuracy([[1.0], [1.0]], [[0.75], [0.25]])
    array([[1.],
           [0.]], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "binary_accuracy")
    right = ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), y_true.dtype))
    return ops.cast(right, floatx())


def categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return 1 where the highest prediction is at the target's class, else 0; targets are one-hot.

    Args:
        y_true, y_pred: one-hot targets and scores, tensors of one shape `(..., classes)`.

    >>> hilevel.metrics.categorical_accuracy([[0.0, 1.0], [0.0, 1.0]], [[0.25, 0.75], [0.5, 0.25]])
    array([1., 0.], dtype=float32)

    Raises:
        ShapeError: the shapes differ.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "categorical_accuracy", _LABELS)
    right = ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))
    return ops.cast(right, floatx())


def sparse_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return 1 where the highest prediction is at the target's class, else 0; targets are class indices.

    Args:
        y_true: class indices, `(...)` or `(..., 1)`.
        y_pred: scores, `(..., classes)`.

    >>> hilevel.metrics.sparse_categorical_accuracy(np.array([1, 1]), [[0.25, 0.75], [0.5, 0.25]])
    array([1., 0.], dtype=float32)

    Raises:
        ShapeError: the targets do not have the shape of the predictions without their last axis.
    """
    y_true, y_pred = _labels(y_true, y_pred, "sparse_categorical_accuracy")
    right = ops.cast(ops.equal(y_true, ops.argmax(y_pred, axis=-1)), floatx())
    return right[..., 0] if len(right.shape) > 1 and right.shape[-1] == 1 else right


def top_k_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike, k: int = 5) -> Tensor:
    """Return 1 where the target's class is among the `k` highest predictions, else 0; targets are one-hot.

    Args:
        y_true, y_pred: one-hot targets and scores, tensors of one shape `(batch, classes)`.
        k: the number of the highest predictions.

    >>> hilevel.metrics.top_k_categorical_accuracy([[0.0, 1.0, 0.0]], [[0.5, 0.3, 0.2]], k=2)
    array([1.], dtype=float32)

    Raises:
        ShapeError: the shapes differ.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "top_k_categorical_accuracy", _LABELS)
    return ops.cast(ops.in_top_k(ops.argmax(y_true, axis=-1), y_pred, k=k), floatx())


def sparse_top_k_categorical_accuracy(
    y_true: TensorLike, y_pred: TensorLike, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Return 1 where the target's class is among the `k` highest predictions, else 0; targets are class indices.

    Args:
        y_true: class indices, `(batch,)` or `(batch, 1)`.
        y_pred: scores, `(batch, classes)`, or with `from_sorted_ids` class indices, the best first.
        k: the number of the highest predictions.
        from_sorted_ids: whether predictions are class indices instead of scores.

    >>> hilevel.metrics.sparse_top_k_categorical_accuracy(np.array([1]), [[0.5, 0.3, 0.2]], k=2)
    array([1.], dtype=float32)

    Raises:
        ShapeError: the targets do not have the shape of the predictions without their last axis.
        OutOfRangeError: a target on the host is no class index.
    """
    name = "sparse_top_k_categorical_accuracy"
    labels = y_true
    y_true, y_pred = _labels(y_true, y_pred, name)
    if from_sorted_ids:
        return ops.cast(ops.any(ops.equal(y_true[..., None], y_pred[..., :k]), axis=-1), floatx())
    check_labels(labels, y_pred.shape[-1], name)
    return ops.cast(ops.in_top_k(y_true, y_pred, k=k), floatx())


def _labels(y_true: TensorLike, y_pred: TensorLike, name: str) -> tuple[Tensor, Tensor]:
    """Return class indices in the shape of the predictions without their last axis, and the predictions.

    Indices in a shape that differs by axes of size 1 are reshaped.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    shape = tuple(y_true.shape)
    if len(shape) == len(y_pred.shape) and shape[-1] == 1:
        y_true = y_true[..., 0]
    elif shape != tuple(y_pred.shape[:-1]) and _long(shape) == _long(y_pred.shape[:-1]):
        y_true = ops.reshape(y_true, y_pred.shape[:-1])
    if not shapes_match(y_true.shape, y_pred.shape[:-1]):
        raise ShapeError(
            f"{name} expects class indices of the shape of y_pred without its last axis; got y_true {shape} "
            f"and y_pred {tuple(y_pred.shape)}. For one-hot targets use {name.removeprefix('sparse_')}."
        )
    return y_true, y_pred


def _long(shape: Sequence[int]) -> list[int]:
    """Return the sizes other than 1."""
    return [n for n in shape if n != 1]


class Accuracy(MeanMetricWrapper):
    """The fraction of predictions that equal their targets. For scores of classes use the other accuracies.

    >>> float(hilevel.metrics.Accuracy()(np.array([1.0, 2.0]), np.array([1.0, 3.0])))
    0.5
    """

    def __init__(self, name: str | None = "accuracy", dtype: DTypeLike = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """The fraction of predictions that are on the right side of a threshold, for targets 0 and 1.

    Args:
        threshold: the value above which a prediction means 1. For logits use 0.

    >>> metric = hilevel.metrics.BinaryAccuracy()
    >>> float(metric(np.array([[1.0], [1.0]]), np.array([[0.75], [0.25]])))
    0.5
    """

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: DTypeLike = None, threshold: float = 0.5
    ) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """The fraction of samples whose highest prediction is at the target's class, for one-hot targets.

    >>> metric = hilevel.metrics.CategoricalAccuracy()
    >>> float(metric(np.array([[0, 1], [0, 1]]), np.array([[0.25, 0.75], [0.5, 0.25]])))
    0.5
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: DTypeLike = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The fraction of samples whose highest prediction is at the target's class, for class indices as targets.

    >>> metric = hilevel.metrics.SparseCategoricalAccuracy()
    >>> float(metric(np.array([1, 1]), np.array([[0.25, 0.75], [0.5, 0.25]])))
    0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: DTypeLike = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The fraction of samples whose class is among the `k` highest predictions, for one-hot targets.

    Args:
        k: the number of the highest predictions.

    >>> metric = hilevel.metrics.TopKCategoricalAccuracy(k=2)
    >>> float(metric(np.array([[0, 1, 0]]), np.array([[0.5, 0.3, 0.2]])))
    1.0
    """

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: DTypeLike = None
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The fraction of samples whose class is among the `k` highest predictions, for class indices as targets.

    Args:
        from_sorted_ids: whether predictions are class indices, the best first, instead of scores.
        k: the number of the highest predictions.

    >>> metric = hilevel.metrics.SparseTopKCategoricalAccuracy(k=2)
    >>> float(metric(np.array([1]), np.array([[0.5, 0.3, 0.2]])))
    1.0
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: DTypeLike = None,
        from_sorted_ids: bool = False,
    ) -> None:
        fn = sparse_top_k_categorical_accuracy
        super().__init__(fn, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
