"""The base of pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from hilevel.engine.types import Sizes
from hilevel.layers.base.checks import data_format_of, one_of
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.ops.nn.windows import per_axis


class BasePooling(Layer):
    """The base of layers that pool windows."""

    rank: ClassVar[int]

    def __init__(
        self,
        pool_size: Sizes,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        cls = type(self).__name__
        super().__init__(name=name, **kwargs)
        self.pool_size = per_axis(cls, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else per_axis(cls, "strides", strides, self.rank)
        self.padding = one_of(cls, "padding", padding, ("valid", "same"))
        self.data_format = data_format_of(cls, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
