"""Normalization by the moments of each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Config, Shape, Tensor
from hilevel.layers.base.checks import integers
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, Options, RegularizerLike
from hilevel.layers.normalization.base import (
    BaseNormalization,
    at_least_float32,
    axis_size,
    in_dtype,
    scaled,
    spec_along,
    standardized,
)


class LayerNormalization(BaseNormalization):
    """Layer normalization: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`. Ba et al., 2016.

    Args:
        axis: the axis or axes of the statistics, and of `gamma` and `beta`.
        epsilon: a small number, added to the variance.
        center, scale: whether to use `beta` and `gamma`.
        beta_initializer, gamma_initializer: the initializers of `beta` and `gamma`.
        beta_regularizer, gamma_regularizer: penalties on `beta` and `gamma`, added to the loss.
        beta_constraint, gamma_constraint: projections of `beta` and `gamma` after each update.
        rms_scaling: True for `gamma * x / sqrt(variance + epsilon)`, without the mean and `beta`.

    >>> import hilevel
    >>> hilevel.layers.LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]]))
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **kwargs: Unpack[Options],
    ) -> None:
        self.rms_scaling = bool(kwargs.pop("rms_scaling", False))  # type: ignore[typeddict-item]
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis = integers("LayerNormalization", "axis", axis)

    def get_config(self) -> Config:
        """Return the arguments of the constructor as plain data, for `from_config`."""
        return super().get_config() | ({"rms_scaling": True} if self.rms_scaling else {})

    def build(self, input_shape: Shape) -> None:
        """Make `gamma` and `beta`."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        sizes = {a: axis_size(self, input_shape, a) for a in axes}
        scale, center = (True, False) if self.rms_scaling else (self.scale, self.center)
        self.make_gamma_and_beta(list(sizes.values()), scale, center)
        self.input_spec = spec_along(axes, sizes)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the normalized inputs, in the same shape. Masked steps are not part of the statistics."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        x, weights = at_least_float32(self, inputs), self.gamma_and_beta(inputs.shape, *axes)
        if self.rms_scaling:
            variance = ops.var(x, axis=tuple(axes), keepdims=True)
            return in_dtype(self.compute_dtype, scaled(x * ops.rsqrt(variance + self.epsilon), *weights))
        return in_dtype(self.compute_dtype, standardized(x, axes, self.epsilon, mask, *weights))
