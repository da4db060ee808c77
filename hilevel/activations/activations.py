"""Activation functions with arguments of Keras that ops lack."""

from __future__ import annotations

from typing import TypeAlias

from hilevel import ops
from hilevel.engine.types import Config, Function, Tensor, TensorLike

ActivationLike: TypeAlias = str | Function | Config | None
"""The name of an activation, a function or a layer, a config, or None for the identity."""


def linear(x: TensorLike) -> TensorLike:
    """Return `x` itself.

    Args:
        x: a tensor of any shape.

    >>> hilevel.activations.linear(3.0)
    3.0
    """
    return x


def exponential(x: TensorLike) -> Tensor:
    """Return `e` to the power of `x`, element-wise.

    Args:
        x: a tensor of any shape.

    >>> hilevel.activations.exponential([0.0])
    array([1.], dtype=float32)
    """
    return ops.exp(x)


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """Return `x * P(X <= x)` for a standard normal X, element-wise. Hendrycks and Gimpel, 2016.

    Args:
        x: a tensor of any shape.
        approximate: whether to approximate the distribution function by a tanh.

    >>> hilevel.activations.gelu([0.0, 1.0]).round(4)
    array([0.    , 0.8413], dtype=float32)
    """
    return ops.gelu(x, approximate=approximate)


def relu(
    x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Return `max(x, 0)`, element-wise, with options for both sides. Nair and Hinton, 2010.

    Args:
        x: a tensor of any shape.
        negative_slope: the slope below the threshold, where the value is `negative_slope * (x - threshold)`.
        max_value: the largest value; None for no limit.
        threshold: the input up to which the negative slope applies.

    >>> hilevel.activations.relu([-10.0, 0.5, 20.0], negative_slope=0.1, max_value=5.0)
    array([-1. ,  0.5,  5. ], dtype=float32)
    """
    y = ops.where(ops.greater(x, threshold), x, 0) if threshold else ops.relu(x)
    if max_value is not None:
        y = ops.clip(y, 0, max_value)
    return y - ops.multiply(negative_slope, ops.relu(ops.subtract(threshold, x))) if negative_slope else y
