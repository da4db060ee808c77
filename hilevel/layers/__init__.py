"""Layers, with the names, arguments and defaults of `keras.layers`."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_registry = _Registry(
    "layer",
    __name__,
    {
        "Functional": "hilevel.models.Model",
        "Model": "hilevel.models.Model",
        "Sequential": "hilevel.models.Sequential",
        "model": "hilevel.models.Model",
        "sequential": "hilevel.models.Sequential",
    },
    skip=(
        "Input",
        "InputSpec",
        "add",
        "average",
        "concatenate",
        "dot",
        "maximum",
        "minimum",
        "multiply",
        "subtract",
    ),
)
_, serialize, deserialize = _registry.functions("layer")
