"""The area under a curve of two rates over all thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.types import Config, DTypeLike, Shape, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.metrics.confusion import ConfusionMetric, check_range, even_thresholds

_CURVES = ("ROC", "PR", "PRGAIN")
_HEIGHTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "interpolation": lambda a, b: (a + b) / 2,
    "majoring": ops.maximum,
    "minoring": ops.minimum,
}


def _choice(name: str, value: str, allowed: Sequence[str]) -> str:
    for known in allowed:
        if str(value).lower() == known.lower():
            return known
    raise ValueError(f"`{name}` must be one of {', '.join(map(repr, allowed))}; got {value!r}.")


class AUC(ConfusionMetric):
    """The area under the ROC curve or the precision-recall curve, approximated at many thresholds.

    1 means that all targets 1 have higher predictions than all targets 0. 0.5 (of the ROC) is chance.

    Args:
        num_thresholds: the number of thresholds; more are more exact.
        curve: `"ROC"`, `"PR"` (precision over recall) or `"PRGAIN"` (precision gain over recall gain; Flach and
            Kull, "Precision-Recall-Gain Curves", 2015).
        summation_method: `"interpolation"` between thresholds, or the upper or lower sum, `"majoring"` or
            `"minoring"`. For `"PR"` the interpolation is by Davis and Goadrich, "The relationship between
            Precision-Recall and ROC curves" (2006).
        thresholds: the thresholds, from 0 to 1, instead of evenly spaced ones.
        multi_label: whether the areas of the columns are averaged. If not, all elements are one set.
        num_labels: the number of columns, for `multi_label`; by default the number in the first batch.
        label_weights: a weight for each column; by default all are equal.
        from_logits: whether predictions are logits, the scores before the sigmoid.

    >>> metric = hilevel.metrics.AUC(num_thresholds=3)
    >>> float(metric(np.array([0, 0, 1, 1]), np.array([0, 0.5, 0.3, 0.9])))
    0.75

    Raises:
        ValueError: an argument has a value that is not allowed.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DTypeLike = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(f"`num_thresholds` must be at least 2; got {num_thresholds}.")
        if num_labels and not multi_label:
            raise ValueError("`num_labels` requires multi_label=True.")
        check_range("thresholds", list(thresholds or []))
        self.curve = _choice("curve", curve, _CURVES)
        self.summation_method = _choice("summation_method", summation_method, list(_HEIGHTS))
        self.init_thresholds = None if thresholds is None else [float(t) for t in thresholds]
        inner = even_thresholds(num_thresholds)[1:-1] if thresholds is None else sorted(thresholds)
        self._thresholds = [0.0 - epsilon(), *inner, 1.0 + epsilon()]
        self.num_thresholds = len(self._thresholds)
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        weights = None if label_weights is None else np.asarray(label_weights, self._dtype)
        self._label_weights = weights
        self.built = False
        if num_labels or not multi_label:
            self.build((None, num_labels), (None, num_labels))

    @property
    def thresholds(self) -> list[float]:
        """All thresholds, including one below 0 and one above 1."""
        return list(self._thresholds)

    @property
    def label_weights(self) -> list[float] | None:
        """The weight of each column."""
        return None if self._label_weights is None else self._label_weights.tolist()

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        """Make the Variables, with `multi_label` with a column for each label."""
        if self.built:
            return
        if self.multi_label and (len(y_pred_shape) != 2 or y_pred_shape[1] is None):
            raise ShapeError(
                f'AUC "{self.name}" with multi_label=True expects predictions of shape (batch, labels), got '
                f"{tuple(y_pred_shape)}."
            )
        self._begin(self._thresholds, (int(y_pred_shape[1] or 0),) if self.multi_label else ())
        self.built = True

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Count the decisions of a batch."""
        y_pred = ops.sigmoid(y_pred) if self.from_logits else ops.convert_to_tensor(y_pred)
        self.build(y_pred.shape, y_pred.shape)
        y_true, y_pred, weight = self._aligned(y_true, y_pred, sample_weight)
        if self.multi_label:
            self._accumulate(y_true, y_pred, weight)
            return
        if self._label_weights is not None:
            columns = ops.broadcast_to(self._label_weights[None], y_pred.shape)
            weight = columns if weight is None else weight * columns
        self._add(y_true, y_pred, weight)

    def result(self) -> Tensor:
        """Return the area."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        x, y = self._curve_points()
        height = _HEIGHTS[self.summation_method](y[:-1], y[1:])
        return self._over_labels((x[:-1] - x[1:]) * height)

    def _curve_points(self) -> tuple[Tensor, Tensor]:
        """Return the points of the curve, from right to left."""
        if self.curve == "ROC":
            return self._rate("false_positives", "true_negatives"), self._recall
        if self.curve == "PR":
            return self._recall, self._precision
        return self._gain(self.false_negatives, 0.0), self._gain(self.false_positives, 1.0)

    def _gain(self, wrong: Tensor, without: float) -> Tensor:
        """Return `1 - positives / negatives * wrong / true positives`, for recall at least 0."""
        tp = self.true_positives.value
        odds = ops.divide_no_nan(tp + self.false_negatives, self.true_negatives + self.false_positives)
        gain = ops.where(ops.equal(tp, 0), without, 1 - odds * ops.divide_no_nan(wrong, tp))
        return ops.maximum(gain, 0.0) if without == 0 else gain

    def interpolate_pr_auc(self) -> Tensor:
        """Return the area under the precision-recall curve, with counts interpolated linearly between thresholds.

        >>> metric = hilevel.metrics.AUC(num_thresholds=3, curve="PR")
        >>> metric.update_state(np.array([0, 1, 1]), np.array([0.2, 0.3, 0.9]))
        >>> round(float(metric.interpolate_pr_auc()), 4)
        0.8873
        """
        tp, found = self.true_positives.value, self.true_positives + self.false_positives
        gained, more = tp[:-1] - tp[1:], found[:-1] - found[1:]
        slope = ops.divide_no_nan(gained, ops.maximum(more, 0.0))
        start = tp[1:] - slope * found[1:]
        both = ops.logical_and(found[:-1] > 0, found[1:] > 0)
        growth = ops.where(both, ops.divide_no_nan(found[:-1], found[1:]), 1.0)
        positives = (self.true_positives + self.false_negatives)[1:]
        return self._over_labels(ops.divide_no_nan(slope * (gained + start * ops.log(growth)), positives))

    def _over_labels(self, parts: Tensor) -> Tensor:
        """Return the sum over thresholds, averaged over labels by their weights."""
        area = ops.sum(parts, axis=0)
        if not self.multi_label:
            return area
        weights = self._label_weights
        return ops.mean(area) if weights is None else ops.sum(area * weights) / weights.sum()

    def get_config(self) -> Config:
        """Return the constructor's arguments, as plain data."""
        return super().get_config() | {"thresholds": self.init_thresholds}
