"""Connectionist temporal classification: sequences of labels without an alignment to the steps."""

from __future__ import annotations

import numpy as np

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.losses.base import LossFunctionWrapper
from hilevel.losses.probabilistic import check_labels
from hilevel.losses.regression import MEAN

_LOG_ZERO = -1e30
"""The logarithm of a probability of nearly 0. It is finite, because infinities would give NaN."""


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
    states = _with_blanks(labels)
    log_probs = ops.transpose(ops.log_softmax(y_pred), (1, 0, 2))
    known = ops.logical_and(states >= 0, states < y_pred.shape[-1])
    places = ops.broadcast_to(ops.where(known, states, 0), (y_pred.shape[1], *states.shape))
    emitted = ops.take_along_axis(log_probs, places, axis=-1)
    loss = -_finish(_forward(states, emitted), ops.sum(ops.cast(labels != 0, "int32"), axis=-1))
    return ops.where(ops.all(known, axis=-1), loss, float("nan"))


def _with_blanks(labels: Tensor) -> Tensor:
    """Return the labels with a blank before, between and after them: `(batch, 2 * labels + 1)`."""
    pairs = ops.stack([ops.zeros_like(labels), labels], axis=-1)
    flat = ops.reshape(pairs, (labels.shape[0], -1))
    return ops.concatenate([flat, ops.zeros_like(labels[:, :1])], axis=1)


def _forward(states: Tensor, emitted: Tensor) -> Tensor:
    """Return the log-probability of each state after the last step."""
    before = ops.pad(states[:, :-2], ((0, 0), (2, 0)))
    may_skip = ops.logical_and(states != 0, states != before)
    start = ops.where(np.arange(states.shape[1]) < 2, emitted[0], _LOG_ZERO)

    def step(alpha: Tensor, emit: Tensor) -> tuple[Tensor, Tensor]:
        one, two = (_shifted(alpha, n) for n in (1, 2))
        total = ops.logaddexp(ops.logaddexp(alpha, one), ops.where(may_skip, two, _LOG_ZERO))
        return total + emit, emit[:, 0]

    return ops.scan(step, start, emitted[1:])[0]


def _shifted(alpha: Tensor, n: int) -> Tensor:
    """Return the value of each state shifted by `n` places."""
    return ops.concatenate([ops.full_like(alpha[:, :n], _LOG_ZERO), alpha[:, :-n]], axis=1)


def _finish(alpha: Tensor, length: Tensor) -> Tensor:
    """Return the log-probability of the last label or the blank after it."""
    place = 2 * length[:, None]
    blank = ops.take_along_axis(alpha, place, axis=1)[:, 0]
    label = ops.take_along_axis(alpha, ops.maximum(place - 1, 0), axis=1)[:, 0]
    return ops.logaddexp(blank, ops.where(length > 0, label, _LOG_ZERO))


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
