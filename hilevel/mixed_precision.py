"""Mixed precision: weights in float32, computations in float16 or bfloat16.

>>> import hilevel
>>> layer = hilevel.layers.Dense(2, dtype="mixed_float16")
>>> layer(np.ones((1, 3))).dtype, layer.kernel.dtype
(dtype('float16'), dtype('float32'))
"""

from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from hilevel.optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

_install_getattr(__name__)
__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
