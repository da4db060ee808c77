"""The `Metric` objects for the argument of `compile(metrics=...)`."""

from __future__ import annotations

from hilevel import metrics
from hilevel.engine.types import Shape
from hilevel.losses.base import Loss
from hilevel.losses.lookup import kind_of_targets
from hilevel.metrics.base import Metric, MetricLike
from hilevel.metrics.reduction import MeanMetricWrapper


def resolve(
    identifier: MetricLike | None, y_true_shape: Shape, y_pred_shape: Shape, loss: Loss | None = None
) -> Metric | None:
    """Return a `Metric` object for any argument of `compile(metrics=...)`.

    `"accuracy"` and `"acc"`, `"crossentropy"` and `"ce"` stand for the metric that fits the shapes: binary,
    categorical or sparse categorical. A cross-entropy is of logits if the loss is.

    Args:
        identifier: a name, a function, a config or an object.
        y_true_shape, y_pred_shape: the shapes of targets and outputs, with the batch.
        loss: the loss of the output, or None.

    >>> hilevel.metrics.resolve("acc", (None, 1), (None, 10))
    <SparseCategoricalAccuracy "acc">

    Raises:
        UnknownNameError: no metric has the name.
    """
    short = identifier.lower() if isinstance(identifier, str) else None
    if short in ("accuracy", "acc"):
        found = metrics.get(kind_of_targets(y_true_shape, y_pred_shape) + "_accuracy")
    elif short in ("crossentropy", "ce"):
        cls = metrics._registry.find(kind_of_targets(y_true_shape, y_pred_shape) + "_crossentropy")
        found = cls(from_logits=getattr(loss, "from_logits", False))
    else:
        found = metrics.get(identifier)
    if found is not None and not isinstance(found, Metric):
        found = MeanMetricWrapper(found, name=getattr(found, "__name__", None))
    if short is not None:
        found.name = identifier
    return found
