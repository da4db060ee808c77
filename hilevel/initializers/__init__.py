"""Initializers: the first values of weights."""

from __future__ import annotations

from typing import Any

from hilevel import ops, variables
from hilevel._lazy import install_getattr as _install_getattr
from hilevel._types import Config
from hilevel.initializers.base import Initializer
from hilevel.initializers.constant import Constant, Identity, Ones, Zeros
from hilevel.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from hilevel.registry import Registry

IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = Orthogonal
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_registry = Registry(
    "initializer",
    [
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones,
        Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Zeros,
    ],
    {
        "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "normal": RandomNormal,
        "uniform": RandomUniform, "one": Ones, "zero": Zeros,
    },
)  # fmt: skip


def get(identifier: Any) -> Any:
    """An initializer from its name, its config, its class or itself; a function `(shape, dtype)` stays as it is.

    An array becomes a `Constant`.

    >>> hilevel.initializers.get("ones")
    Ones()

    Raises:
        UnknownNameError: there is no initializer of that name; says the nearest.
    """
    return Constant(identifier) if ops.is_tensor(identifier) else _registry.get(identifier)


def serialize(initializer: Any) -> Any:
    """Plain data from which `deserialize` makes the initializer again.

    >>> hilevel.initializers.serialize(hilevel.initializers.Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    return _registry.serialize(initializer)


def deserialize(config: Any, custom_objects: Config | None = None) -> Any:
    """The initializer that `serialize` wrote down.

    >>> hilevel.initializers.deserialize({"class_name": "Constant", "config": {"value": 2.0}})
    Constant(value=2.0)
    """
    return _registry.deserialize(config, custom_objects)


variables.initializer_of = get
_install_getattr(__name__)
__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
