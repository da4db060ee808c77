"""Losses for classes and distributions: cross-entropies, divergences, counts."""

from __future__ import annotations

from typing import Any

from hilevel import ops
from hilevel.config import epsilon
from hilevel.engine.context import context
from hilevel.engine.ranges import expect_fractions, expect_indices
from hilevel.engine.types import DTypeLike, Tensor, TensorLike
from hilevel.errors import ConstantOutputWarning, warn
from hilevel.losses.base import LossFunctionWrapper, match_shapes
from hilevel.losses.regression import MEAN
from hilevel.ops.nn.scores import scores_of
from hilevel.ops.numpy.indexing import pick

_ONE_HOT = (
    "For targets that are class indices use the sparse_categorical_crossentropy loss; else make them one-hot "
    "with hilevel.utils.to_categorical."
)
_BINARY = "For more than two classes use the (sparse_)categorical_crossentropy loss."


# -- targets ----------------------------------------------------------------------------------------


def check_labels(y_true: TensorLike, classes: int, name: str, ignore_class: int | None = None) -> None:
    """Declare that targets are labels from 0 to `classes - 1`.

    Raises:
        OutOfRangeError: an array on the host has another label.
    """
    advice = (
        "Count classes from 0, give the last layer one unit for each class, or name a label to be left out as "
        "`ignore_class`."
    )
    expect_indices(y_true, classes, f"{name}: label", advice, ignore_class)


def check_binary(y_true: TensorLike, name: str) -> None:
    """Declare that targets are from 0 to 1, apart from noise: above -0.5 and below 1.5.

    Raises:
        OutOfRangeError: an array on the host has another target.
    """
    advice = (
        "For targets -1 and 1 give (y + 1) / 2, or use the hinge loss. For class indices use the "
        "sparse_categorical_crossentropy loss. For missing targets give 0, and 0 as their sample_weight."
    )
    expect_fractions(y_true, f"{name}: target", advice)


def _one_hot_targets(y_true: TensorLike, y_pred: TensorLike, name: str, axis: int) -> tuple[Tensor, Tensor]:
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be an integer; got {axis}.")
    y_true, y_pred = match_shapes(y_true, y_pred, name, _ONE_HOT)
    if y_pred.shape[axis] == 1 and not context.interpreter.infers_shapes:
        warn(_ONE_CLASS.format(name=name), ConstantOutputWarning)
    return y_true, y_pred


_ONE_CLASS = (
    "{name} of one class is always 0: y_pred has length 1 on the axis of the classes. For two classes and one output "
    'use binary_crossentropy and activation="sigmoid"; for more give the last layer one unit for each class.'
)


def _scores(y_pred: TensorLike, from_logits: bool, axis: int) -> tuple[Any, bool]:
    """Return the scores of probabilities that a layer made by a softmax, and True; else the arguments."""
    scores = None if from_logits or axis != -1 else scores_of(y_pred)
    return (y_pred, from_logits) if scores is None else (scores, True)


def _smooth(y_true: Tensor, label_smoothing: float, classes: int) -> Tensor:
    """Return the targets mixed with the uniform distribution."""
    return y_true * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def class_indices(y_true: TensorLike, y_pred: Tensor, axis: int, name: str, ignore: int | None) -> Tensor:
    """Return class indices without the axis of length 1 in place of the classes."""
    check_labels(y_true, y_pred.shape[axis], name, ignore)
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    return y_true


# -- functions --------------------------------------------------------------------------------------


def categorical_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return `-sum(y_true * log(y_pred))` over the classes, for one-hot targets or distributions.

    Args:
        y_true: one-hot targets or distributions, `(..., classes)`.
        y_pred: probabilities, or logits, in the shape of `y_true`.
        from_logits: whether `y_pred` is logits, the scores before the softmax: more exact and faster.
        label_smoothing: the fraction of the uniform distribution in the smoothed targets.
        axis: the axis of the classes.

    >>> hilevel.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    array([0.6931472], dtype=float32)

    Raises:
        ShapeError: the shapes differ.
    """
    y_pred, from_logits = _scores(y_pred, from_logits, axis)
    y_true, y_pred = _one_hot_targets(y_true, y_pred, "categorical_crossentropy", axis)
    y_true = _smooth(y_true, label_smoothing, y_true.shape[axis])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return a cross-entropy in which classes that are predicted well count less, for one-hot targets.

    `sum(alpha * (1 - y_pred)**gamma * -y_true * log(y_pred))`.
    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017).

    Args:
        y_true: one-hot targets or distributions, `(..., classes)`.
        y_pred: probabilities, or logits, in the shape of `y_true`.
        alpha: a factor of the loss.
        gamma: the exponent that lowers the loss of samples that are predicted well.
        from_logits: whether `y_pred` is logits, the scores before the softmax.
        label_smoothing: the fraction of the uniform distribution in the smoothed targets.
        axis: the axis of the classes.

    >>> hilevel.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    array([0.0433217], dtype=float32)

    Raises:
        ShapeError: the shapes differ.
    """
    y_true, y_pred = _one_hot_targets(y_true, y_pred, "categorical_focal_crossentropy", axis)
    y_true = _smooth(y_true, label_smoothing, y_true.shape[axis])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.clip(y_pred / ops.sum(y_pred, axis=axis, keepdims=True), epsilon(), 1 - epsilon())
    return ops.sum(alpha * (1 - p) ** gamma * -y_true * ops.log(p), axis=axis)


def sparse_categorical_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Return `-log(y_pred[y_true])` for targets that are class indices; 0 where a target is `ignore_class`.

    Args:
        y_true: class indices, in the shape of `y_pred` without the axis of the classes, or with length 1 there.
        y_pred: probabilities, or logits, `(..., classes)`.
        from_logits: whether `y_pred` is logits, the scores before the softmax.
        ignore_class: a label whose elements have the loss 0.
        axis: the axis of the classes.

    >>> hilevel.losses.sparse_categorical_crossentropy(np.array([1]), [[0.5, 0.5]])
    array([0.6931472], dtype=float32)

    Raises:
        ShapeError: the shapes do not fit.
        OutOfRangeError: a target on the host is no class index.
    """
    y_pred, from_logits = _scores(ops.convert_to_tensor(y_pred), from_logits, axis)
    name = "sparse_categorical_crossentropy"
    y_true = class_indices(y_true, y_pred, axis, name, ignore_class)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    valid = ops.not_equal(y_true, ignore_class)
    y_true = ops.where(valid, y_true, 0)
    values = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    return ops.where(valid, values, 0.0)


def binary_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return `mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred))` over an axis, for targets 0 and 1.

    Each column is a decision of its own between 0 and 1.

    Args:
        y_true: targets from 0 to 1, `(..., n)`.
        y_pred: probabilities, or logits, in the shape of `y_true`.
        from_logits: whether `y_pred` is logits, the scores before the sigmoid.
        label_smoothing: the fraction of 1/2 in the smoothed targets.
        axis: the axis of the mean.

    >>> hilevel.losses.binary_crossentropy([[1.0]], [[0.5]])
    array([0.6931472], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
        OutOfRangeError: a target on the host is -0.5 or less, or 1.5 or more.
    """
    check_binary(y_true, "binary_crossentropy")
    y_true, y_pred = match_shapes(y_true, y_pred, "binary_crossentropy", _BINARY)
    y_true = _smooth(y_true, label_smoothing, 2)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return the binary cross-entropy times `(1 - p)**gamma`, with `p` the probability of the right class.

    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017).

    Args:
        y_true: targets from 0 to 1, `(..., n)`.
        y_pred: probabilities, or logits, in the shape of `y_true`.
        apply_class_balancing: whether targets 1 have the weight `alpha`, and targets 0 the weight `1 - alpha`.
        alpha: the weight of targets 1.
        gamma: the exponent that lowers the loss of samples that are predicted well.
        from_logits: whether `y_pred` is logits, the scores before the sigmoid.
        label_smoothing: the fraction of 1/2 in the smoothed targets.
        axis: the axis of the mean.

    >>> hilevel.losses.binary_focal_crossentropy([[1.0]], [[0.5]])
    array([0.1732868], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
        OutOfRangeError: a target on the host is -0.5 or less, or 1.5 or more.
    """
    check_binary(y_true, "binary_focal_crossentropy")
    y_true, y_pred = match_shapes(y_true, y_pred, "binary_focal_crossentropy", _BINARY)
    y_true = _smooth(y_true, label_smoothing, 2)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    values = (1 - right) ** gamma * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return ops.mean(values, axis=axis)


def categorical_generalized_cross_entropy(y_true: TensorLike, y_pred: TensorLike, q: float) -> Tensor:
    """Return `(1 - p**q) / q`, with `p` the probability of the target class: robust against wrong labels.

    Near `q = 0` it is the cross-entropy, near `q = 1` the absolute error.
    Source: Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels"
    (2018).

    Args:
        y_true: class indices, `(...)` or `(..., 1)`.
        y_pred: probabilities, `(..., classes)`.
        q: the exponent, between 0 and 1.

    >>> hilevel.losses.categorical_generalized_cross_entropy(np.array([1]), [[0.75, 0.25]], q=0.5)
    array([1.], dtype=float32)

    Raises:
        OutOfRangeError: a target on the host is no class index.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = class_indices(y_true, y_pred, -1, "categorical_generalized_cross_entropy", None)
    own = pick(y_pred, ops.cast(y_true, "int32"))
    return (1 - own**q) / q


def kl_divergence(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return the Kullback-Leibler divergence `sum(y_true * log(y_true / y_pred))` over the last axis.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])
    array([0.14384106], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "kl_divergence")
    y_true, y_pred = ops.clip(y_true, epsilon(), 1), ops.clip(y_pred, epsilon(), 1)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Return `mean(y_pred - y_true * log(y_pred))` over the last axis, for counts with the expected value `y_pred`.

    Args:
        y_true, y_pred: targets and predictions, tensors of one shape `(..., n)`.

    >>> hilevel.losses.poisson([[1.0, 0.0]], [[1.0, 2.0]])
    array([1.5], dtype=float32)

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_true, y_pred = match_shapes(y_true, y_pred, "poisson")
    return ops.mean(y_pred - y_true * ops.log(y_pred + epsilon()), axis=-1)


# -- classes ----------------------------------------------------------------------------------------


class _ClassLoss(LossFunctionWrapper):
    """A loss over an axis of at least two classes."""

    axis = -1

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the values of the function. The pass over shapes before training refuses a single class.

        Raises:
            ValueError: `y_pred` has one class: the loss is always 0.
        """
        if context.interpreter.infers_shapes and y_pred.shape[self.axis] == 1:
            raise ValueError(_ONE_CLASS.format(name=self.name))
        return super().call(y_true, y_pred)


class CategoricalCrossentropy(_ClassLoss):
    """The cross-entropy `-sum(y_true * log(y_pred))`, for one-hot targets or distributions.

    Args:
        from_logits: whether predictions are logits, the scores before the softmax: more exact and faster.
        label_smoothing: the fraction of the uniform distribution in the smoothed targets, from 0 to 1.
        axis: the axis of the classes.

    >>> hilevel.losses.CategoricalCrossentropy()(np.array([[0, 1]]), np.array([[0.5, 0.5]]))
    np.float32(0.6931472)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **options)


class CategoricalFocalCrossentropy(_ClassLoss):
    """The cross-entropy for one-hot targets in which classes that are predicted well count less.

    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017).

    Args:
        alpha: a factor of the loss.
        gamma: the exponent that lowers the loss of samples that are predicted well; 0 lowers none.
        from_logits: whether predictions are logits, the scores before the softmax.
        label_smoothing: the fraction of the uniform distribution in the smoothed targets, from 0 to 1.
        axis: the axis of the classes.

    >>> hilevel.losses.CategoricalFocalCrossentropy()(np.array([[0, 1]]), np.array([[0.5, 0.5]]))
    np.float32(0.0433217)
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_focal_crossentropy",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        focus = {"alpha": alpha, "gamma": gamma}
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **focus, **options)


class SparseLoss(_ClassLoss):
    """A loss whose targets are class indices."""

    integer_targets = True
    ignore_class: int | None = None


class SparseCategoricalCrossentropy(SparseLoss):
    """The cross-entropy `-log(y_pred[y_true])` for targets that are class indices.

    Args:
        from_logits: whether predictions are logits, the scores before the softmax: more exact and faster.
        ignore_class: a label, -1 or 255 for example, whose samples do not count.
        axis: the axis of the classes.

    >>> hilevel.losses.SparseCategoricalCrossentropy()(np.array([1]), np.array([[0.5, 0.5]]))
    np.float32(0.6931472)
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = MEAN,
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **options)

    def mask(self, y_true: Tensor, values: Tensor) -> Tensor | None:
        """Return the mask of the targets other than `ignore_class`."""
        if self.ignore_class is None:
            return None
        return ops.reshape(ops.not_equal(y_true, self.ignore_class), values.shape)


class _BinaryLoss(LossFunctionWrapper):
    """A loss whose targets are 0 and 1."""

    def __call__(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> Tensor:
        check_binary(y_true, self.fn.__name__)
        return super().__call__(y_true, y_pred, sample_weight)


class BinaryCrossentropy(_BinaryLoss):
    """The cross-entropy for decisions between two classes, as targets 0 and 1.

    Args:
        from_logits: whether predictions are logits, the scores before the sigmoid: more exact and faster.
        label_smoothing: the fraction of 1/2 in the smoothed targets, from 0 to 1.
        axis: the axis over which the mean is taken.

    >>> hilevel.losses.BinaryCrossentropy()(np.array([[1]]), np.array([[0.5]]))
    np.float32(0.6931472)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **options)


class BinaryFocalCrossentropy(_BinaryLoss):
    """The cross-entropy for targets 0 and 1 in which samples that are predicted well count less.

    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017).

    Args:
        apply_class_balancing: whether targets 1 have the weight `alpha`, and targets 0 the weight `1 - alpha`.
        alpha: the weight of targets 1, from 0 to 1; used with `apply_class_balancing`.
        gamma: the exponent that lowers the loss of samples that are predicted well; 0 lowers none.
        from_logits: whether predictions are logits, the scores before the sigmoid.
        label_smoothing: the fraction of 1/2 in the smoothed targets, from 0 to 1.
        axis: the axis over which the mean is taken.

    >>> hilevel.losses.BinaryFocalCrossentropy()(np.array([[1]]), np.array([[0.5]]))
    np.float32(0.1732868)
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_focal_crossentropy",
        dtype: DTypeLike = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        focus = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **focus, **options)


class CategoricalGeneralizedCrossEntropy(SparseLoss):
    """The generalized cross-entropy `(1 - p**q) / q` for class indices as targets: robust against wrong labels.

    Source: Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels"
    (2018).

    Args:
        q: between 0 (cross-entropy) and 1 (absolute error), both excluded.

    >>> loss = hilevel.losses.CategoricalGeneralizedCrossEntropy(q=0.5)
    >>> loss(np.array([1]), np.array([[0.75, 0.25]]))
    np.float32(1.0)

    Raises:
        ValueError: `q` is not between 0 and 1.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = MEAN,
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: DTypeLike = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"`q` lies between 0 and 1, both excluded; got {q}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class KLDivergence(LossFunctionWrapper):
    """The Kullback-Leibler divergence `sum(y_true * log(y_true / y_pred))` between distributions.

    >>> hilevel.losses.KLDivergence()(np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]]))
    np.float32(0.14384106)
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "kl_divergence", dtype: DTypeLike = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """The Poisson loss `mean(y_pred - y_true * log(y_pred))`, for counts.

    >>> hilevel.losses.Poisson()(np.array([[1.0, 0.0]]), np.array([[1.0, 2.0]]))
    np.float32(1.5)
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = "poisson", dtype: DTypeLike = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)
