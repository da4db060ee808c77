"""Metrics: what is reported of a model's predictions."""

from __future__ import annotations

from typing import Any

from hilevel._lazy import install_getattr as _install_getattr
from hilevel._types import Config, Shape
from hilevel.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kind_of_targets,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from hilevel.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from hilevel.metrics.auc import AUC
from hilevel.metrics.base import Metric
from hilevel.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from hilevel.metrics.f_score import F1Score, FBetaScore
from hilevel.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from hilevel.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from hilevel.metrics.reduction import Mean, MeanMetricWrapper, Sum
from hilevel.metrics.regression import (
    ConcordanceCorrelation,
    CosineSimilarity,
    PearsonCorrelation,
    R2Score,
    concordance_correlation,
    pearson_correlation,
)
from hilevel.registry import Registry

_ALL = [
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    IoU,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanIoU,
    MeanMetricWrapper,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Metric,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    Poisson,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
    # functions that have no class
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    huber,
    log_cosh,
]
_SHORT: dict[str, Any] = {
    "bce": BinaryCrossentropy,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
_registry = Registry("metric", _ALL, _SHORT | {name.upper(): cls for name, cls in _SHORT.items()})


def get(identifier: Any) -> Any:
    """A metric from its name, config, class, or itself; None stays None.

    >>> hilevel.metrics.get("mse")
    <MeanSquaredError "mean_squared_error">

    Raises:
        UnknownNameError: there is no metric of that name; says the nearest.
    """
    return _registry.get(identifier)


def serialize(metric: Any) -> Any:
    """Plain data from which `deserialize` makes the metric again.

    >>> hilevel.metrics.serialize(hilevel.metrics.Mean())["class_name"]
    'Mean'
    """
    return _registry.serialize(metric)


def deserialize(config: Any, custom_objects: Config | None = None) -> Any:
    """The metric that `serialize` wrote down.

    >>> hilevel.metrics.deserialize({"class_name": "Mean", "config": {"name": "speed"}})
    <Mean "speed">
    """
    return _registry.deserialize(config, custom_objects)


def resolve(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape, loss: Any = None) -> Metric | None:
    """A `Metric` object from all that `compile(metrics=...)` takes: objects, names, functions, configs.

    `"accuracy"` and `"acc"`, `"crossentropy"` and `"ce"` stand for those that fit the shapes: binary, categorical
    or sparse categorical. A cross-entropy is of logits if the loss is.

    >>> hilevel.metrics.resolve("acc", (None, 1), (None, 10))
    <SparseCategoricalAccuracy "acc">

    Raises:
        UnknownNameError: there is no metric of that name; says the nearest.
    """
    short = identifier.lower() if isinstance(identifier, str) else None
    if short in ("accuracy", "acc"):
        found = get(kind_of_targets(y_true_shape, y_pred_shape) + "_accuracy")
    elif short in ("crossentropy", "ce"):
        cls = _registry.find(kind_of_targets(y_true_shape, y_pred_shape) + "_crossentropy")
        found = cls(from_logits=getattr(loss, "from_logits", False))
    else:
        found = get(identifier)
    if found is not None and not isinstance(found, Metric):
        found = MeanMetricWrapper(found, name=getattr(found, "__name__", None))
    if short is not None:
        found.name = identifier
    return found


_install_getattr(__name__)
__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]
