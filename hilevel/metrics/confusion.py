"""Counts of right and wrong decisions at thresholds, and the rates of these counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.allowance import claim
from hilevel.engine.types import Config, DTypeLike, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.losses.base import cast_to, match_shapes, same_rank
from hilevel.metrics.base import Metric, accumulate

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
_LOWEST = -1e10

Thresholds: TypeAlias = float | Sequence[float] | None
"""One threshold, several, or None for the default."""


# -- counting ---------------------------------------------------------------------------------------


def is_evenly_spaced(thresholds: Sequence[float]) -> bool:
    """Whether thresholds divide 0..1 into equal parts, so that scores can be sorted into buckets."""
    even = np.linspace(0, 1, len(thresholds)) if len(thresholds) > 2 else None
    return even is not None and np.allclose(thresholds, even, atol=epsilon())


def _above_each(scores: Tensor, weights: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Return, for each threshold, the sum of the weights of all scores above it, over the first axis."""
    limits = np.asarray(thresholds, scores.dtype).reshape(-1, *(1,) * len(scores.shape))
    above = ops.cast(ops.greater(scores[None], limits), weights.dtype)
    return ops.sum(above * weights[None], axis=1)


def _above_each_even(scores: Tensor, weights: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Return the result of `_above_each` for evenly spaced thresholds, by counts in buckets.

    If the first threshold is below 0, a score of 0 is above it."""
    n = len(thresholds)
    bucket = ops.cast(ops.ceil(ops.clip(scores, 0, 1) * (n - 1)) - 1, "int32")
    if thresholds[0] >= 0:
        weights = ops.where(bucket < 0, 0.0, weights)
    place = ops.maximum(bucket, 0)
    index = [ops.reshape(place, (-1,))]
    if len(scores.shape) == 2:
        index.append(np.tile(np.arange(scores.shape[1], dtype=np.int32), scores.shape[0]))
    sums = ops.scatter(ops.stack(index, axis=-1), ops.reshape(weights, (-1,)), (n, *scores.shape[1:]))
    return ops.flip(ops.cumsum(ops.flip(sums, axis=0), axis=0), axis=0)


def count(
    y_true: Tensor, y_pred: Tensor, weights: Tensor | None, thresholds: Sequence[float], even: bool
) -> dict[str, Tensor]:
    """Return the four counts at each threshold, over the first axis: `(thresholds, ...)`."""
    positive = ops.cast(ops.not_equal(y_true, 0), y_pred.dtype)
    negative = 1 - positive
    if weights is not None:
        positive, negative = positive * weights, negative * weights
    above = _above_each_even if even else _above_each
    tp, fp = above(y_pred, positive, thresholds), above(y_pred, negative, thresholds)
    tn, fn = ops.sum(negative, axis=0) - fp, ops.sum(positive, axis=0) - tp
    return dict(zip(COUNTS, (tp, fp, tn, fn), strict=True))


def only_top_k(scores: Tensor, k: int) -> Tensor:
    """Return the scores, with all but the `k` largest of each row replaced by a very low value."""
    _, index = ops.top_k(scores, k)
    chosen = ops.sum(ops.one_hot(index, scores.shape[-1], dtype=scores.dtype), axis=-2)
    return scores * chosen + _LOWEST * (1 - chosen)


def check_range(name: str, values: float | Sequence[float] | None, low: float = 0, high: float = 1) -> None:
    """Raise ValueError if a value is outside the range.

    Raises:
        ValueError: names the argument and the range.
    """
    several = values if isinstance(values, Sequence) else [values]
    if any(v is None or not low <= v <= high for v in several):
        raise ValueError(f"`{name}` must be between {low} and {high}; got {several}.")


class ConfusionMetric(Metric):
    """Base of metrics of counts at thresholds. `counted` has the names of the counts that are kept."""

    counted: tuple[str, ...] = COUNTS
    top_k: int | None = None
    class_id: int | None = None
    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any

    def _begin(self, thresholds: Sequence[float], columns: tuple[int, ...] = ()) -> None:
        """Make the Variables for the counts."""
        self._limits = list(thresholds)
        self._even = is_evenly_spaced([min(max(t, 0), 1) for t in thresholds])
        for name in self.counted:
            setattr(self, name, self.add_weight((len(thresholds), *columns), name=name))

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Count the decisions of a batch."""
        self._add(*self._aligned(y_true, y_pred, sample_weight))

    def _aligned(
        self, y_true: TensorLike, y_pred: TensorLike, weight: TensorLike | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return targets, predictions and weights of one shape, of the column `class_id` if it is given."""
        y_true, y_pred = match_shapes(y_true, cast_to(y_pred, self._dtype), self.name)
        if weight is not None:
            weight = ops.expand_dims(cast_to(weight, self._dtype), -1)
            _, weight = same_rank(y_true, weight, expand=False)
        if self.top_k is not None:
            y_pred = only_top_k(y_pred, self.top_k)
        if self.class_id is not None:
            if len(y_pred.shape) < 2:
                raise ShapeError(
                    f"{self.name}: class_id needs predictions of shape (batch, classes); got {tuple(y_pred.shape)}."
                )
            y_true, y_pred = y_true[..., self.class_id, None], y_pred[..., self.class_id, None]
        return y_true, y_pred, None if weight is None else ops.broadcast_to(weight, y_pred.shape)

    def _add(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None) -> None:
        """Add the counts of all elements."""
        weight = None if weight is None else ops.reshape(weight, (-1,))
        self._accumulate(ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1,)), weight)

    def _accumulate(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None) -> None:
        counts = count(y_true, y_pred, weight, self._limits, self._even)
        for name in self.counted:
            accumulate(getattr(self, name), counts[name])

    def _rate(self, part: str, rest: str) -> Tensor:
        """Return `part / (part + rest)` at each threshold, 0 where both are 0."""
        a, b = getattr(self, part), getattr(self, rest)
        return ops.divide_no_nan(a, a + b)

    @property
    def _recall(self) -> Tensor:
        return self._rate("true_positives", "false_negatives")

    @property
    def _precision(self) -> Tensor:
        return self._rate("true_positives", "false_positives")

    @property
    def _specificity(self) -> Tensor:
        return self._rate("true_negatives", "false_positives")


# -- one count, one rate ----------------------------------------------------------------------------


class _AtThresholds(ConfusionMetric):
    """Base of a count or rate at each threshold; a scalar for a single threshold."""

    def __init__(self, thresholds: Thresholds, default: float, name: str | None, dtype: DTypeLike) -> None:
        super().__init__(dtype, name)
        self.init_thresholds = thresholds
        if thresholds is not None:
            check_range("thresholds", thresholds)
        given = default if thresholds is None else thresholds
        self.thresholds: list[float] = list(given) if isinstance(given, Sequence) else [given]
        self._begin(self.thresholds)

    def _values(self) -> Tensor:
        return getattr(self, self.counted[0]).value

    def result(self) -> Tensor:
        """Return a scalar, or a value for each of several thresholds."""
        values = self._values()
        return values[0] if len(self.thresholds) == 1 else values

    def get_config(self) -> Config:
        """Return the constructor's arguments, as plain data."""
        return super().get_config() | {"thresholds": self.init_thresholds}


class _Count(_AtThresholds):
    def __init__(
        self, thresholds: Thresholds = None, name: str | None = None, dtype: DTypeLike = None
    ) -> None:
        super().__init__(thresholds, 0.5, name, dtype)


class TruePositives(_Count):
    """The number of targets 1 with predictions above the threshold.

    With sample weights it is the sum of their weights.

    Args:
        thresholds: a value from 0 to 1, or a list of values; by default 0.5.

    >>> metric = hilevel.metrics.TruePositives()
    >>> float(metric(np.array([0, 1, 1, 1]), np.array([0.9, 0.9, 0.1, 0.8])))
    2.0
    """

    counted = ("true_positives",)


class FalsePositives(_Count):
    """The number of targets 0 with predictions above the threshold.

    With sample weights it is the sum of their weights.

    Args:
        thresholds: a value from 0 to 1, or a list of values; by default 0.5.

    >>> metric = hilevel.metrics.FalsePositives()
    >>> float(metric(np.array([0, 1, 1, 1]), np.array([0.9, 0.9, 0.1, 0.8])))
    1.0
    """

    counted = ("false_positives",)


class TrueNegatives(_Count):
    """The number of targets 0 with predictions not above the threshold.

    With sample weights it is the sum of their weights.

    Args:
        thresholds: a value from 0 to 1, or a list of values; by default 0.5.

    >>> metric = hilevel.metrics.TrueNegatives()
    >>> float(metric(np.array([0, 1, 1, 1]), np.array([0.9, 0.9, 0.1, 0.8])))
    0.0
    """

    counted = ("true_negatives",)


class FalseNegatives(_Count):
    """The number of targets 1 with predictions not above the threshold.

    With sample weights it is the sum of their weights.

    Args:
        thresholds: a value from 0 to 1, or a list of values; by default 0.5.

    >>> metric = hilevel.metrics.FalseNegatives()
    >>> float(metric(np.array([0, 1, 1, 1]), np.array([0.9, 0.9, 0.1, 0.8])))
    1.0
    """

    counted = ("false_negatives",)


class _Rate(_AtThresholds):
    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike = None,
    ) -> None:
        self.top_k, self.class_id = top_k, class_id
        super().__init__(thresholds, 0.5 if top_k is None else _LOWEST, name, dtype)


class Precision(_Rate):
    """The fraction of right decisions among the decisions for 1: `true positives / (true + false positives)`.

    Args:
        thresholds: a value from 0 to 1, or a list of values; by default 0.5, and no threshold with `top_k`.
        top_k: the number of the highest predictions of a sample that are decisions for 1; None for a threshold.
        class_id: the index of the only column that counts; by default all count.

    >>> metric = hilevel.metrics.Precision()
    >>> float(metric(np.array([0, 1, 1, 1]), np.array([0.9, 0.9, 0.1, 0.1])))
    0.5
    """

    counted = ("true_positives", "false_positives")

    def _values(self) -> Tensor:
        return self._precision


class Recall(_Rate):
    """The fraction of targets 1 that were predicted: `true positives / (true positives + false negatives)`.

    Args:
        thresholds: a value from 0 to 1, or a list of values; by default 0.5, and no threshold with `top_k`.
        top_k: the number of the highest predictions of a sample that are decisions for 1; None for a threshold.
        class_id: the index of the only column that counts; by default all count.

    >>> metric = hilevel.metrics.Recall()
    >>> float(metric(np.array([0, 1, 1, 1, 1]), np.array([0.9, 0.9, 0.1, 0.1, 0.1])))
    0.25
    """

    counted = ("true_positives", "false_negatives")

    def _values(self) -> Tensor:
        return self._recall


# -- the best rate at a limit of another rate -------------------------------------------------------


class _BestAt(ConfusionMetric):
    """The largest value of one rate at the thresholds where another rate is at least `value`."""

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: DTypeLike
    ) -> None:
        super().__init__(dtype, name)
        if num_thresholds <= 0:
            raise ValueError(f"`num_thresholds` must be at least 1; got {num_thresholds}.")
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self.thresholds = even_thresholds(num_thresholds) if num_thresholds > 1 else [0.5]
        self._begin(self.thresholds)

    def _best(self, rate: Tensor, where: Tensor) -> Tensor:
        return ops.max(ops.where(where >= self.value, rate, 0.0))


def even_thresholds(n: int) -> list[float]:
    """Return `n` evenly spaced thresholds from 0 to 1."""
    claim(32 * n, f"num_thresholds={n}")
    return [i / (n - 1) for i in range(n)]


class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity (recall of the targets 1) at a sufficient specificity (recall of the targets 0).

    Args:
        specificity: the lower limit of the specificity, from 0 to 1.
        num_thresholds: the number of thresholds.
        class_id: the index of the only column that counts; by default all count.

    >>> metric = hilevel.metrics.SensitivityAtSpecificity(0.5)
    >>> float(metric(np.array([0, 0, 0, 1, 1]), np.array([0, 0.3, 0.8, 0.3, 0.8])))
    0.5

    Raises:
        ValueError: `specificity` is not in 0..1.
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike = None,
    ) -> None:
        check_range("specificity", specificity)
        self.specificity = specificity
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        """Return the sensitivity."""
        return self._best(self._recall, where=self._specificity)


class SpecificityAtSensitivity(_BestAt):
    """The best specificity (recall of the targets 0) at a sufficient sensitivity (recall of the targets 1).

    Args:
        sensitivity: the lower limit of the sensitivity, from 0 to 1.
        num_thresholds: the number of thresholds.
        class_id: the index of the only column that counts; by default all count.

    >>> metric = hilevel.metrics.SpecificityAtSensitivity(0.5)
    >>> round(float(metric(np.array([0, 0, 0, 1, 1]), np.array([0, 0.3, 0.8, 0.3, 0.8]))), 4)
    0.6667

    Raises:
        ValueError: `sensitivity` is not in 0..1.
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike = None,
    ) -> None:
        check_range("sensitivity", sensitivity)
        self.sensitivity = sensitivity
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        """Return the specificity."""
        return self._best(self._specificity, where=self._recall)


class PrecisionAtRecall(_BestAt):
    """The best precision at a sufficient recall.

    Args:
        recall: the lower limit of the recall, from 0 to 1.
        num_thresholds: the number of thresholds.
        class_id: the index of the only column that counts; by default all count.

    >>> metric = hilevel.metrics.PrecisionAtRecall(0.5)
    >>> float(metric(np.array([0, 0, 0, 1, 1]), np.array([0, 0.3, 0.8, 0.3, 0.8])))
    0.5

    Raises:
        ValueError: `recall` is not in 0..1.
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike = None,
    ) -> None:
        check_range("recall", recall)
        self.recall = recall
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        """Return the precision."""
        return self._best(self._precision, where=self._recall)


class RecallAtPrecision(_BestAt):
    """The best recall at a sufficient precision.

    Args:
        precision: the lower limit of the precision, from 0 to 1.
        num_thresholds: the number of thresholds.
        class_id: the index of the only column that counts; by default all count.

    >>> metric = hilevel.metrics.RecallAtPrecision(0.8)
    >>> float(metric(np.array([0, 0, 1, 1]), np.array([0, 0.5, 0.3, 0.9])))
    0.5

    Raises:
        ValueError: `precision` is not in 0..1.
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike = None,
    ) -> None:
        check_range("precision", precision)
        self.precision = precision
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        """Return the recall."""
        return self._best(self._recall, where=self._precision)
