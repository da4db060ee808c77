from typing import Any

from hilevel.api.registry import Registry
from hilevel.regularizers.regularizers import (
    L1 as L1,
    L1L2 as L1L2,
    L2 as L2,
    OrthogonalRegularizer as OrthogonalRegularizer,
    Regularizer as Regularizer,
    l1 as l1,
    l1_l2 as l1_l2,
    l2 as l2,
    orthogonal_regularizer as orthogonal_regularizer,
)

_registry: Registry

def get(identifier: Any) -> Any: ...
def serialize(regularizer: Any) -> Any: ...
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any: ...
