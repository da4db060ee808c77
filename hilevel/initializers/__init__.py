"""Initializers: the initial values of weights."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_registry = _Registry(
    "initializer",
    __name__,
    {"normal": "RandomNormal", "uniform": "RandomUniform", "one": "Ones", "zero": "Zeros"},
)
_, serialize, deserialize = _registry.functions("initializer")
