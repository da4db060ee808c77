"""A dense layer as one op, with its activation."""

from __future__ import annotations

from typing import Any

from hilevel.engine.op import op
from hilevel.engine.spec import TensorSpec, agree
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.nn.activations import relu, sigmoid

FUSED_ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid")


@op(dtype="float")
def dense(
    xp: Namespace,
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    /,
    activation: str = "linear",
) -> Tensor:
    """Return `activation(x @ kernel + bias)` over the last axis, as one op.

    Args:
        x: a tensor of shape `(..., features)`.
        kernel, bias: tensors of shapes `(features, units)` and `(units,)`; no bias by default.
        activation: `"linear"`, `"relu"`, `"tanh"` or `"sigmoid"`.

    >>> ops.dense([[1.0, 2.0]], np.ones((2, 1)), np.zeros(1), activation="relu")
    array([[3.]])
    """
    y = xp.matmul(as_matrix(x), kernel)
    if bias is not None:
        y += bias
    y = apply_activation(xp, y, activation)
    return y if x.ndim == 2 else y.reshape((*x.shape[:-1], kernel.shape[-1]))


def as_matrix(x: Array) -> Array:
    """Return the tensor as a matrix with the same last axis."""
    return x if x.ndim == 2 else x.reshape((-1, x.shape[-1]))


def apply_activation(xp: Namespace, x: Array, activation: str) -> Array:
    """Return a fused activation of a tensor."""
    if activation == "relu":
        return relu.value(xp, x)
    if activation == "tanh":
        return xp.tanh(x)
    return sigmoid.value(xp, x) if activation == "sigmoid" else x


def activation_vjp(g: Array, y: Array, activation: str) -> Array:
    """Return the gradient of the input of a fused activation, from its result `y` and the result's gradient."""
    if activation == "relu":
        return g * (y > 0)
    if activation == "tanh":
        return g * (1 - y * y)
    return g * (y * (1 - y)) if activation == "sigmoid" else g


@dense.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None = None,
    activation: str = "linear",
) -> Any:  # fmt: skip
    rows = as_matrix(activation_vjp(g, y, activation))
    return (
        lambda: xp.matmul(rows, kernel.T).reshape(x.shape),
        lambda: xp.matmul(as_matrix(x).T, rows),
        lambda: rows.sum(axis=0),
    )


@dense.shape
def _(
    x: TensorSpec, kernel: TensorSpec, bias: TensorSpec | None = None, activation: str = "linear"
) -> TensorSpec:
    if not agree(x.shape[-1:], kernel.shape[:1]):
        raise ShapeError(
            f"dense: the last axis of the input must have the length {kernel.shape[0]}, for a kernel of shape "
            f"{kernel.shape}; got shape {x.shape}."
        )
    return TensorSpec((*x.shape[:-1], kernel.shape[-1]), x.dtype)
