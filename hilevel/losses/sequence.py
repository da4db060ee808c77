"""Connectionist temporal classification: sequences of labels without an alignment to the steps."""

from __future__ import annotations

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.losses.base import LossFunctionWrapper
from hilevel.losses.probabilistic import check_labels
from hilevel.losses.regression import MEAN


def ctc(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return minus the log-probability of the labels, summed over all alignments with the steps.

    At each step a class is emitted: a label, the label before it again, or the blank, class 0, between two labels.
    Source: Graves et al., "Connectionist Temporal Classification" (2006).

    Args:
        y_true: class indices from 1 on, `(batch, labels)`. Shorter rows are padded with 0 at their end.
        y_pred: logits, `(batch, steps, classes)`.

    >>> hilevel.losses.ctc(np.array([[1]]), np.zeros((1, 1, 2), "float32"))
    array([0.6931472], dtype=float32)

    Raises:
        ShapeError: `y_true` or `y_pred` has another number of axes.
        OutOfRangeError: a label on the host is outside the classes. On a device the loss is NaN.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    check_labels(y_true, y_pred.shape[-1], "ctc")
    labels = ops.cast(y_true, "int32")
    if len(labels.shape) != 2 or len(y_pred.shape) != 3:
        raise ShapeError(
            "ctc expects y_true of shape (batch, labels) and y_pred of shape (batch, steps, classes); got "
            f"{tuple(labels.shape)} and {tuple(y_pred.shape)}."
        )
    known = ops.logical_and(labels >= 0, labels < y_pred.shape[-1])
    lengths = ops.sum(ops.cast(labels != 0, "int32"), axis=-1)
    steps = ops.full_like(lengths, y_pred.shape[1])
    loss = ops.ctc_loss(ops.where(known, labels, 0), y_pred, lengths, steps)
    return ops.where(ops.all(known, axis=-1), loss, float("nan"))


class CTC(LossFunctionWrapper):
    """The loss of connectionist temporal classification, for sequences of labels without an alignment to the steps.

    Source: Graves et al., "Connectionist Temporal Classification" (2006).

    >>> hilevel.losses.CTC()(np.array([[1]]), np.zeros((1, 1, 2)))
    np.float32(0.6931472)
    """

    integer_targets = True

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "ctc", dtype: DTypeLike = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
