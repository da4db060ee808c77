"""Losses that compare sets: the overlap of masks, and the similarity of embeddings of a class."""

from __future__ import annotations

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.types import Axis, DTypeLike, Tensor, TensorLike
from hilevel.losses.base import LossFunctionWrapper, match_shapes
from hilevel.losses.regression import MEAN


def dice(y_true: TensorLike, y_pred: TensorLike, axis: Axis = None) -> Tensor:
    """Return the Dice loss, `1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`.

    Source: Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation"
    (2016).

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape.
        axis: the axes of the sums; by default all.

    >>> hilevel.losses.dice([[1.0, 0.0]], [[0.5, 0.5]])
    np.float32(0.5)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "dice")
    overlap = ops.sum(y_true * y_pred, axis=axis)
    total = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1 - 2 * overlap / (total + epsilon())


def tversky(
    y_true: TensorLike, y_pred: TensorLike, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None
) -> Tensor:
    """Return the Tversky loss, `1 - overlap / (overlap + alpha * missed + beta * wrong)`.

    `missed` is the sum of `y_true * (1 - y_pred)`, `wrong` the sum of `(1 - y_true) * y_pred`. With `alpha` and
    `beta` 1/2 it is the Dice loss. Source: Salehi et al., "Tversky loss function for image segmentation" (2017).

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape.
        alpha: the weight of `missed`.
        beta: the weight of `wrong`.
        axis: the axes of the sums; by default all.

    >>> hilevel.losses.tversky([[1.0, 0.0]], [[0.0, 0.5]])
    np.float32(1.0)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "tversky")
    overlap = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum(y_true * (1 - y_pred), axis=axis)
    wrong = ops.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - overlap / (overlap + missed * alpha + wrong * beta + epsilon())


def circle(
    y_true: TensorLike,
    y_pred: TensorLike,
    ref_labels: TensorLike | None = None,
    ref_embeddings: TensorLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Return the circle loss of each sample, which is small if embeddings are similar exactly within a class.

    Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization" (2020).

    Args:
        y_true: class indices, `(batch,)` or `(batch, 1)`.
        y_pred: embeddings of length 1, `(batch, size)`.
        ref_labels, ref_embeddings: the labels and embeddings to compare with, by default `y_true` and `y_pred`.
        remove_diagonal: whether a sample is not compared with itself.
        gamma: the scale of the similarities.
        margin: the relaxation factor, the distance of the optimum from the decision boundary.

    >>> hilevel.losses.circle(np.array([0, 0]), [[1.0, 0.0], [0.0, 1.0]], gamma=1.0)
    array([0., 0.], dtype=float32)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    others = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    same, different = _pairs(y_true, y_true if ref_labels is None else ref_labels, remove_diagonal)
    distance = ops.maximum(1 - ops.matmul(y_pred, ops.transpose(others)), 0.0)
    positive = -gamma * ops.maximum(margin + distance, 0.0) * (margin - distance)
    negative = gamma * ops.maximum(1 + margin - distance, 0.0) * (1 - margin - distance)
    return ops.softplus(_logsumexp(positive, same) + _logsumexp(negative, different))


def _pairs(labels: TensorLike, others: TensorLike, remove_diagonal: bool) -> tuple[Tensor, Tensor]:
    """Return two masks `(batch, others)`: the pairs of one class, and the pairs of two classes."""
    labels, others = (ops.reshape(ops.cast(x, "int32"), (-1,)) for x in (labels, others))
    same = ops.equal(labels[:, None], others[None, :])
    different = ops.logical_not(same)
    if remove_diagonal:
        itself = ops.eye(labels.shape[0], others.shape[0], dtype="bool")
        same = ops.logical_and(same, ops.logical_not(itself))
    return same, different


def _logsumexp(x: Tensor, where: Tensor) -> Tensor:
    """Return the logsumexp over the second axis, where the mask is true; -inf, with gradient 0, in rows without any."""
    some = ops.any(where, axis=1)
    where = ops.logical_or(where, ops.logical_not(some)[:, None])
    return ops.where(some, ops.logsumexp(ops.where(where, x, -1e30), axis=1), float("-inf"))


class Dice(LossFunctionWrapper):
    """The Dice loss, one minus the overlap of two masks: for segmentation with few foreground pixels.

    Source: Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation"
    (2016).

    Args:
        axis: the axes of the sums; by default all.

    >>> hilevel.losses.Dice()(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))
    np.float32(0.5)
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = "dice",
        axis: Axis = None,
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """The Tversky loss: a Dice loss in which missed and false elements have weights of their own.

    Source: Salehi et al., "Tversky loss function for image segmentation" (2017).

    Args:
        alpha: the weight of the missed elements, `sum(y_true * (1 - y_pred))`.
        beta: the weight of the false elements, `sum((1 - y_true) * y_pred)`.
        axis: the axes of the sums; by default all.

    >>> hilevel.losses.Tversky()(np.array([[1.0, 0.0]]), np.array([[0.0, 0.5]]))
    np.float32(1.0)
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = MEAN,
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: DTypeLike = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(LossFunctionWrapper):
    """The circle loss on embeddings of length 1, with class indices as targets. Means are over losses above 0.

    Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization" (2020).

    Args:
        gamma: the scale of the similarities.
        margin: the relaxation factor, the distance of the optimum from the decision boundary.
        remove_diagonal: whether a sample is not compared with itself.

    >>> loss = hilevel.losses.Circle(gamma=1.0)
    >>> loss(np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.float32(0.0)
    """

    integer_targets = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = MEAN,
        name: str | None = "circle",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction, name, dtype, **options)

    def mask(self, y_true: Tensor, values: Tensor) -> Tensor | None:
        """Return the mask of the losses above 0."""
        return values > 0
