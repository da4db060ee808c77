"""Intersection over union, from a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine import dtypes
from hilevel.engine.allowance import claim
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import ShapeError, warn
from hilevel.losses.base import cast_to
from hilevel.metrics.base import Metric, accumulate


class IoU(Metric):
    """The mean of intersection over union over some classes: `right / (targets + predictions - right)`.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes that are averaged. Classes that never occur are left out.
        dtype: the dtype of the confusion matrix, by default int32.
        ignore_class: a label whose elements are not counted.
        sparse_y_true, sparse_y_pred: whether targets and predictions are class indices. If not, they have an axis of
            scores for the classes, of which the highest counts.
        axis: the axis of the classes.

    >>> metric = hilevel.metrics.IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))), 4)
    0.3333

    Raises:
        ValueError: a target class is not below `num_classes`.
        ShapeError: the numbers of predictions and targets differ.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int32", name)
        claim(64 * num_classes, f"num_classes={num_classes}")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"`target_class_ids` must be below num_classes={num_classes}; got {list(target_class_ids)}."
            )
        self.num_classes, self.target_class_ids = num_classes, list(target_class_ids)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        shape = (num_classes, num_classes)
        self.total_cm = self.add_weight(shape, dtype=self.dtype, name="total_confusion_matrix")

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Count the classes of a batch."""
        y_true = self._labels(y_true, self.sparse_y_true)
        y_pred = self._labels(y_pred, self.sparse_y_pred)
        if y_true.shape != y_pred.shape:
            raise ShapeError(
                f'{type(self).__name__} "{self.name}" expects as many predictions as targets; got '
                f"{y_pred.shape[0]} and {y_true.shape[0]}."
            )
        weight = ops.broadcast_to(self._weights(sample_weight), y_true.shape)
        valid = ops.logical_and(self._is_class(y_true), self._is_class(y_pred))
        if self.ignore_class is not None:
            valid = ops.logical_and(valid, ops.not_equal(y_true, self.ignore_class))
        pairs = ops.stack([ops.where(valid, y, 0) for y in (y_true, y_pred)], axis=1)
        counts = ops.scatter(pairs, ops.where(valid, weight, 0), self.total_cm.shape)
        accumulate(self.total_cm, counts)

    def _labels(self, y: TensorLike, sparse: bool) -> Tensor:
        """Return class indices, of shape `(elements,)`."""
        y = y if sparse else ops.argmax(y, axis=self.axis)
        return ops.reshape(cast_to(y, dtypes.INT32), (-1,))

    def _is_class(self, y: Tensor) -> Tensor:
        return ops.logical_and(y >= 0, y < self.num_classes)

    def _weights(self, sample_weight: TensorLike | None) -> Tensor:
        weight = ops.convert_to_tensor(1 if sample_weight is None else sample_weight)
        if dtypes.is_float(weight.dtype) and not dtypes.is_float(self._dtype):
            warn(
                f'{type(self).__name__} "{self.name}" got weights of a float dtype, but counts in {self.dtype}, and '
                'casting cuts off their fractions. Give it dtype="float32".',
            )
        weight = cast_to(weight, self._dtype)
        return ops.reshape(weight, (-1,)) if len(weight.shape) > 1 else weight

    def result(self) -> Tensor:
        """Return the mean over the target classes."""
        matrix = self.total_cm.value
        right = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - right
        right, union = (ops.cast(ops.take(x, self.target_class_ids), "float32") for x in (right, union))
        occurs = ops.cast(union > 1e-9, "float32")
        return ops.sum(occurs * right / (union + epsilon())) / (ops.sum(occurs) + epsilon())


class BinaryIoU(IoU):
    """Intersection over union for two classes, predicted by scores and a threshold.

    Args:
        target_class_ids: the classes that are averaged: 0, 1 or both.
        threshold: the lowest prediction that means class 1.
        dtype: the dtype of the confusion matrix, by default int32.

    >>> metric = hilevel.metrics.BinaryIoU(threshold=0.3)
    >>> round(float(metric(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.4, 0.7]))), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Count the classes of a batch."""
        y_pred = cast_to(y_pred, dtypes.as_dtype("float32"))
        super().update_state(y_true, ops.greater_equal(y_pred, self.threshold), sample_weight)


class MeanIoU(IoU):
    """The mean of intersection over union over all classes.

    Args:
        num_classes: the number of classes.
        dtype: the dtype of the confusion matrix, by default int32.
        ignore_class: a label whose elements are not counted.
        sparse_y_true, sparse_y_pred: whether targets and predictions are class indices. If not, they have an axis of
            scores for the classes, of which the highest counts.
        axis: the axis of the classes.

    >>> metric = hilevel.metrics.MeanIoU(num_classes=2)
    >>> round(float(metric(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """The mean of intersection over union over some classes, for one-hot targets.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes that are averaged.
        dtype: the dtype of the confusion matrix, by default int32.
        ignore_class: a label whose elements are not counted.
        sparse_y_pred: whether predictions are class indices.
        axis: the axis of the classes.

    >>> metric = hilevel.metrics.OneHotIoU(num_classes=2, target_class_ids=[0, 1])
    >>> round(float(metric(np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.1], [0.2, 0.8]]))), 4)
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        ids = target_class_ids
        super().__init__(num_classes, ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """The mean of intersection over union over all classes, for one-hot targets.

    Args:
        num_classes: the number of classes.
        dtype: the dtype of the confusion matrix, by default int32.
        ignore_class: a label whose elements are not counted.
        sparse_y_pred: whether predictions are class indices.
        axis: the axis of the classes.

    >>> metric = hilevel.metrics.OneHotMeanIoU(num_classes=2)
    >>> round(float(metric(np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.1], [0.2, 0.8]]))), 4)
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
