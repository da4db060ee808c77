from hilevel import (
    activations as activations,
    backend as backend,
    callbacks as callbacks,
    config as config,
    constraints as constraints,
    datasets as datasets,
    debug as debug,
    distribution as distribution,
    dtype_policies as dtype_policies,
    errors as errors,
    explain as explain,
    export as export,
    initializers as initializers,
    layers as layers,
    losses as losses,
    masks as masks,
    metrics as metrics,
    mixed_precision as mixed_precision,
    models as models,
    ops as ops,
    optimizers as optimizers,
    preprocessing as preprocessing,
    random as random,
    regularizers as regularizers,
    saving as saving,
    testing as testing,
    tree as tree,
    utils as utils,
    visualization as visualization,
    wrappers as wrappers,
)
from hilevel.compat.hook import as_keras as as_keras
from hilevel.dtype_policies import DTypePolicy as DTypePolicy, FloatDTypePolicy as FloatDTypePolicy
from hilevel.engine.autodiff.functional import (
    custom_gradient as custom_gradient,
    grad as grad,
    hessian as hessian,
    jacobian as jacobian,
    jvp as jvp,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from hilevel.engine.autodiff.gradient_tape import GradientTape as GradientTape
from hilevel.engine.autodiff.rematerialize import remat as remat
from hilevel.engine.backends import (
    current_backend as current_backend,
    device as device,
    get_backend as get_backend,
    set_backend as set_backend,
    use_backend as use_backend,
)
from hilevel.engine.compile.jit import jit as jit
from hilevel.engine.graph import KerasTensor as KerasTensor
from hilevel.engine.names import name_scope as name_scope
from hilevel.engine.stateless import StatelessScope as StatelessScope, SymbolicScope as SymbolicScope
from hilevel.engine.variables import Variable as Variable
from hilevel.initializers import Initializer as Initializer
from hilevel.layers import Input as Input, InputSpec as InputSpec, Layer as Layer
from hilevel.layers.base.rematerialized import RematScope as RematScope
from hilevel.losses import Loss as Loss
from hilevel.metrics import Metric as Metric
from hilevel.models import Model as Model, Sequential as Sequential
from hilevel.models.function import Function as Function
from hilevel.models.operation import Operation as Operation
from hilevel.ops import stop_gradient as stop_gradient
from hilevel.optimizers import Optimizer as Optimizer
from hilevel.random import set_random_seed as set_random_seed
from hilevel.regularizers.regularizers import Regularizer as Regularizer

__version__: str

def version() -> str: ...
