"""Rectified linear units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import activations, ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import integers, number, set_weight_settings
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, Options, RegularizerLike
from hilevel.layers.normalization.base import axis_size


class ReLU(Layer):
    """The layer of `activations.relu`: `max(x, 0)`, element-wise. Nair and Hinton, 2010.

    Args:
        max_value: the largest output; no limit by default.
        negative_slope: the slope below the threshold.
        threshold: the input up to which the negative slope applies.

    >>> import hilevel
    >>> hilevel.layers.ReLU(max_value=3.0)(np.array([-1.0, 5.0], "float32"))
    array([0., 3.], dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.max_value = None if max_value is None else number("ReLU", "max_value", max_value, 0)
        self.negative_slope = number("ReLU", "negative_slope", negative_slope, 0)
        self.threshold = number("ReLU", "threshold", threshold, 0)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activations, in the shape of the inputs."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """The layer of `x` for positive `x`, else `negative_slope * x`, element-wise. Maas et al., 2013.

    Args:
        negative_slope: the slope below zero.

    >>> import hilevel
    >>> hilevel.layers.LeakyReLU(0.5)(np.array([-1.0, 5.0], "float32"))
    array([-0.5,  5. ], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.negative_slope = number("LeakyReLU", "negative_slope", negative_slope, 0)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activations, in the shape of the inputs."""
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)


class ELU(Layer):
    """The layer of `x` for positive `x`, else `alpha * (exp(x) - 1)`, element-wise. Clevert et al., 2015.

    Args:
        alpha: the negative of the limit for small `x`.

    >>> import hilevel
    >>> hilevel.layers.ELU()(np.array([0.0, 5.0], "float32"))
    array([0., 5.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha = number("ELU", "alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activations, in the shape of the inputs."""
        return ops.elu(inputs, alpha=self.alpha)


class PReLU(Layer):
    """The layer of `x` for positive `x`, else `alpha * x`, with a trainable `alpha` for each feature. He et al., 2015.

    Args:
        alpha_initializer: the initializer of `alpha`.
        alpha_regularizer: a penalty on `alpha`, added to the loss.
        alpha_constraint: the projection of `alpha` after each update.
        shared_axes: the axes along which all elements share an `alpha`; none by default.

    >>> import hilevel
    >>> hilevel.layers.PReLU("ones")(np.array([[-1.0, 5.0]], "float32"))
    array([[-1.,  5.]], dtype=float32)
    """

    alpha: Variable

    def __init__(
        self,
        alpha_initializer: InitializerLike = "Zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        shared_axes: Sequence[int] | int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        set_weight_settings(
            self, alpha_initializer=alpha_initializer, alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )  # fmt: skip
        axes = integers("PReLU", "shared_axes", shared_axes or None, none=True)
        self.shared_axes = [axes] if isinstance(axes, int) else axes and list(axes)

    def build(self, input_shape: Shape) -> None:
        """Make `alpha`."""
        rank = len(input_shape)
        shared = [axis % rank for axis in self.shared_axes or ()]
        shape = [1 if i in shared else axis_size(self, input_shape, i) for i in range(1, rank)]
        self.alpha = self.add_weight("alpha", shape)
        self.input_spec = InputSpec(ndim=rank, axes={i: n for i, n in enumerate(shape, 1) if i not in shared})

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activations, in the shape of the inputs."""
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)
