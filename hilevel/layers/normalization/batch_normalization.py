"""Normalization by the moments of the batch."""

from __future__ import annotations

import math
from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import DTypeLike, Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import bad_setting, flags, integer, number, set_weight_settings
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
        renorm: True for batch renormalization: in training, the normalized inputs are `r * x + d`, so that the output
            is as in inference. Ioffe, 2017.
        renorm_clipping: limits of `r` and `d`, a dict with any of `"rmin"`, `"rmax"` and `"dmax"`; none by default.
        renorm_momentum: the fraction of the averages for renormalization that remains at each batch, from 0 to 1.
        synchronized: whether all devices share their moments; without effect on one device.

    >>> import hilevel
    >>> layer = hilevel.layers.BatchNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0], [3.0]]), training=True)
    array([[-1.],
           [ 1.]], dtype=float32)

    Raises:
        ValueError: a setting is out of range, or `renorm_clipping` has another key or limits in the wrong order.
    """

    moving_mean_initializer: Any
    moving_variance_initializer: Any

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
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        flags("BatchNormalization", renorm=renorm, synchronized=synchronized)
        self.renorm, self.synchronized = renorm, synchronized
        self.renorm_clipping = _limits(renorm_clipping) if renorm else renorm_clipping
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
        if self.renorm:
            self.moving_stddev = self.add_weight(
                "moving_stddev", (size,), initializer=self._first_stddev, **options
            )
            self.renorm_mean = self.add_weight(
                "renorm_mean", (size,), initializer=self.moving_mean_initializer, **options
            )
            self.renorm_stddev = self.add_weight(
                "renorm_stddev", (size,), initializer=self._first_stddev, **options
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Return the normalized inputs, in the same shape. `mask` has the leading axes of the inputs."""
        if not (training and self.trainable):
            return in_dtype(self.compute_dtype, ops.batch_normalization(
                at_least_float32(self, inputs), self.moving_mean, self.moving_variance, self.axis, self.beta,
                self.gamma, self.epsilon,
            ))  # fmt: skip
        x = at_least_float32(self, inputs)
        if self.renorm:
            return in_dtype(self.compute_dtype, self._renormalized(x, mask))
        axes = self._other_axes(x)
        if mask is None:
            weights = self.gamma_and_beta(x.shape, self.axis)
            y, mean, variance = ops.standardize(x, axes, self.epsilon, *weights)
        else:
            mean, variance = masked_moments(x, mask, axes, keepdims=False)
            y = ops.batch_normalization(x, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)
        _update_average(self.moving_mean, mean, self.momentum)
        _update_average(self.moving_variance, variance, self.momentum)
        return in_dtype(self.compute_dtype, y)

    def _other_axes(self, x: Tensor) -> list[int]:
        return [i for i in range(len(x.shape)) if i != self.axis % len(x.shape)]

    def _first_stddev(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        """Return the first value of a standard deviation, by the initializer of the variance."""
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def _renormalized(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return the output in training with renormalization, and update all averages."""
        if mask is None:
            mean, variance = ops.moments(x, self._other_axes(x))
        else:
            mean, variance = masked_moments(x, mask, self._other_axes(x), keepdims=False)
        stddev = ops.sqrt(variance + self.epsilon)
        r, d = self._correction(ops.stop_gradient(mean), ops.stop_gradient(stddev))
        gamma, beta = (r, d) if self.gamma is None else (r * self.gamma, d * self.gamma)
        if self.beta is not None:
            beta = beta + self.beta
        y = ops.batch_normalization(x, mean, variance, self.axis, beta, gamma, self.epsilon)
        _update_average(self.renorm_mean, mean, self.renorm_momentum)
        _update_average(self.renorm_stddev, stddev, self.renorm_momentum)
        _update_average(self.moving_mean, mean, self.momentum)
        _update_average(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(ops.relu(ops.square(self.moving_stddev) - self.epsilon))
        return y

    def _correction(self, mean: Tensor, stddev: Tensor) -> tuple[Tensor, Tensor]:
        """Return `r` and `d`, which turn an input normalized by the batch into one normalized by the averages."""
        average = ops.maximum(self.renorm_stddev, self.epsilon**0.5)
        limits = self.renorm_clipping or {}
        r = ops.clip(stddev / average, limits.get("rmin", 0.0), limits.get("rmax", math.inf))
        largest = limits.get("dmax", math.inf)
        return r, ops.clip((mean - self.renorm_mean) / average, -largest, largest)


def _limits(clipping: dict[str, float] | None) -> dict[str, float]:
    """Return the limits of the correction, checked."""
    limits = dict(clipping or {})
    unknown = set(limits) - {"rmin", "rmax", "dmax"}
    if unknown or limits.get("rmin", 0) > limits.get("rmax", math.inf) or limits.get("dmax", 0) < 0:
        raise bad_setting(
            "BatchNormalization", "renorm_clipping", "a dict with rmin, rmax >= rmin and dmax >= 0", clipping
        )
    return limits


def _update_average(average: Variable, value: Tensor, momentum: float) -> None:
    average.assign(average * momentum + ops.stop_gradient(value) * (1 - momentum))
