"""The cross-entropies as one op each, including the softmax or sigmoid for logits."""

from __future__ import annotations

from typing import Any

from hilevel.config import epsilon
from hilevel.engine import dtypes
from hilevel.engine.op import composite, op, rounded, to_array
from hilevel.engine.spec import TensorSpec, agree, like
from hilevel.engine.types import Array, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.elementwise import clip
from hilevel.ops.numpy.indexing import own_elements, pick
from hilevel.ops.numpy.reduction import sum
from hilevel.ops.numpy.shaping import moveaxis
from hilevel.ops.numpy.transcendental import log

# The ops take the classes in the last axis. The public functions move the axis there.


def _exponentials(xp: Namespace, logits: Array) -> tuple[Array, Array, Array]:
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    e = xp.exp(shifted)
    return shifted, e, xp.sum(e, axis=-1, keepdims=True)


@op
def softmax_crossentropy(xp: Namespace, logits: Tensor, target: Tensor) -> Tensor:
    return _softmax_crossentropy_with_residuals(xp, logits, target)[0]


@softmax_crossentropy.residuals
def _softmax_crossentropy_with_residuals(
    xp: Namespace, logits: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    shifted, e, total = _exponentials(xp, logits)
    return xp.sum(target * (xp.log(total) - shifted), axis=-1), e / total


@softmax_crossentropy.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, logits: Tensor, target: Tensor, residuals: Tensor | None = None
) -> Any:
    g = g[..., None]
    if residuals is None:
        _, e, total = _exponentials(xp, logits)
        residuals = e / total

    def of_target() -> Tensor:
        shifted, _, total = _exponentials(xp, logits)
        return g * (xp.log(total) - shifted)

    return (lambda: g * (residuals * xp.sum(target, axis=-1, keepdims=True) - target)), of_target


@op
def sparse_softmax_crossentropy(xp: Namespace, logits: Tensor, target: Tensor) -> Tensor:
    return _sparse_with_residuals(xp, logits, target)[0]


@sparse_softmax_crossentropy.residuals
def _sparse_with_residuals(xp: Namespace, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    shifted, e, total = _exponentials(xp, logits)
    own = own_elements(xp, shifted, target)
    e /= total
    return xp.log(total)[..., 0] - own, e


@sparse_softmax_crossentropy.gradient
def _(
    xp: Namespace, g: Tensor, y: Tensor, logits: Tensor, target: Tensor, residuals: Tensor | None = None
) -> Any:
    if residuals is None:
        _, e, total = _exponentials(xp, logits)
        residuals = e / total
    hot = target[..., None] == xp.arange(logits.shape[-1]).astype(target.dtype)
    return g[..., None] * (residuals - hot), None


for _fused in (softmax_crossentropy, sparse_softmax_crossentropy):
    _fused.shape(lambda logits, target: TensorSpec(logits.shape[:-1], logits.dtype))


def _classes_last(x: Tensor, axis: int) -> Tensor:
    return x if axis in (-1, len(x.shape) - 1) else moveaxis(x, axis, -1)


@composite
@rounded
def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return `-sum(target * log(output))` over the classes, of the shape of `target` without the class axis.

    Args:
        target: probabilities or one-hot vectors, of shape `(..., classes)`.
        output: probabilities, or logits, of the same shape.
        from_logits: whether `output` has logits.
        axis: the axis of the classes.

    >>> ops.categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]))
    array([0.69314718])

    Raises:
        ShapeError: the shapes differ.
    """
    target, output = dtypes.to_float((to_array(target), to_array(output)))
    if not agree(target.shape, output.shape):
        raise ShapeError(
            "categorical_crossentropy expects targets and outputs of equal shapes; got "
            f"{tuple(target.shape)} and {tuple(output.shape)}. For integer targets use "
            "sparse_categorical_crossentropy."
        )
    target, output = _classes_last(target, axis), _classes_last(output, axis)
    if from_logits:
        return softmax_crossentropy(output, target)
    output = output / sum(output, axis=-1, keepdims=True)
    return -sum(target * log(clip(output, epsilon(), 1 - epsilon())), axis=-1)


@composite
def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return `-log(output[target])` for integer labels, of the shape of `output` without the class axis.

    Args:
        target: labels of shape `(...)` or `(..., 1)`.
        output: probabilities, or logits, of shape `(..., classes)`.
        from_logits: whether `output` has logits.
        axis: the axis of the classes.

    >>> ops.sparse_categorical_crossentropy(np.array([1]), np.array([[0.5, 0.5]]))
    array([0.69314718])

    Raises:
        ShapeError: the shapes do not match.
    """
    target, output = to_array(target), to_array(output)
    output = _classes_last(output, axis)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = target[..., 0]
    if not agree(target.shape, output.shape[:-1]):
        raise ShapeError(
            "sparse_categorical_crossentropy expects integer targets of the output's shape without its "
            f"last axis; got {tuple(target.shape)} for an output of shape {tuple(output.shape)}. For "
            "one-hot targets use categorical_crossentropy."
        )
    target = target.astype(dtypes.INT32)
    if not dtypes.is_float(output.dtype):
        (output,) = dtypes.to_float((output,))
    return _of_labels(output, target, from_logits)


@rounded
def _of_labels(output: Tensor, target: Tensor, from_logits: bool) -> Tensor:
    if from_logits:
        return sparse_softmax_crossentropy(output, target)
    own = pick(output, target)
    own = own / sum(output, axis=-1)
    return -log(clip(own, epsilon(), 1 - epsilon()))


@op(shape=lambda output, target: like(output))
def _sigmoid_crossentropy(xp: Namespace, output: Tensor, target: Tensor) -> Tensor:
    return xp.maximum(output, 0) - output * target + xp.log1p(xp.exp(-xp.abs(output)))


@_sigmoid_crossentropy.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, output: Tensor, target: Tensor) -> Any:
    return (lambda: g * (0.5 * xp.tanh(0.5 * output) + 0.5 - target)), (lambda: -g * output)


@op(shape=lambda output, target, small: like(output))
def _bernoulli_crossentropy(xp: Namespace, output: Tensor, target: Tensor, /, small: float) -> Tensor:
    p = xp.clip(output, small, 1 - small)
    return -(target * xp.log(p) + (1 - target) * xp.log(1 - p))


@_bernoulli_crossentropy.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, output: Tensor, target: Tensor, small: float) -> Any:
    p = xp.clip(output, small, 1 - small)
    return (lambda: g * (p == output) * (p - target) / (p * (1 - p))), (
        lambda: g * (xp.log(1 - p) - xp.log(p))
    )


@composite
@rounded
def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """Return `-target * log(output) - (1 - target) * log(1 - output)`, element-wise.

    Args:
        target: labels or probabilities from 0 to 1, of any shape.
        output: probabilities, or logits, of the same shape.
        from_logits: whether `output` has logits.

    >>> ops.binary_crossentropy(np.array([1.0]), np.array([0.5]))
    array([0.69314718])

    Raises:
        ShapeError: the shapes differ.
    """
    target, output = dtypes.to_float((to_array(target), to_array(output)))
    if not agree(target.shape, output.shape):
        raise ShapeError(
            "binary_crossentropy expects targets and outputs of equal shapes; got "
            f"{tuple(target.shape)} and {tuple(output.shape)}."
        )
    if from_logits:
        return _sigmoid_crossentropy(output, target)
    return _bernoulli_crossentropy(output, target, small=epsilon())
