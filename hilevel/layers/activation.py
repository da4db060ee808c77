"""Activation functions with settings, as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import activations, masks, ops
from hilevel._types import Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.checks import integers, number, set_weight_settings
from hilevel.layers.input_spec import InputSpec
from hilevel.layers.layer import Layer
from hilevel.layers.normalization import axis_size
from hilevel.layers.settings import Options
from hilevel.ops._abstract import broadcast
from hilevel.variables import Variable


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


class Softmax(Layer):
    """The softmax over an axis, or several; masked places get no share, and 0 where all are masked.

    Args:
        axis: the axis, or axes.

    >>> import hilevel
    >>> hilevel.layers.Softmax()(np.array([[0.0, 0.0]], "float32"))
    array([[0.5, 0.5]], dtype=float32)
    """

    activation = ops.softmax

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = integers("Softmax", "axis", axis, none=True)

    def call(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        """The softmax of the inputs. A place has no share where `mask` is false, or a number not above 0.5; the mask is
        broadcast to the inputs, or has their first axes."""
        if mask is None:
            return ops.softmax(inputs, axis=self.axis)
        keep = _fitted(mask if mask.dtype == bool else mask > 0.5, tuple(inputs.shape))
        inputs = ops.where(keep, inputs, -3e4 if inputs.dtype.itemsize == 2 else -1e9)
        return ops.where(keep, ops.softmax(inputs, axis=self.axis), 0.0)


def _fitted(mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A mask that can be broadcast to that shape: as it is, or with axes behind its own."""
    mine, more = tuple(mask.shape), len(shape) - len(mask.shape)
    if mine == shape[: len(mine)] and mine != shape[more:]:
        return masks.of_rank(mask, len(shape))
    if broadcast(mine, shape) != shape:
        raise ShapeError(f"Softmax: a mask of shape {mine} cannot be broadcast to inputs of shape {shape}.")
    return mask
