"""F scores: means of precision and recall."""

from __future__ import annotations

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.types import DTypeLike, Shape, Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError
from hilevel.losses.base import cast_to
from hilevel.metrics.base import Metric, accumulate


def check_columns(metric: Metric, y_true_shape: Shape, y_pred_shape: Shape) -> int:
    """Return the number of columns of targets and predictions.

    Raises:
        ShapeError: they are not of shape `(batch, columns)` with one number of columns.
    """
    if len(y_true_shape) != 2 or len(y_pred_shape) != 2 or y_true_shape[-1] != y_pred_shape[-1]:
        raise ShapeError(
            f'{type(metric).__name__} "{metric.name}" expects y_true and y_pred of one shape (batch, columns); '
            f"got {tuple(y_true_shape)} and {tuple(y_pred_shape)}."
        )
    if y_pred_shape[-1] is None:
        raise ShapeError(f'{type(metric).__name__} "{metric.name}" requires a known number of columns.')
    return int(y_pred_shape[-1])


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall.

    `(1 + beta**2) * precision * recall / (beta**2 * precision + recall)`. Targets and predictions are of shape
    `(batch, classes)`.

    Args:
        average: None for a score for each class; `"macro"` for their mean; `"weighted"` for their mean weighted by the
            frequencies of the classes. `"micro"` is for one score of all decisions.
        beta: the weight of recall relative to precision, a float above 0.
        threshold: the score above which a class is predicted, at most 1. None predicts the highest of each row.

    >>> metric = hilevel.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric(np.array([[1, 1], [1, 0]]), np.array([[0.2, 0.6], [0.6, 0.1]])).round(4)
    array([0.5556, 1.    ], dtype=float32)

    Raises:
        ValueError: an argument is out of its range.
        ShapeError: targets and predictions are not of one shape `(batch, columns)`.
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"`average` must be None, 'micro', 'macro' or 'weighted'; got {average!r}.")
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"`beta` must be a float above 0; got {beta!r}.")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"`threshold` must be a float above 0, at most 1; got {threshold!r}.")
        self.average, self.beta, self.threshold = average, beta, threshold
        self.built = False

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        """Make the Variables, with a value for each class."""
        if self.built:
            return
        columns = check_columns(self, y_true_shape, y_pred_shape)

        def zeros(name: str) -> Variable:
            return self.add_weight(() if self.average == "micro" else (columns,), dtype=self.dtype, name=name)

        self.true_positives = zeros("true_positives")
        self.false_positives = zeros("false_positives")
        self.false_negatives = zeros("false_negatives")
        self.intermediate_weights = zeros("intermediate_weights")
        self.built = True

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Count the decisions of a batch."""
        y_true, y_pred = cast_to(y_true, self._dtype), cast_to(y_pred, self._dtype)
        check_columns(self, y_true.shape, y_pred.shape)
        self.build(y_true.shape, y_pred.shape)
        yes = self._decide(y_pred)
        weight = None if sample_weight is None else cast_to(sample_weight, self._dtype)

        def add(variable: Variable, counts: Tensor) -> None:
            counts = counts if weight is None else counts * ops.reshape(weight, (-1, 1))
            accumulate(variable, ops.sum(counts, axis=None if self.average == "micro" else 0))

        add(self.true_positives, yes * y_true)
        add(self.false_positives, yes * (1 - y_true))
        add(self.false_negatives, (1 - yes) * y_true)
        add(self.intermediate_weights, y_true)

    def _decide(self, y_pred: Tensor) -> Tensor:
        """Return 1 for the predicted classes, 0 for the others."""
        if self.threshold is not None:
            return ops.cast(y_pred > self.threshold, self._dtype)
        highest = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
        return ops.cast(ops.logical_and(highest, ops.abs(y_pred) > 1e-9), self._dtype)

    def result(self) -> Tensor:
        """Return the score, or a score for each class."""
        tp = self.true_positives.value
        precision = tp / (tp + self.false_positives + epsilon())
        recall = tp / (tp + self.false_negatives + epsilon())
        beta = self.beta**2
        score = (1 + beta) * (precision * recall / (beta * precision + recall + epsilon()))
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return ops.sum(score * (weights / (ops.sum(weights) + epsilon())))
        return score if self.average is None else ops.mean(score)


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, for targets and predictions of shape `(batch, classes)`.

    Args:
        average: None for a score for each class; `"macro"` for their mean; `"weighted"` for their mean weighted by the
            frequencies of the classes. `"micro"` is for one score of all decisions.
        threshold: the score above which a class is predicted, at most 1. None predicts the highest of each row.

    >>> metric = hilevel.metrics.F1Score(threshold=0.5)
    >>> metric(np.array([[1, 1], [1, 0]]), np.array([[0.2, 0.6], [0.6, 0.1]])).round(4)
    array([0.6667, 1.    ], dtype=float32)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
