"""Activation functions, with the arguments of `keras.activations`."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_registry = _Registry("activation", __name__, default="linear")
get, serialize, deserialize = _registry.functions("activation")
