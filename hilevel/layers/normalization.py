"""Layers that normalise their inputs with statistics of the batch or of each sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

from hilevel import masks, ops
from hilevel._types import Shape, Tensor
from hilevel.config import settings
from hilevel.errors import ShapeError
from hilevel.layers.checks import (
    flags,
    integer,
    integers,
    number,
    refuse,
    set_unsupported,
    set_weight_settings,
)
from hilevel.layers.input_spec import InputSpec
from hilevel.layers.layer import Layer
from hilevel.layers.settings import Options
from hilevel.variables import Variable


class ScaleAndShift(Layer):
    """Base of normalisations: the learned `gamma` and `beta`."""

    gamma: Variable | None
    beta: Variable | None

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
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

    def make_gamma_and_beta(self, shape: Sequence[int]) -> None:
        """Make those of the two that are wanted."""
        self.gamma = self.add_weight("gamma", shape, autocast=False) if self.scale else None
        self.beta = self.add_weight("beta", shape, autocast=False) if self.center else None

    def gamma_and_beta(self, shape: Sequence[int], *axes: int) -> list[Tensor]:
        """The two, None where there is none, for tensors of a shape: with an element for each index of the axes."""
        view = [1] * len(shape)
        for axis in axes:
            view[axis] = shape[axis]
        return [None if a is None else ops.reshape(a, view) for a in (self.gamma, self.beta)]


def scaled(y: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """`gamma * y + beta`, as far as there are such."""
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def axis_size(layer: Layer, shape: Shape, axis: int) -> int:
    """The size of an axis that the layer has to know.

    Raises:
        ShapeError: the axis is not there, or its size is unknown.
    """
    if not -len(shape) <= axis < len(shape) or shape[axis] is None:
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" has to know the size of axis {axis} of its input, '
            f"whose shape is {shape}. Give it in Input(shape=...)."
        )
    return int(shape[axis] or 0)


class BatchNormalization(ScaleAndShift):
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

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
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


def masked_moments(
    x: Tensor, mask: Tensor, axes: Iterable[int], keepdims: bool = True
) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes of what a mask of the first axes keeps."""
    axes = tuple(axes)
    weights = masks.of_rank(ops.cast(mask, x.dtype), len(x.shape))
    weights = ops.broadcast_to(weights, [n if i in axes else weights.shape[i] for i, n in enumerate(x.shape)])
    total = ops.sum(weights, axis=axes, keepdims=True) + settings.epsilon
    mean = ops.sum(weights * x, axis=axes, keepdims=True) / total
    variance = ops.sum(weights * ops.square(x - mean), axis=axes, keepdims=True) / total
    return (mean, variance) if keepdims else (ops.squeeze(mean, axes), ops.squeeze(variance, axes))


def standardized(
    x: Tensor,
    axes: Iterable[int],
    epsilon: float,
    mask: Any = None,
    gamma: Tensor = None,
    beta: Tensor = None,
) -> Tensor:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta` over some axes; where these are the steps of a mask,
    without what it leaves out."""
    axes = [axis % len(x.shape) for axis in axes]
    if mask is None or not any(0 < axis < len(mask.shape) for axis in axes):
        return ops.standardize(x, axes, epsilon, gamma, beta)[0]
    mean, variance = masked_moments(x, mask, axes)
    return scaled((x - mean) * ops.rsqrt(variance + epsilon), gamma, beta)


def at_least_float32(layer: Layer, x: Tensor) -> Tensor:
    """Return a tensor in the layer's compute dtype, in float32 for a layer of half precision: statistics need it."""
    return in_dtype("float64" if layer.compute_dtype == "float64" else "float32", x)


def in_dtype(dtype: str, x: Tensor) -> Tensor:
    """Return a tensor in a dtype, itself where it has it."""
    return x if x.dtype == dtype else x.astype(dtype)


class LayerNormalization(ScaleAndShift):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, the statistics over each sample. Ba et al., 2016.

    Args:
        axis: the axis, or axes, over which the statistics are taken.
        epsilon: added to the variance.
        center, scale: whether there are `beta` and `gamma`.
        beta_initializer, gamma_initializer: how they begin.
        beta_regularizer, gamma_regularizer: penalties, added to the loss.
        beta_constraint, gamma_constraint: what they are passed through after each update.

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
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Unpack[Options],
    ) -> None:
        refuse("LayerNormalization", rms_scaling=kwargs.pop("rms_scaling", None))  # type: ignore[typeddict-item]
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis = integers("LayerNormalization", "axis", axis)

    def build(self, input_shape: Shape) -> None:
        """Make `gamma` and `beta`."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        sizes = {a: axis_size(self, input_shape, a) for a in axes}
        self.make_gamma_and_beta(list(sizes.values()))
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        """The normalised inputs, of their shape. What `mask` leaves out is left out of the statistics."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        x, weights = at_least_float32(self, inputs), self.gamma_and_beta(inputs.shape, *axes)
        return in_dtype(self.compute_dtype, standardized(x, axes, self.epsilon, mask, *weights))
