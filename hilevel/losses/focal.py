"""The focal loss for labels."""

from __future__ import annotations

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.losses.probabilistic import SparseLoss, categorical_focal_crossentropy, class_indices
from hilevel.losses.regression import MEAN


def sparse_categorical_focal_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Tensor:
    """Return `-alpha * (1 - p)**gamma * log(p)` for the probability `p` of the label.

    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017).

    Args:
        y_true: class indices, in the shape of `y_pred` without the axis of the classes, or with length 1 there.
        y_pred: probabilities, or logits, `(..., classes)`.
        alpha: a factor of the loss.
        gamma: the exponent that lowers the loss of samples that are predicted well.
        from_logits: whether `y_pred` is logits, the scores before the softmax.
        axis: the axis of the classes.

    >>> hilevel.losses.sparse_categorical_focal_crossentropy(np.array([1]), [[0.5, 0.5]])
    array([0.0433217], dtype=float32)

    Raises:
        ShapeError: the shapes do not fit.
        OutOfRangeError: a target on the host is no class index.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = class_indices(y_true, y_pred, axis, "sparse_categorical_focal_crossentropy", None)
    targets = ops.one_hot(ops.cast(labels, "int32"), y_pred.shape[axis], axis=axis, dtype=y_pred.dtype)
    return categorical_focal_crossentropy(targets, y_pred, alpha, gamma, from_logits, axis=axis)


class SparseCategoricalFocalCrossentropy(SparseLoss):
    """The cross-entropy for targets that are class indices, in which classes that are predicted well count less.

    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017).

    Args:
        alpha: a factor of the loss.
        gamma: the exponent that lowers the loss of samples that are predicted well; 0 lowers none.
        from_logits: whether predictions are logits, the scores before the softmax.
        axis: the axis of the classes.

    >>> hilevel.losses.SparseCategoricalFocalCrossentropy()(np.array([1]), np.array([[0.5, 0.5]]))
    np.float32(0.0433217)
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "sparse_categorical_focal_crossentropy",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits, "axis": axis}
        super().__init__(sparse_categorical_focal_crossentropy, reduction, name, dtype, **options)
