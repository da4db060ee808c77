from typing import Any

from hilevel.api.registry import Registry
from hilevel.engine.types import Config, Function
from hilevel.initializers.base import Initializer as Initializer
from hilevel.initializers.constants import (
    Constant as Constant,
    Identity as Identity,
    IdentityInitializer as IdentityInitializer,
    Ones as Ones,
    Zeros as Zeros,
    constant as constant,
    identity as identity,
    ones as ones,
    zeros as zeros,
)
from hilevel.initializers.fourier import STFT as STFT, STFTInitializer as STFTInitializer, stft as stft
from hilevel.initializers.lookup import get as get
from hilevel.initializers.random import (
    GlorotNormal as GlorotNormal,
    GlorotUniform as GlorotUniform,
    HeNormal as HeNormal,
    HeUniform as HeUniform,
    LecunNormal as LecunNormal,
    LecunUniform as LecunUniform,
    Orthogonal as Orthogonal,
    OrthogonalInitializer as OrthogonalInitializer,
    RandomNormal as RandomNormal,
    RandomUniform as RandomUniform,
    TruncatedNormal as TruncatedNormal,
    VarianceScaling as VarianceScaling,
    glorot_normal as glorot_normal,
    glorot_uniform as glorot_uniform,
    he_normal as he_normal,
    he_uniform as he_uniform,
    lecun_normal as lecun_normal,
    lecun_uniform as lecun_uniform,
    orthogonal as orthogonal,
    random_normal as random_normal,
    random_uniform as random_uniform,
    truncated_normal as truncated_normal,
    variance_scaling as variance_scaling,
)

_registry: Registry

def serialize(initializer: Initializer | Function) -> str | Config: ...
def deserialize(config: str | Config | None, custom_objects: Config | None = None) -> Any: ...
