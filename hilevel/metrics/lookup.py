"""The `Metric` objects that `compile(metrics=...)` stands for."""

from __future__ import annotations

from typing import Any

from hilevel import metrics
from hilevel.engine.types import Shape
from hilevel.losses.lookup import kind_of_targets
from hilevel.metrics.base import Metric
from hilevel.metrics.reduction import MeanMetricWrapper


def resolve(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape, loss: Any = None) -> Metric | None:
    """Return a `Metric` object from all that `compile(metrics=...)` takes: objects, names, functions, configs.

    `"accuracy"` and `"acc"`, `"crossentropy"` and `"ce"` stand for those that fit the shapes: binary, categorical
    or sparse categorical. A cross-entropy is of logits if the loss is.

    >>> hilevel.metrics.resolve("acc", (None, 1), (None, 10))
    <SparseCategoricalAccuracy "acc">

    Raises:
        UnknownNameError: no metric has that name; names the nearest.
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
