"""hilevel: a high-level model API over NumPy, CuPy and JAX.

The names are those of Keras 3. `HILEVEL_BACKEND` chooses the backend; see `hilevel.set_backend`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from hilevel import (
    activations,
    callbacks,
    config,
    constraints,
    dtype_policies,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    tree,
)
from hilevel._lazy import install_getattr as _install_getattr
from hilevel.autodiff.functional import (
    custom_gradient,
    grad,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from hilevel.autodiff.gradient_tape import GradientTape
from hilevel.backends import current_backend, device, get_backend, set_backend, use_backend
from hilevel.compile.jit import jit
from hilevel.dtype_policies import DTypePolicy
from hilevel.graph import KerasTensor
from hilevel.initializers import Initializer
from hilevel.layers import Input, InputSpec, Layer
from hilevel.losses import Loss
from hilevel.metrics import Metric
from hilevel.models import Model, Sequential
from hilevel.names import name_scope
from hilevel.ops import stop_gradient
from hilevel.optimizers import Optimizer
from hilevel.random import set_random_seed
from hilevel.regularizers import Regularizer
from hilevel.variables import Variable

if _TYPE_CHECKING:
    from hilevel import backend, datasets, debug, mixed_precision, preprocessing, saving, testing, utils

__version__ = "0.1.0"


def version() -> str:
    """The version of hilevel.

    >>> import hilevel
    >>> hilevel.version() == hilevel.__version__
    True
    """
    return __version__


_install_getattr(
    __name__, modules="backend datasets debug mixed_precision preprocessing saving testing utils"
)


__all__ = [
    "DTypePolicy",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "current_backend",
    "custom_gradient",
    "datasets",
    "debug",
    "device",
    "dtype_policies",
    "errors",
    "get_backend",
    "grad",
    "hessian",
    "initializers",
    "jacobian",
    "jit",
    "jvp",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "set_backend",
    "set_random_seed",
    "stop_gradient",
    "testing",
    "tree",
    "use_backend",
    "utils",
    "value_and_grad",
    "version",
    "vjp",
]
