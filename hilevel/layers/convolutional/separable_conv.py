"""Depthwise convolutions, followed by a convolution of size 1."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import positive
from hilevel.layers.base.settings import BaseOptions
from hilevel.layers.convolutional.base import BaseConvolution
from hilevel.ops.nn.convolution import fused_conv


class BaseSeparableConv(BaseConvolution):
    """Base of `SeparableConv1D` and `SeparableConv2D`."""

    strides_or_dilation = False
    depthwise_kernel: Variable
    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        name = type(self).__name__
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.configure(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            depthwise_initializer=depthwise_initializer, pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer, depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer, bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint, pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
        )  # fmt: skip
        self.filters = positive(name, "filters", filters)
        self.depth_multiplier = positive(name, "depth_multiplier", depth_multiplier)

    def build(self, input_shape: Shape) -> None:
        """Make both kernels and the bias."""
        channels = self.channels(input_shape)
        first = (*self.kernel_size, channels, self.depth_multiplier)
        second = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", first)
        self.pointwise_kernel = self.add_weight("pointwise_kernel", second)
        self.make_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """`activation(separable_conv(inputs, depthwise_kernel, pointwise_kernel) + bias)`."""
        x = ops.depthwise_conv(inputs, self.depthwise_kernel, **self.window)
        return self.fused(fused_conv, x, self.pointwise_kernel, data_format=self.data_format)


class SeparableConv1D(BaseSeparableConv):
    """A convolution over steps of each channel by itself, then one of a single element that mixes the channels.

    Args:
        filters: how many channels the output has.
        kernel_size: how many steps lie under the first kernel.
        strides: how far it goes from one place to the next.
        padding: `"valid"` for none, `"same"` for an output as large as the input (divided by the strides).
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance of the elements under the first kernel.
        depth_multiplier: how many kernels there are for each channel in the first step.
        activation: a name or a function; none by default.
        use_bias: whether there is a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        depthwise_constraint, pointwise_constraint, bias_constraint: what the weights are passed through after each
            update.

    >>> import hilevel
    >>> hilevel.layers.SeparableConv1D(6, 2)(np.ones((1, 8, 4))).shape
    (1, 7, 6)

    Raises:
        ValueError: a setting is none of what is expected.
        ShapeError: at a call, the kernel is larger than the input, or there are other channels than at first.
    """

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """A convolution over images of each channel by itself, then one of a single element that mixes the channels. The
    arguments are those of `SeparableConv1D`, with two axes in place of one. Chollet, 2017.

    >>> import hilevel
    >>> hilevel.layers.SeparableConv2D(6, 3, padding="same")(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 6)
    """

    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
