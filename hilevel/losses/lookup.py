"""The `Loss` objects for the argument of `compile(loss=...)`."""

from __future__ import annotations

from typing import Any

from hilevel import losses
from hilevel.api.registry import snake_case
from hilevel.engine.types import Function, Shape
from hilevel.losses.base import Loss, LossFunctionWrapper, LossLike


def kind_of_targets(y_true_shape: Shape, y_pred_shape: Shape) -> str:
    """Return the kind of targets for outputs of a shape: `"binary"`, `"sparse_categorical"` or `"categorical"`.

    Args:
        y_true_shape, y_pred_shape: the shapes of targets and outputs, with the batch.

    >>> hilevel.losses.kind_of_targets((None, 1), (None, 10))
    'sparse_categorical'
    """
    if y_pred_shape[-1] == 1:
        return "binary"
    sparse = len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1
    return "sparse_categorical" if sparse else "categorical"


def resolve(identifier: LossLike, y_true_shape: Shape, y_pred_shape: Shape) -> Loss | None:
    """Return a `Loss` object for any argument of `compile(loss=...)`.

    `"crossentropy"` and `"ce"` stand for the cross-entropy that fits the shapes.

    Args:
        identifier: a name, a function, a config or an object.
        y_true_shape, y_pred_shape: the shapes of targets and outputs, with the batch.

    >>> hilevel.losses.resolve("crossentropy", (None,), (None, 10))
    <SparseCategoricalCrossentropy "crossentropy">

    Raises:
        UnknownNameError: no loss has the name.
    """
    found = identifier
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found = kind_of_targets(y_true_shape, y_pred_shape) + "_crossentropy"
    found = losses.get(found)
    if found is None or isinstance(found, Loss):
        return found
    fallback = getattr(found, "__name__", type(found).__name__)
    name = identifier if isinstance(identifier, str) else fallback
    cls = _class_of(found)
    return LossFunctionWrapper(found, name=name) if cls is None else cls(name=name)


def _class_of(function: Function) -> Any:
    """Return the class for a loss function of this package: `MeanSquaredError` for `mean_squared_error`; else None."""
    name = getattr(function, "__name__", "")
    if name not in dir(losses) or getattr(losses, name) is not function:
        return None
    return next(getattr(losses, n) for n in dir(losses) if n[0].isupper() and snake_case(n) == name)
