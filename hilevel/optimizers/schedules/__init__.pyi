from typing import Any

from hilevel.api.registry import Registry
from hilevel.engine.types import Config
from hilevel.optimizers.schedules.decay import (
    CosineDecay as CosineDecay,
    CosineDecayRestarts as CosineDecayRestarts,
    ExponentialDecay as ExponentialDecay,
    InverseTimeDecay as InverseTimeDecay,
    LearningRateSchedule as LearningRateSchedule,
    PiecewiseConstantDecay as PiecewiseConstantDecay,
    PolynomialDecay as PolynomialDecay,
)

_registry: Registry

def serialize(learning_rate_schedule: LearningRateSchedule) -> Any: ...
def deserialize(
    config: str | Config | None, custom_objects: dict[str, Any] | None = None
) -> LearningRateSchedule: ...
