"""Losses: measures of the error of outputs against targets."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_registry = _Registry(
    "loss",
    __name__,
    {
        **_SHORT,
        **{name.upper(): target for name, target in _SHORT.items()},
        "LossFunctionWrapper": "hilevel.losses.base.LossFunctionWrapper",
    },
    skip=("kind_of_targets", "resolve"),
)
get, serialize, deserialize = _registry.functions("loss", "name")
