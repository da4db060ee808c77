"""Rescaling of values."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    bad_setting,
    is_numeric,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Rescaling(Layer):
    """`x * scale + offset`.

    Args:
        scale: the factor, `1 / 255` for pictures.
        offset: what is added.

    >>> import hilevel
    >>> hilevel.layers.Rescaling(1 / 255)(np.array([255, 0], "uint8"))
    array([1., 0.], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        for name, value in (("scale", scale), ("offset", offset)):
            if not is_numeric(value):
                raise bad_setting("Rescaling", name, "a number, or an array of numbers", value)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs times scale plus offset, as floats."""
        x = ops.cast(inputs, self.compute_dtype)
        scale, offset = (
            v if isinstance(v, (int, float)) else ops.cast(np.asarray(v), self.compute_dtype)
            for v in (self.scale, self.offset)
        )
        return ops.add(ops.multiply(x, scale), offset)
