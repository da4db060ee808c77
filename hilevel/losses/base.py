"""The base of losses: checks of shapes, weights, and the reduction to a scalar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self, TypeAlias

from hilevel import dtype_policies, losses, ops
from hilevel.api import serialization
from hilevel.api.configurable import Configurable
from hilevel.api.registry import snake_case
from hilevel.config import floatx
from hilevel.engine.names import unique_name
from hilevel.engine.types import Config, DType, DTypeLike, Function, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.masks import all_of, mask_of

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss(Configurable):
    """Base of losses, which compare predictions with targets.

    A subclass defines `call(y_true, y_pred)`, which returns the loss of each sample. The base class casts, weights
    and reduces. A loss is called as `loss(y_true, y_pred, sample_weight=None)`.

    Args:
        name: the name, by default made from the class.
        reduction: the reduction of the weighted values of the samples. `"sum_over_batch_size"` and `"mean"` divide
            their sum by their number, `"mean_with_sample_weight"` by the sum of the weights. `"sum"` adds them, and
            `"none"` or None returns them unreduced.
        dtype: the dtype of the computation, by default floatx.

    >>> class Worst(hilevel.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.max(ops.abs(y_true - y_pred), axis=-1)
    >>> Worst()(np.zeros((2, 2)), np.array([[1.0, -3.0], [1.0, 0.0]]))
    np.float32(2.0)

    Raises:
        ValueError: the reduction is unknown.
    """

    integer_targets = False
    """True if targets are class indices, which are passed to `call` without a cast."""

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: DTypeLike = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"`reduction` must be one of {', '.join(map(repr, REDUCTIONS))}; got {reduction!r}."
            )
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.reduction = reduction
        self._dtype: DType = dtype_policies.get(dtype or floatx()).compute
        self._own_dtype = dtype is not None

    @property
    def dtype(self) -> str:
        """The name of the dtype that the loss is computed in."""
        return str(self._dtype.name)

    def widen(self, dtype: DType) -> None:
        """Compute in float64 from now on if predictions have this dtype, unless the constructor was given a dtype."""
        if dtype.name == "float64" and not self._own_dtype:
            self._dtype = dtype

    def __call__(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> Tensor:
        counted = mask_of(y_pred)
        y_pred = cast_all(y_pred, self._dtype)
        y_true = y_true if self.integer_targets else cast_all(y_true, self._dtype)
        values = self.call(y_true, y_pred)
        mask = all_of([counted, self.mask(y_true, values)])
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        raise NotImplementedError(f"{type(self).__name__} has no call(y_true, y_pred).")

    def mask(self, y_true: Tensor, values: Tensor) -> Tensor | None:
        """Return the mask of the values that count, in their shape; None for all."""
        return None

    def get_config(self) -> Config:
        """Return the constructor's arguments, as plain data."""
        config = super().get_config()
        if config.get("dtype") == floatx():
            del config["dtype"]
        return config

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


LossLike: TypeAlias = Loss | str | Function | Config | None
"""A loss as `compile` accepts it: an object, a name, a function `(y_true, y_pred)`, a config, or None."""


class LossFunctionWrapper(Loss):
    """The loss of a function `fn(y_true, y_pred, **kwargs)` that returns a value for each sample.

    Args:
        fn: the function.
        reduction: as in `Loss`.
        name: the name, by default made from the class.
        dtype: the dtype of the computation, by default floatx.
        **kwargs: further arguments of the function.

    >>> from hilevel.losses.base import LossFunctionWrapper
    >>> loss = LossFunctionWrapper(lambda y_true, y_pred: ops.abs(y_true - y_pred), name="distance")
    >>> loss(np.array([1.0]), np.array([3.0]))
    np.float32(2.0)
    """

    def __init__(
        self,
        fn: Function,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.fn = fn
        self.options = kwargs
        vars(self).update(kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the values of the function."""
        if not self.integer_targets and hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.options)

    def get_config(self) -> Config:
        """Return the constructor's arguments, the function by its name."""
        config = super().get_config()
        return config | serialization.plain(self.options) if "fn" in config else config

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the loss that `get_config` described."""
        fn = config.get("fn")
        if isinstance(fn, (str, dict)):
            config = {**config, "fn": losses.get(fn)}
        return cls(**config)


# -- shapes and dtypes ------------------------------------------------------------------------------


def cast_to(x: TensorLike, dtype: DType | None = None) -> Tensor:
    """Return the tensor in a dtype, without a copy if it has the dtype."""
    x = ops.convert_to_tensor(x)
    return x if dtype is None or x.dtype == dtype else ops.cast(x, dtype)


def cast_all(x: TensorLike, dtype: DType) -> Any:
    """Return the result of `cast_to` for each tensor of a dict, or of a list of tensors."""
    if isinstance(x, dict):
        return {key: cast_all(value, dtype) for key, value in x.items()}
    if isinstance(x, (list, tuple)) and any(hasattr(i, "shape") or isinstance(i, dict) for i in x):
        items = [cast_all(i, dtype) for i in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return cast_to(x, dtype)


def same_rank(a: Tensor, b: Tensor, expand: bool = True) -> tuple[Tensor, Tensor]:
    """Return two tensors with equally many axes, of which one may have a last axis of length 1 more.

    The axis is dropped. Beside a tensor of one axis it is kept instead, and added to the other if `expand`."""
    difference = len(a.shape) - len(b.shape)
    if difference == 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if expand and len(b.shape) == 1 else (a[..., 0], b)
    if difference == -1:
        b, a = same_rank(b, a, expand) if b.shape[-1] == 1 else (b, a)
    return a, b


def shapes_match(a: Sequence[int | None], b: Sequence[int | None]) -> bool:
    """Return True if two shapes are equal, as far as they are known."""
    return len(a) == len(b) and all(m == n or m is None or n is None for m, n in zip(a, b, strict=True))


_HINT = "Reshape the targets, or give the model's last layer as many units as a target has values."


def match_shapes(
    y_true: TensorLike, y_pred: TensorLike, name: str, hint: str = _HINT
) -> tuple[Tensor, Tensor]:
    """Return targets and predictions as tensors of one shape, in the dtype of the predictions.

    Raises:
        ShapeError: the shapes differ by more than a last axis of length 1.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = cast_to(y_true, y_pred.dtype)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    a, b = same_rank(y_true, y_pred)
    if not shapes_match(a.shape, b.shape):
        raise ShapeError(
            f"{name} expects y_true and y_pred of one shape, got y_true {tuple(y_true.shape)} and "
            f"y_pred {tuple(y_pred.shape)}. They are not broadcast: it would compare targets with "
            f"predictions for other samples. {hint}"
        )
    return a, b


# -- weights and reduction --------------------------------------------------------------------------


def apply_weights(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return values times weights, and the weights in the shape in which they were used.

    Weights of fewer axes belong to the first axes of the values.

    Raises:
        ShapeError: the weights do not fit.
    """
    shapes = f"{tuple(weights.shape)} for losses of shape {tuple(values.shape)}"
    values, weights = same_rank(values, weights)
    if values.shape and weights.shape and values.shape != weights.shape:
        missing = len(values.shape) - len(weights.shape)
        if missing > 0:
            weights = ops.reshape(weights, (*weights.shape, *(1,) * missing))
        if missing < 0 or any(w not in (1, v) for v, w in zip(values.shape, weights.shape, strict=True)):
            raise ShapeError(
                f"sample_weight has shape {shapes}. Expected the same shape, or one weight for each "
                f"sample: {tuple(values.shape[:1])}."
            )
    return values * weights, weights


def apply_mask(
    sample_weight: Tensor | None, mask: Tensor | None, dtype: DType, reduction: str | None
) -> Tensor | None:
    """Return weights that are 0 where the mask is false.

    For means they are larger elsewhere: the sum over all, divided by their number, is the mean where it is true."""
    if mask is None:
        return sample_weight
    factor = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        factor = factor * ops.divide_no_nan(ops.cast(math.prod(factor.shape), dtype), ops.sum(factor))
    if sample_weight is None:
        return factor
    factor, sample_weight = same_rank(factor, cast_to(sample_weight, dtype))
    return apply_weights(factor, sample_weight)[0]


def reduce_weighted_values(
    values: Tensor,
    sample_weight: TensorLike | None = None,
    mask: Tensor | None = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: DType | None = None,
) -> Tensor:
    """Return the values times weight and mask, reduced.

    Raises:
        ShapeError: the weights do not fit the values.
    """
    values = cast_to(values, dtype)
    sample_weight = None if sample_weight is None else cast_to(sample_weight, values.dtype)
    sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = apply_weights(values, sample_weight)
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    if reduction == "sum" or 0 in values.shape:
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(sample_weight))
    return ops.mean(values)
