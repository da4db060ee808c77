"""Normalization by the root mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.layers.base.checks import integers, number
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.normalization.base import (
    at_least_float32,
    axis_size,
    in_dtype,
    spec_along,
    view_along,
)


class RMSNormalization(Layer):
    """Root mean square normalization: `scale * x / sqrt(mean(x^2) + epsilon)`. Zhang and Sennrich, 2019.

    Args:
        axis: the axis or axes of the mean, and of `scale`.
        epsilon: a small number, added to the mean.

    >>> import hilevel
    >>> hilevel.layers.RMSNormalization()(np.array([[3.0, 3.0]], "float32")).round(4)
    array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Unpack[Options]
    ) -> None:
        super().__init__(**kwargs)
        axis = integers("RMSNormalization", "axis", axis)
        self.axis = axis if isinstance(axis, int) else sorted(axis)
        self.epsilon = number("RMSNormalization", "epsilon", epsilon, 0)
        self.autocast = False
        self.supports_masking = self.axis in (-1, [-1])

    def build(self, input_shape: Shape) -> None:
        """Make `scale`."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        sizes = {a: axis_size(self, input_shape, a) for a in axes}
        self.scale = self.add_weight(list(sizes.values()), "ones", name="scale")
        self.input_spec = spec_along(axes, sizes)

    def call(self, x: Tensor) -> Tensor:
        """Return the normalized inputs, in the same shape."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        scale = ops.reshape(self.scale, view_along(x.shape, axes))
        y = ops.rms_normalization(at_least_float32(self, x), scale, self.axis, self.epsilon)
        return in_dtype(self.compute_dtype, y)
