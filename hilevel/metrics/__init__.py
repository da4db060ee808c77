"""Metrics: statistics of a model's predictions."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_SHORT = {
    "bce": "BinaryCrossentropy",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "mse": "MeanSquaredError",
    "msle": "MeanSquaredLogarithmicError",
}
_registry = _Registry(
    "metric",
    __name__,
    {**_SHORT, **{name.upper(): target for name, target in _SHORT.items()}},
    skip=("resolve",),
    prefer_classes=True,
)
get, serialize, deserialize = _registry.functions("metric")
