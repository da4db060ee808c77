"""Convolutions of each channel by itself."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import positive
from hilevel.layers.base.settings import BaseOptions
from hilevel.layers.convolutional.base import BaseConvolution
from hilevel.ops.nn.convolution import fused_depthwise_conv


class BaseDepthwiseConv(BaseConvolution):
    """Base of `DepthwiseConv1D` and `DepthwiseConv2D`."""

    depthwise_initializer: Any
    depthwise_regularizer: Any
    depthwise_constraint: Any

    strides_or_dilation = False
    kernel: Variable

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.configure(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            depthwise_initializer=depthwise_initializer, bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer, bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self.depth_multiplier = positive(type(self).__name__, "depth_multiplier", depth_multiplier)

    def build(self, input_shape: Shape) -> None:
        """Make kernel and bias."""
        channels = self.channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(
            shape, self.depthwise_initializer, name="kernel",
            regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint,
        )  # fmt: skip
        self.make_bias(channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> Tensor:
        """`activation(depthwise_conv(inputs, kernel) + bias)`."""
        return self.fused(fused_depthwise_conv, inputs, self.kernel, **self.window)


class DepthwiseConv1D(BaseDepthwiseConv):
    """A convolution over steps of each channel by itself: `activation(depthwise_conv(x, kernel) + bias)`.

    Args:
        kernel_size: how many steps lie under the kernel.
        strides: how far it goes from one place to the next.
        padding: `"valid"` for none, `"same"` for an output as large as the input (divided by the strides).
        depth_multiplier: how many kernels there are for each channel, and channels of the output for each of the input.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance of the elements under the kernel.
        activation: a name or a function; none by default.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        depthwise_constraint, bias_constraint: what the weights are passed through after each update.

    >>> import hilevel
    >>> hilevel.layers.DepthwiseConv1D(2, depth_multiplier=3)(np.ones((1, 8, 4))).shape
    (1, 7, 12)

    Raises:
        ValueError: a setting is none of what is expected.
        ShapeError: at a call, the kernel is larger than the input, or there are other channels than at first.
    """

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """A convolution over images of each channel by itself. The arguments are those of `DepthwiseConv1D`, with two axes
    in place of one. Sifre, 2014.

    >>> import hilevel
    >>> hilevel.layers.DepthwiseConv2D(3, padding="same")(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 4)
    """

    rank = 2
