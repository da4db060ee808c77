"""The base of convolutions: settings, bias and activation."""

from __future__ import annotations

from typing import Any, ClassVar

from hilevel import ops
from hilevel.engine.types import Function, Shape, Sizes, Tensor
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import activation_of, data_format_of, flags, one_of, set_weight_settings
from hilevel.layers.base.input_axes import fused_name
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ActivationLike
from hilevel.layers.normalization.base import axis_size
from hilevel.ops.nn.scores import activate
from hilevel.ops.nn.windows import per_axis


class BaseConvolution(Layer):
    """The base of convolutions. A subclass calls `configure` in its constructor."""

    rank: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    strides_or_dilation: ClassVar[bool] = True
    """True if strides and dilation cannot both be above 1."""
    bias: Variable | None

    def configure(
        self,
        kernel_size: Sizes,
        strides: Sizes,
        padding: str,
        data_format: str | None,
        dilation_rate: Sizes,
        activation: ActivationLike,
        use_bias: bool,
        **weights: Any,
    ) -> None:
        """Check and set the settings; `weights` are initializers, regularizers and constraints, by argument."""
        name = type(self).__name__
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, self.rank)
        self.strides = per_axis(name, "strides", strides, self.rank)
        self.dilation_rate = per_axis(name, "dilation_rate", dilation_rate, self.rank)
        self.padding = one_of(name, "padding", padding, self.paddings)
        self.data_format = data_format_of(name, data_format)
        self._channels_first = self.data_format == "channels_first"
        self.activation = activation_of(name, "activation", activation)
        flags(name, use_bias=use_bias)
        self._fused = fused_name(self.activation)
        self.use_bias = use_bias
        set_weight_settings(self, **weights)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        if self.strides_or_dilation and max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{name}: strides and dilation_rate cannot both be above 1; got {self.strides} and "
                f"{self.dilation_rate}."
            )

    def channels(self, input_shape: Shape) -> int:
        """Return the number of channels of the input, and expect it of later inputs."""
        if len(input_shape) != self.rank + 2:
            raise ShapeError(
                f'{type(self).__name__} "{self.name}" expects inputs with {self.rank + 2} axes, the batch, {self.rank} '
                f"spatial, and the channels; got shape {tuple(input_shape)}."
            )
        axis = 1 if self._channels_first else self.rank + 1
        size = axis_size(self, input_shape, axis)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: size})
        return size

    def make_bias(self, size: int) -> None:
        """Make the bias, if the layer uses one."""
        self.bias = self.add_weight("bias", (size,)) if self.use_bias else None

    @property
    def window(self) -> dict[str, Any]:
        """The keyword arguments of ops for windows."""
        return {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }

    def fused(self, convolution: Function, *args: Tensor, **kwargs: Any) -> Tensor:
        """Return the result of an op with bias and activation; apply the activation here if the op does not fuse it."""
        name = type(self).__name__
        if self._fused:
            return convolution(*args, bias=self.bias, activation=self._fused, name=name, **kwargs)
        return activate(self.activation, convolution(*args, bias=self.bias, name=name, **kwargs))

    def add_bias_and_activate(self, y: Tensor) -> Tensor:
        """Return the result of an op plus the bias, with the activation."""
        if self.bias is not None:
            view = (-1, *(1,) * self.rank) if self._channels_first else (-1,)
            y = y + ops.reshape(self.bias, view)
        return activate(self.activation, y)
