"""Activation functions with the arguments of Keras that ops lack."""

from __future__ import annotations

from hilevel import ops
from hilevel.engine.types import Tensor


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
