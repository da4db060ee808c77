from typing import Any

from hilevel.api.registry import Registry
from hilevel.constraints.constraints import (
    Constraint as Constraint,
    ConstraintLike,
    MaxNorm as MaxNorm,
    MinMaxNorm as MinMaxNorm,
    NonNeg as NonNeg,
    UnitNorm as UnitNorm,
    max_norm as max_norm,
    min_max_norm as min_max_norm,
    non_neg as non_neg,
    unit_norm as unit_norm,
)
from hilevel.engine.types import Config, Function

_registry: Registry

def get(identifier: ConstraintLike) -> Constraint | Function | None: ...
def serialize(constraint: Constraint | Function) -> str | Config: ...
def deserialize(config: str | Config | None, custom_objects: Config | None = None) -> Any: ...
