"""The metrics that are means of losses."""

from __future__ import annotations

from hilevel import losses, ops
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.losses.base import apply_weights, cast_to, match_shapes
from hilevel.metrics.reduction import Mean, MeanMetricWrapper


class MeanSquaredError(MeanMetricWrapper):
    """The mean of squared errors.

    >>> float(hilevel.metrics.MeanSquaredError()(np.array([[0.0, 1.0]]), np.array([[1.0, 1.0]])))
    0.5
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: DTypeLike = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean of squared errors.

    >>> float(hilevel.metrics.RootMeanSquaredError()(np.array([[0.0, 0.0]]), np.array([[1.0, 7.0]])))
    5.0
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: DTypeLike = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Accumulate the statistics of a batch."""
        y_true, y_pred = match_shapes(y_true, cast_to(y_pred, self._dtype), self.name)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Tensor:
        """Return the root of the mean."""
        return ops.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of absolute errors.

    >>> float(hilevel.metrics.MeanAbsoluteError()(np.array([[0.0, 1.0]]), np.array([[3.0, 1.0]])))
    1.5
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: DTypeLike = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of absolute errors, in percent of the target.

    >>> float(hilevel.metrics.MeanAbsolutePercentageError()(np.array([[2.0]]), np.array([[1.0]])))
    50.0
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: DTypeLike = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of squared errors of the logarithms.

    >>> metric = hilevel.metrics.MeanSquaredLogarithmicError()
    >>> round(float(metric(np.array([[1.0]]), np.array([[3.0]]))), 4)
    0.4805
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: DTypeLike = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of `log(cosh(error))`.

    >>> round(float(hilevel.metrics.LogCoshError()(np.array([[0.0]]), np.array([[2.0]]))), 4)
    1.325
    """

    def __init__(self, name: str | None = "logcosh", dtype: DTypeLike = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class Hinge(MeanMetricWrapper):
    """The mean of the hinge loss, for targets -1 and 1 (or 0 and 1).

    >>> float(hilevel.metrics.Hinge()(np.array([[-1.0, 1.0]]), np.array([[-0.5, 2.0]])))
    0.25
    """

    def __init__(self, name: str | None = "hinge", dtype: DTypeLike = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of the squared hinge loss, for targets -1 and 1 (or 0 and 1).

    >>> float(hilevel.metrics.SquaredHinge()(np.array([[-1.0, 1.0]]), np.array([[-0.5, 2.0]])))
    0.125
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: DTypeLike = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of the hinge loss over classes, for one-hot targets.

    >>> float(hilevel.metrics.CategoricalHinge()(np.array([[0, 1]]), np.array([[0.25, 0.75]])))
    0.5
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: DTypeLike = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """The mean Kullback-Leibler divergence between distributions.

    >>> metric = hilevel.metrics.KLDivergence()
    >>> round(float(metric(np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]]))), 4)
    0.1438
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: DTypeLike = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """The mean of the Poisson loss, for counts.

    >>> float(hilevel.metrics.Poisson()(np.array([[1.0, 0.0]]), np.array([[1.0, 2.0]])))
    1.5
    """

    def __init__(self, name: str | None = "poisson", dtype: DTypeLike = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy, for targets 0 and 1.

    Args:
        from_logits: whether predictions are logits, the scores before the sigmoid.
        label_smoothing: the fraction of 1/2 in the smoothed targets.

    >>> round(float(hilevel.metrics.BinaryCrossentropy()(np.array([[1]]), np.array([[0.5]]))), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **options)


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy, for one-hot targets.

    Args:
        from_logits: whether predictions are logits, the scores before the softmax.
        label_smoothing: the fraction of the uniform distribution in the smoothed targets.
        axis: the axis of the classes.

    >>> metric = hilevel.metrics.CategoricalCrossentropy()
    >>> round(float(metric(np.array([[0, 1]]), np.array([[0.5, 0.5]]))), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **options)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy, for targets that are class indices.

    Args:
        from_logits: whether predictions are logits, the scores before the softmax.
        ignore_class: a label whose samples have the loss 0; given sample weights, their weights are 0.
        axis: the axis of the classes.

    >>> metric = hilevel.metrics.SparseCategoricalCrossentropy()
    >>> round(float(metric(np.array([1]), np.array([[0.5, 0.5]]))), 4)
    0.6931
    """

    ignore_class: int | None

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **options)

    def update_state(  # type: ignore[override]
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Accumulate the statistics of a batch."""
        if sample_weight is not None and self.ignore_class is not None:
            counts = ops.cast(ops.not_equal(y_true, self.ignore_class), self._dtype)
            sample_weight = apply_weights(counts, cast_to(sample_weight, self._dtype))[0]
        super().update_state(y_true, y_pred, sample_weight)
