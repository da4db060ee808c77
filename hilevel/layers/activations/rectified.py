"""Rectified linear units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import activations, ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import integers, number, set_weight_settings
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.normalization.base import axis_size


class ReLU(Layer):
    """`max(x, 0)`, with a leak below a threshold and a limit above, where they are given.

    Args:
        max_value: the limit; none by default.
        negative_slope: the slope below the threshold.
        threshold: where the slope begins.

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
        """The inputs through the function."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """`x` where it is positive, else `negative_slope * x`.

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
        """The inputs through the function."""
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)


class ELU(Layer):
    """`x` where it is positive, else `alpha * (exp(x) - 1)`.

    Args:
        alpha: the limit far below zero, as a positive number.

    >>> import hilevel
    >>> hilevel.layers.ELU()(np.array([0.0, 5.0], "float32"))
    array([0., 5.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha = number("ELU", "alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs through the function."""
        return ops.elu(inputs, alpha=self.alpha)


class PReLU(Layer):
    """`x` where it is positive, else `alpha * x` with an `alpha` that is learned for each feature. He et al., 2015.

    Args:
        alpha_initializer: how `alpha` begins.
        alpha_regularizer: a penalty on `alpha`.
        alpha_constraint: what `alpha` is passed through after each update.
        shared_axes: axes along which one `alpha` serves all.

    >>> import hilevel
    >>> hilevel.layers.PReLU("ones")(np.array([[-1.0, 5.0]], "float32"))
    array([[-1.,  5.]], dtype=float32)
    """

    alpha: Variable

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
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
        """The inputs through the function."""
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)
