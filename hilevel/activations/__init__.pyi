from hilevel.activations.activations import (
    ActivationLike,
    exponential as exponential,
    gelu as gelu,
    linear as linear,
    relu as relu,
)
from hilevel.api.registry import Registry
from hilevel.engine.types import Config, Function
from hilevel.ops.nn.activations import (
    celu as celu,
    elu as elu,
    glu as glu,
    hard_shrink as hard_shrink,
    hard_sigmoid as hard_sigmoid,
    hard_silu as hard_silu,
    hard_swish as hard_swish,
    hard_tanh as hard_tanh,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    mish as mish,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    soft_shrink as soft_shrink,
    softmax as softmax,
    softplus as softplus,
    softsign as softsign,
    sparse_plus as sparse_plus,
    sparse_sigmoid as sparse_sigmoid,
    sparsemax as sparsemax,
    squareplus as squareplus,
    swish as swish,
    tanh_shrink as tanh_shrink,
    threshold as threshold,
)
from hilevel.ops.numpy.transcendental import tanh as tanh

_registry: Registry

def get(identifier: ActivationLike) -> Function: ...
def serialize(activation: Function) -> str | Config: ...
def deserialize(config: str | Config, custom_objects: Config | None = None) -> Function: ...
