"""Metrics for regression that are no losses: similarity, correlation, explained variance."""

from __future__ import annotations

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.types import DTypeLike, Shape, Tensor, TensorLike
from hilevel.losses import cosine_similarity as negative_cosine
from hilevel.losses.base import cast_to, match_shapes
from hilevel.metrics.base import Metric, accumulate
from hilevel.metrics.f_score import check_columns
from hilevel.metrics.reduction import MeanMetricWrapper


def cosine_similarity(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """Return the cosine of the angle between target and prediction; the loss of this name has the other sign."""
    return -negative_cosine(y_true, y_pred, axis=axis)


def pearson_correlation(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """Return the correlation of target and prediction along an axis, from -1 to 1.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape.
        axis: the axis of the correlated values.

    >>> hilevel.metrics.pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4)
    array([1.], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "pearson_correlation")

    def standard(x: Tensor) -> Tensor:
        return (x - ops.mean(x, axis=axis, keepdims=True)) / ops.std(x, axis=axis, keepdims=True)

    return ops.mean(standard(y_true) * standard(y_pred), axis=axis)


def concordance_correlation(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """Return the concordance correlation along an axis: 1 only if prediction and target are equal.

    `2 * covariance / (variances + (difference of means)**2)`. Source: Lin, "A concordance correlation coefficient
    to evaluate reproducibility" (1989).

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape.
        axis: the axis of the correlated values.

    >>> hilevel.metrics.concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]).round(4)
    array([0.5714], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "concordance_correlation")
    mean_true = ops.mean(y_true, axis=axis, keepdims=True)
    mean_pred = ops.mean(y_pred, axis=axis, keepdims=True)
    variance = ops.var(y_true, axis=axis, keepdims=True) + ops.var(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - mean_pred) * (y_pred - mean_pred)
    scale = variance + ops.square(mean_true - mean_pred) + epsilon()
    return ops.mean(2 * covariance / scale, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between target and prediction: 1 for equal directions.

    Args:
        axis: the axis of the vectors.

    >>> metric = hilevel.metrics.CosineSimilarity()
    >>> float(metric(np.array([[0.0, 1.0]]), np.array([[0.0, 5.0]])))
    1.0
    """

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: DTypeLike = None, axis: int = -1
    ) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class PearsonCorrelation(MeanMetricWrapper):
    """The mean correlation of target and prediction along an axis.

    Args:
        axis: the axis of the correlated values.

    >>> metric = hilevel.metrics.PearsonCorrelation()
    >>> round(float(metric(np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 3.0, 5.0]]))), 4)
    1.0
    """

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: DTypeLike = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean concordance correlation of target and prediction: 1 only if they are equal.

    Args:
        axis: the axis of the correlated values.

    >>> metric = hilevel.metrics.ConcordanceCorrelation()
    >>> round(float(metric(np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 2.0, 3.0]]))), 4)
    0.5714
    """

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: DTypeLike = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class R2Score(Metric):
    """The fraction of the targets' variance that predictions explain: `1 - sum(error**2) / sum((y_true - mean)**2)`.

    1 is perfect, 0 as good as the mean, below 0 worse. A constant column that is predicted wrongly has the score 0.

    Args:
        class_aggregation: `"uniform_average"` over the columns, `"variance_weighted_average"`, or None for a score for
            each column.
        num_regressors: the number of features of the model, for the adjusted score; 0 for the plain score.

    >>> metric = hilevel.metrics.R2Score()
    >>> float(metric(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0]])))
    0.5

    Raises:
        ValueError: an argument is out of its range.
        ShapeError: targets and predictions are not of one shape `(batch, columns)`.
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "`class_aggregation` must be None, 'uniform_average' or 'variance_weighted_average'; got "
                f"{class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(f"`num_regressors` must not be negative; got {num_regressors}.")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_weight(name="num_samples")
        self.built = False

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        """Make the Variables, with a value for each column."""
        if self.built:
            return
        if len(y_true_shape) == 1 and len(y_pred_shape) == 2:
            y_true_shape = (*y_true_shape, 1)
        shape = (check_columns(self, y_true_shape, y_pred_shape),)
        self.squared_sum = self.add_weight(shape, name="squared_sum")
        self.sum = self.add_weight(shape, name="sum")
        self.total_mse = self.add_weight(shape, name="residual")
        self.count = self.add_weight(shape, name="count")
        self.built = True

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Accumulate the statistics of a batch."""
        y_true, y_pred = match_shapes(y_true, cast_to(y_pred, self._dtype), self.name)
        self.build(y_true.shape, y_pred.shape)
        weight = cast_to(1.0 if sample_weight is None else sample_weight, self._dtype)
        weight = weight[:, None] if len(weight.shape) == 1 else weight
        weight = ops.broadcast_to(weight, y_true.shape)
        accumulate(self.sum, ops.sum(y_true * weight, axis=0))
        accumulate(self.squared_sum, ops.sum(ops.square(y_true) * weight, axis=0))
        accumulate(self.total_mse, ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        accumulate(self.count, ops.sum(weight, axis=0))
        accumulate(self.num_samples, y_true.size)

    def result(self) -> Tensor:
        """Return the score; NaN for a constant column that is predicted exactly."""
        total = self.squared_sum - self.sum * ops.divide_no_nan(self.sum, self.count)
        empty = ops.where(ops.equal(self.total_mse, 0), float("nan"), 0.0)
        score = ops.where(ops.equal(total, 0), empty, 1 - ops.divide_no_nan(self.total_mse, total))
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.sum(total * score) / ops.sum(total)
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Tensor) -> Tensor:
        """Return the score minus the gain that so many regressors have by chance."""
        free = self.num_samples - self.num_regressors - 1.0
        adjusted = 1 - ops.divide_no_nan((1 - score) * (self.num_samples - 1.0), free)
        return ops.where(free > 0, adjusted, score)
