from typing import Any

from hilevel.api.registry import Registry
from hilevel.engine.types import Config, Function
from hilevel.regularizers.regularizers import (
    L1 as L1,
    L1L2 as L1L2,
    L2 as L2,
    OrthogonalRegularizer as OrthogonalRegularizer,
    Regularizer as Regularizer,
    RegularizerLike,
    l1 as l1,
    l1_l2 as l1_l2,
    l2 as l2,
    orthogonal_regularizer as orthogonal_regularizer,
)

_registry: Registry

def get(identifier: RegularizerLike) -> Regularizer | Function | None: ...
def serialize(regularizer: Regularizer | Function) -> str | Config: ...
def deserialize(config: str | Config | None, custom_objects: Config | None = None) -> Any: ...
