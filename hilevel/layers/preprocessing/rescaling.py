"""Rescaling of values."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import (
    bad_setting,
    is_numeric,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Rescaling(Layer):
    """The layer of `x * scale + offset`, in the shape of `x`.

    Args:
        scale: the factor, such as `1 / 255` for images; a number or an array.
        offset: the summand; a number or an array.

    >>> import hilevel
    >>> hilevel.layers.Rescaling(1 / 255)(np.array([255, 0], "uint8"))
    array([1., 0.], dtype=float32)

    Raises:
        ValueError: `scale` or `offset` is not numeric.
    """

    def __init__(self, scale: TensorLike, offset: TensorLike = 0.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        for name, value in (("scale", scale), ("offset", offset)):
            if not is_numeric(value):
                raise bad_setting("Rescaling", name, "a number or a numeric array", value)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs times scale plus offset, as floats."""
        x = ops.cast(inputs, self.compute_dtype)
        scale, offset = (
            v if isinstance(v, (int, float)) else ops.cast(np.asarray(v), self.compute_dtype)
            for v in (self.scale, self.offset)
        )
        return ops.add(ops.multiply(x, scale), offset)
