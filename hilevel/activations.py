"""Activations: functions of one tensor that layers end with.

Most are the ops of the same name; a layer's `activation` takes any of them by name, or a function of one's own.
"""

from __future__ import annotations

from typing import Any

from hilevel import ops
from hilevel._lazy import install_getattr as _install_getattr
from hilevel._types import Config, Tensor
from hilevel.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
    threshold,
)
from hilevel.registry import Registry


def linear(x: Tensor) -> Tensor:
    """`x` itself.

    >>> hilevel.activations.linear(3.0)
    3.0
    """
    return x


def exponential(x: Tensor) -> Tensor:
    """`e` to the power of `x`, element-wise.

    >>> hilevel.activations.exponential([0.0])
    array([1.], dtype=float32)
    """
    return ops.exp(x)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """`x * P(X <= x)` for a standard normal X; `approximate` says it with a tanh. Hendrycks and Gimpel, 2016.

    >>> hilevel.activations.gelu([0.0, 1.0]).round(4)
    array([0.    , 0.8413], dtype=float32)
    """
    return ops.gelu(x, approximate=approximate)


def relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """`max(x, 0)`; or, with options, a line through `threshold` below it, `x` above it, at most `max_value`.

    Args:
        x: the tensor.
        negative_slope: the slope below the threshold, where the value is `negative_slope * (x - threshold)`.
        max_value: the largest value, None for no limit.
        threshold: values up to it count as negative.

    >>> hilevel.activations.relu([-10.0, 0.5, 20.0], negative_slope=0.1, max_value=5.0)
    array([-1. ,  0.5,  5. ], dtype=float32)
    """
    y = ops.where(ops.greater(x, threshold), x, 0) if threshold else ops.relu(x)
    if max_value is not None:
        y = ops.clip(y, 0, max_value)
    return y - ops.multiply(negative_slope, ops.relu(ops.subtract(threshold, x))) if negative_slope else y


_registry = Registry(
    "activation",
    [
        celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear,
        log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus,
        softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
    ],
    {"swish": silu, "hard_swish": hard_silu},
)  # fmt: skip


def get(identifier: Any) -> Any:
    """An activation from its name, its config or itself; `linear` for None.

    >>> hilevel.activations.get("relu").__name__
    'relu'

    Raises:
        UnknownNameError: there is no activation of that name; says the nearest.
    """
    return linear if identifier is None else _registry.get(identifier)


def serialize(activation: Any) -> Any:
    """The name of an activation, or the name and config of one that is an object.

    >>> hilevel.activations.serialize(hilevel.activations.tanh)
    'tanh'
    """
    return _registry.serialize(activation)


def deserialize(config: Any, custom_objects: Config | None = None) -> Any:
    """The activation that `serialize` wrote down, or that has this name.

    >>> hilevel.activations.deserialize("tanh") is hilevel.activations.tanh
    True
    """
    return _registry.deserialize(config, custom_objects)


_install_getattr(__name__)
__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
