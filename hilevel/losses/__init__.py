"""Losses: what training makes small."""

from __future__ import annotations

from typing import Any

from hilevel._lazy import install_getattr as _install_getattr
from hilevel._types import Config, Shape
from hilevel.losses.base import Loss, LossFunctionWrapper
from hilevel.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from hilevel.losses.overlap import Circle, Dice, Tversky, circle, dice, tversky
from hilevel.losses.probabilistic import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from hilevel.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from hilevel.losses.sequence import CTC, ctc
from hilevel.registry import Registry

_CLASS_OF: dict[Any, type[Loss]] = {
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
    categorical_hinge: CategoricalHinge,
    circle: Circle,
    cosine_similarity: CosineSimilarity,
    ctc: CTC,
    dice: Dice,
    hinge: Hinge,
    huber: Huber,
    kl_divergence: KLDivergence,
    log_cosh: LogCosh,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_error: MeanSquaredError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    poisson: Poisson,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    squared_hinge: SquaredHinge,
    tversky: Tversky,
}
_SHORT = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "mse": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
}
_registry = Registry(
    "loss",
    [*_CLASS_OF, *_CLASS_OF.values(), Loss, LossFunctionWrapper],
    _SHORT | {name.upper(): fn for name, fn in _SHORT.items()},
)


def get(identifier: Any) -> Any:
    """A loss from its name, config, class, or itself; None stays None. Names of functions give functions.

    >>> hilevel.losses.get("mse") is hilevel.losses.mean_squared_error
    True

    Raises:
        UnknownNameError: there is no loss of that name; says the nearest.
    """
    return _registry.get(identifier)


def serialize(loss: Any) -> Any:
    """Plain data from which `deserialize` makes the loss again.

    >>> hilevel.losses.serialize(hilevel.losses.mean_squared_error)
    'mean_squared_error'
    """
    return _registry.serialize(loss)


def deserialize(name: Any, custom_objects: Config | None = None) -> Any:
    """The loss that `serialize` wrote down, or that has this name.

    >>> hilevel.losses.deserialize({"class_name": "Huber", "config": {"delta": 2.0}}).delta
    2.0
    """
    return _registry.deserialize(name, custom_objects)


def kind_of_targets(y_true_shape: Shape, y_pred_shape: Shape) -> str:
    """What targets and outputs of these shapes are: `"binary"`, `"sparse_categorical"` or `"categorical"`.

    >>> hilevel.losses.kind_of_targets((None, 1), (None, 10))
    'sparse_categorical'
    """
    if y_pred_shape[-1] == 1:
        return "binary"
    sparse = len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1
    return "sparse_categorical" if sparse else "categorical"


def resolve(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Loss | None:
    """A `Loss` object from all that `compile(loss=...)` takes: objects, names, functions, configs.

    `"crossentropy"` and `"ce"` stand for the cross-entropy that fits the shapes.

    >>> hilevel.losses.resolve("crossentropy", (None,), (None, 10))
    <SparseCategoricalCrossentropy "crossentropy">

    Raises:
        UnknownNameError: there is no loss of that name; says the nearest.
    """
    found = identifier
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found = kind_of_targets(y_true_shape, y_pred_shape) + "_crossentropy"
    found = get(found)
    if found is None or isinstance(found, Loss):
        return found
    fallback = getattr(found, "__name__", type(found).__name__)
    name = identifier if isinstance(identifier, str) else fallback
    if found in _CLASS_OF:
        return _CLASS_OF[found](name=name)
    return LossFunctionWrapper(found, name=name)


_install_getattr(__name__)
__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kind_of_targets",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]
