"""Normalization by the moments of the batch."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import (
    integer,
    number,
    set_unsupported,
    set_weight_settings,
)
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, Options, RegularizerLike
from hilevel.layers.normalization.base import (
    BaseNormalization,
    at_least_float32,
    axis_size,
    in_dtype,
    masked_moments,
)


class BatchNormalization(BaseNormalization):
    """Batch normalization: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`. Ioffe and Szegedy, 2015.

    In training the layer uses the mean and variance of the batch, and updates moving averages of both. Otherwise, and
    with `trainable=False`, it uses the moving averages.

    Args:
        axis: the axis of the features, each of which has its own statistics.
        momentum: the fraction of the moving averages that remains at each batch, from 0 to 1.
        epsilon: a small number, added to the variance.
        center, scale: whether to use `beta` and `gamma`.
        beta_initializer, gamma_initializer: the initializers of `beta` and `gamma`.
        moving_mean_initializer, moving_variance_initializer: the initializers of the moving averages.
        beta_regularizer, gamma_regularizer: penalties on `beta` and `gamma`, added to the loss.
        beta_constraint, gamma_constraint: projections of `beta` and `gamma` after each update.
        renorm, renorm_clipping, renorm_momentum, synchronized: not implemented; only the defaults are accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.BatchNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0], [3.0]]), training=True)
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        set_unsupported(
            self, renorm=bool(renorm), renorm_clipping=renorm_clipping, synchronized=bool(synchronized)
        )
        self.axis = integer("BatchNormalization", "axis", axis)
        self.momentum = number("BatchNormalization", "momentum", momentum, 0, 1)
        self.renorm_momentum = number("BatchNormalization", "renorm_momentum", renorm_momentum, 0, 1)
        set_weight_settings(
            self, moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
        )  # fmt: skip

    def build(self, input_shape: Shape) -> None:
        """Make `gamma`, `beta` and the moving averages."""
        size = axis_size(self, input_shape, self.axis)
        self.make_gamma_and_beta((size,))
        options: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight("moving_mean", (size,), **options)
        self.moving_variance = self.add_weight("moving_variance", (size,), **options)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Return the normalized inputs, in the same shape. `mask` has the leading axes of the inputs."""
        if not (training and self.trainable):
            return in_dtype(self.compute_dtype, ops.batch_normalization(
                at_least_float32(self, inputs), self.moving_mean, self.moving_variance, self.axis, self.beta,
                self.gamma, self.epsilon,
            ))  # fmt: skip
        x = at_least_float32(self, inputs)
        axes = [i for i in range(len(x.shape)) if i != self.axis % len(x.shape)]
        if mask is None:
            weights = self.gamma_and_beta(x.shape, self.axis)
            y, mean, variance = ops.standardize(x, axes, self.epsilon, *weights)
        else:
            mean, variance = masked_moments(x, mask, axes, keepdims=False)
            y = ops.batch_normalization(x, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)
        self._update_average(self.moving_mean, mean)
        self._update_average(self.moving_variance, variance)
        return in_dtype(self.compute_dtype, y)

    def _update_average(self, average: Variable, value: Tensor) -> None:
        value = ops.stop_gradient(value)
        average.assign(average * self.momentum + value * (1 - self.momentum))
