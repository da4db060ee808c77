"""Normalization by the moments of groups of channels."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.layers.base.checks import bad_setting, integer, is_integer
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, Options, RegularizerLike
from hilevel.layers.normalization.base import (
    BaseNormalization,
    at_least_float32,
    axis_size,
    in_dtype,
    scaled,
    standardized,
)


class GroupNormalization(BaseNormalization):
    """Group normalization: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`. Wu and He, 2018.

    Each sample has a mean and a variance for each group, over the group's features and all other axes.

    Args:
        groups: the number of groups of consecutive features; -1 for a group for each feature.
        axis: the axis of the features.
        epsilon: a small number, added to the variance.
        center, scale: whether to use `beta` and `gamma`.
        beta_initializer, gamma_initializer: the initializers of `beta` and `gamma`.
        beta_regularizer, gamma_regularizer: penalties on `beta` and `gamma`, added to the loss.
        beta_constraint, gamma_constraint: projections of `beta` and `gamma` after each update.

    >>> import hilevel
    >>> layer = hilevel.layers.GroupNormalization(2, epsilon=0.0)
    >>> layer(np.array([[1.0, 3.0, 10.0, 20.0]]))
    array([[-1.,  1., -1.,  1.]], dtype=float32)

    Raises:
        ValueError: `groups` is neither a positive integer nor -1; or, at the first call, does not divide the features.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        if not is_integer(groups, 1) and groups != -1:
            raise bad_setting(
                "GroupNormalization", "groups", "a positive integer, or -1 for groups of one", groups
            )
        self.groups, self.axis = int(groups), integer("GroupNormalization", "axis", axis)

    def build(self, input_shape: Shape) -> None:
        """Make `gamma` and `beta`."""
        size = axis_size(self, input_shape, self.axis)
        if self.groups == -1:
            self.groups = size
        if size % self.groups:
            raise ValueError(
                f'GroupNormalization "{self.name}": {size} features cannot be divided into {self.groups} '
                "groups of equal size."
            )
        self.make_gamma_and_beta((size,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the normalized inputs, in the same shape. Masked steps are not part of the statistics."""
        shape, axis = tuple(inputs.shape), self.axis % len(inputs.shape)
        parts = (self.groups, shape[axis] // self.groups)
        x = ops.reshape(at_least_float32(self, inputs), (*shape[:axis], *parts, *shape[axis + 1 :]))
        over = [i for i in range(1, len(shape) + 1) if i != axis]
        y = standardized(x, over, self.epsilon, mask)
        return in_dtype(self.compute_dtype, scaled(ops.reshape(y, shape), *self.gamma_and_beta(shape, axis)))
