"""Optimizers: updates of weights by their gradients."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_registry = _Registry(
    "optimizer", __name__, skip=("schedules", "OptimizerMap"), any_case=True, base="Optimizer"
)
get, serialize, deserialize = _registry.functions("optimizer")
