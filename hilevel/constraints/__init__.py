"""Constraints: projections of weights after each update."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_registry = _Registry("constraint", __name__)
get, serialize, deserialize = _registry.functions("constraint")
