from typing import Any

from hilevel.api.registry import Registry
from hilevel.constraints.constraints import (
    Constraint as Constraint,
    MaxNorm as MaxNorm,
    MinMaxNorm as MinMaxNorm,
    NonNeg as NonNeg,
    UnitNorm as UnitNorm,
    max_norm as max_norm,
    min_max_norm as min_max_norm,
    non_neg as non_neg,
    unit_norm as unit_norm,
)

_registry: Registry

def get(identifier: Any) -> Any: ...
def serialize(constraint: Any) -> Any: ...
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any: ...
