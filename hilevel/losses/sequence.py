"""Connectionist temporal classification: sequences of labels whose places in time are not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.losses.base import LossFunctionWrapper
from hilevel.losses.probabilistic import check_labels
from hilevel.losses.regression import MEAN

_NEVER = -1e30
"""The logarithm of a probability that is as good as 0, without the NaNs of infinities."""


def ctc(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Minus the log-probability of the labels, summed over all ways to place them in time.

    At each step a class is emitted: a label, again the label before it, or the blank, class 0, between two labels.
    Source: Graves et al., "Connectionist Temporal Classification" (2006).

    Args:
        y_true: class numbers from 1 on, `(batch, labels)`, shorter ones filled up with 0 at their end.
        y_pred: scores before the softmax, `(batch, steps, classes)`.

    >>> hilevel.losses.ctc(np.array([[1]]), np.zeros((1, 1, 2), "float32"))
    array([0.6931472], dtype=float32)

    Raises:
        ShapeError: they have other numbers of axes.
        OutOfRangeError: a label in the host's memory is outside the classes. On a device the loss is NaN.
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
    """A blank before, between and after the labels: `(batch, 2 * labels + 1)`."""
    pairs = ops.stack([ops.zeros_like(labels), labels], axis=-1)
    flat = ops.reshape(pairs, (labels.shape[0], -1))
    return ops.concatenate([flat, ops.zeros_like(labels[:, :1])], axis=1)


def _forward(states: Tensor, emitted: Tensor) -> Tensor:
    """The log-probability of being in each state after the last step."""
    before = ops.pad(states[:, :-2], ((0, 0), (2, 0)))
    may_skip = ops.logical_and(states != 0, states != before)
    start = ops.where(np.arange(states.shape[1]) < 2, emitted[0], _NEVER)

    def step(alpha: Tensor, emit: Tensor) -> tuple[Tensor, Tensor]:
        one, two = (_later(alpha, n) for n in (1, 2))
        total = ops.logaddexp(ops.logaddexp(alpha, one), ops.where(may_skip, two, _NEVER))
        return total + emit, emit[:, 0]

    return ops.scan(step, start, emitted[1:])[0]


def _later(alpha: Tensor, n: int) -> Tensor:
    """Each state's value `n` places further on."""
    return ops.concatenate([ops.full_like(alpha[:, :n], _NEVER), alpha[:, :-n]], axis=1)


def _finish(alpha: Tensor, length: Tensor) -> Tensor:
    """The log-probability of having come to the last label, or to the blank after it."""
    place = 2 * length[:, None]
    blank = ops.take_along_axis(alpha, place, axis=1)[:, 0]
    label = ops.take_along_axis(alpha, ops.maximum(place - 1, 0), axis=1)[:, 0]
    return ops.logaddexp(blank, ops.where(length > 0, label, _NEVER))


class CTC(LossFunctionWrapper):
    """The loss of connectionist temporal classification, for sequences of labels whose places are not known.

    >>> hilevel.losses.CTC()(np.array([[1]]), np.zeros((1, 1, 2)))
    np.float32(0.6931472)
    """

    integer_targets = True

    def __init__(self, reduction: str | None = MEAN, name: str | None = "ctc", dtype: Any = None) -> None:
        super().__init__(ctc, reduction, name, dtype)
