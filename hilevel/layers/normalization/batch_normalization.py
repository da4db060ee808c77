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
from hilevel.layers.base.settings import Options
from hilevel.layers.normalization.base import (
    BaseNormalization,
    at_least_float32,
    axis_size,
    in_dtype,
    masked_moments,
)


class BatchNormalization(BaseNormalization):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, the statistics over the batch. Ioffe and Szegedy, 2015.

    In training the batch's own mean and variance are used, and running averages of them are kept; otherwise, and where
    `trainable` is False, those averages are.

    Args:
        axis: the axis of the features, which keeps its statistics apart.
        momentum: how much of the running averages stays at each batch.
        epsilon: added to the variance.
        center, scale: whether there are `beta` and `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how they begin.
        beta_regularizer, gamma_regularizer: penalties, added to the loss.
        beta_constraint, gamma_constraint: what they are passed through after each update.
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
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
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
        """Make `gamma`, `beta` and the running averages."""
        size = axis_size(self, input_shape, self.axis)
        self.make_gamma_and_beta((size,))
        kept: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight("moving_mean", (size,), **kept)
        self.moving_variance = self.add_weight("moving_variance", (size,), **kept)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """The normalised inputs, of their shape. `mask`, of the leading axes, leaves samples out of the statistics."""
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
        self._keep(self.moving_mean, mean)
        self._keep(self.moving_variance, variance)
        return in_dtype(self.compute_dtype, y)

    def _keep(self, average: Variable, value: Tensor) -> None:
        value = ops.stop_gradient(value)
        average.assign(average * self.momentum + value * (1 - self.momentum))
