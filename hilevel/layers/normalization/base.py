"""The base of layers that normalize, and moments over unmasked elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hilevel import masks, ops
from hilevel.engine.settings import settings
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import (
    flags,
    number,
    set_weight_settings,
)
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, RegularizerLike


class BaseNormalization(Layer):
    """The base of layers with trainable `gamma` and `beta`."""

    gamma: Variable | None
    beta: Variable | None

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: InitializerLike,
        gamma_initializer: InitializerLike,
        beta_regularizer: RegularizerLike,
        gamma_regularizer: RegularizerLike,
        beta_constraint: ConstraintLike,
        gamma_constraint: ConstraintLike,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.autocast = False  # float32 inputs may be beyond the range of float16
        name = type(self).__name__
        flags(name, center=center, scale=scale)
        self.epsilon, self.center, self.scale = number(name, "epsilon", epsilon, 0), center, scale
        set_weight_settings(
            self, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint, gamma_constraint=gamma_constraint,
        )  # fmt: skip

    def make_gamma_and_beta(
        self, shape: Sequence[int], scale: bool | None = None, center: bool | None = None
    ) -> None:
        """Make `gamma` and `beta`; by default if the arguments `scale` and `center` of the layer are set."""
        has_gamma, has_beta = (
            self.scale if scale is None else scale,
            self.center if center is None else center,
        )
        self.gamma = self.add_weight("gamma", shape, autocast=False) if has_gamma else None
        self.beta = self.add_weight("beta", shape, autocast=False) if has_beta else None

    def gamma_and_beta(self, shape: Sequence[int], *axes: int) -> list[Tensor | None]:
        """Return `gamma` and `beta`, or None, in a shape that broadcasts along all but the given axes."""
        view = view_along(shape, axes)
        return [None if a is None else ops.reshape(a, view) for a in (self.gamma, self.beta)]


def view_along(shape: Sequence[int], axes: Iterable[int]) -> list[int]:
    """Return a shape with the sizes of the axes, and 1 for all others."""
    view = [1] * len(shape)
    for axis in axes:
        view[axis] = shape[axis]
    return view


def scaled(y: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    """Return `gamma * y + beta`, without a factor or term that is None."""
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def axis_size(layer: Layer, shape: Shape, axis: int) -> int:
    """Return the size of an axis.

    Raises:
        ShapeError: the axis does not exist, or its size is unknown.
    """
    if not -len(shape) <= axis < len(shape) or shape[axis] is None:
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" needs the size of axis {axis} of its input, '
            f"whose shape is {shape}. Give it in Input(shape=...)."
        )
    return int(shape[axis] or 0)


def spec_along(axes: Iterable[int], sizes: dict[int, int]) -> InputSpec:
    """Return an `InputSpec` for inputs of any rank that has the axes, with their sizes."""
    return InputSpec(min_ndim=max(axis + 1 if axis >= 0 else -axis for axis in axes), axes=sizes)


def masked_moments(
    x: Tensor, mask: Tensor, axes: Iterable[int], keepdims: bool = True
) -> tuple[Tensor, Tensor]:
    """Return mean and variance over axes, of the elements that a mask of the leading axes keeps."""
    axes = tuple(axes)
    weights = masks.expand_to_rank(ops.cast(mask, x.dtype), len(x.shape))
    weights = ops.broadcast_to(weights, [n if i in axes else weights.shape[i] for i, n in enumerate(x.shape)])
    total = ops.sum(weights, axis=axes, keepdims=True) + settings.epsilon
    mean = ops.sum(weights * x, axis=axes, keepdims=True) / total
    variance = ops.sum(weights * ops.square(x - mean), axis=axes, keepdims=True) / total
    return (mean, variance) if keepdims else (ops.squeeze(mean, axes), ops.squeeze(variance, axes))


def standardized(
    x: Tensor,
    axes: Iterable[int],
    epsilon: float,
    mask: Tensor | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> Tensor:
    """Return `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the moments over axes of unmasked steps."""
    axes = [axis % len(x.shape) for axis in axes]
    if mask is None or not any(0 < axis < len(mask.shape) for axis in axes):
        return ops.standardize(x, axes, epsilon, gamma, beta)[0]
    mean, variance = masked_moments(x, mask, axes)
    return scaled((x - mean) * ops.rsqrt(variance + epsilon), gamma, beta)


def at_least_float32(layer: Layer, x: Tensor) -> Tensor:
    """Return a tensor in the layer's compute dtype, but at least in float32, as statistics need it."""
    return in_dtype("float64" if layer.compute_dtype == "float64" else "float32", x)


def in_dtype(dtype: str, x: Tensor) -> Tensor:
    """Return a tensor in a dtype, without a copy if it has the dtype."""
    return x if x.dtype == dtype else x.astype(dtype)
