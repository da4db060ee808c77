from typing import Any

from hilevel.api.registry import Registry
from hilevel.engine.types import Config
from hilevel.losses.base import Loss as Loss, LossLike
from hilevel.losses.focal import (
    SparseCategoricalFocalCrossentropy as SparseCategoricalFocalCrossentropy,
    sparse_categorical_focal_crossentropy as sparse_categorical_focal_crossentropy,
)
from hilevel.losses.lookup import kind_of_targets as kind_of_targets, resolve as resolve
from hilevel.losses.margin import (
    CategoricalHinge as CategoricalHinge,
    Hinge as Hinge,
    SquaredHinge as SquaredHinge,
    categorical_hinge as categorical_hinge,
    hinge as hinge,
    squared_hinge as squared_hinge,
)
from hilevel.losses.overlap import (
    Circle as Circle,
    Dice as Dice,
    Tversky as Tversky,
    circle as circle,
    dice as dice,
    tversky as tversky,
)
from hilevel.losses.probabilistic import (
    BinaryCrossentropy as BinaryCrossentropy,
    BinaryFocalCrossentropy as BinaryFocalCrossentropy,
    CategoricalCrossentropy as CategoricalCrossentropy,
    CategoricalFocalCrossentropy as CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
    KLDivergence as KLDivergence,
    Poisson as Poisson,
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    binary_crossentropy as binary_crossentropy,
    binary_focal_crossentropy as binary_focal_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    categorical_focal_crossentropy as categorical_focal_crossentropy,
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
    kl_divergence as kl_divergence,
    poisson as poisson,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from hilevel.losses.regression import (
    CosineSimilarity as CosineSimilarity,
    Huber as Huber,
    LogCosh as LogCosh,
    MeanAbsoluteError as MeanAbsoluteError,
    MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    MeanSquaredError as MeanSquaredError,
    MeanSquaredLogarithmicError as MeanSquaredLogarithmicError,
    cosine_similarity as cosine_similarity,
    huber as huber,
    log_cosh as log_cosh,
    mean_absolute_error as mean_absolute_error,
    mean_absolute_percentage_error as mean_absolute_percentage_error,
    mean_squared_error as mean_squared_error,
    mean_squared_logarithmic_error as mean_squared_logarithmic_error,
)
from hilevel.losses.sequence import CTC as CTC, ctc as ctc

_registry: Registry

def get(identifier: LossLike) -> Any: ...
def serialize(loss: LossLike) -> Any: ...
def deserialize(name: str | Config | None, custom_objects: dict[str, Any] | None = None) -> Any: ...
