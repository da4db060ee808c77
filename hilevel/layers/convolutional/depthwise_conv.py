"""Convolutions of each channel separately."""

from __future__ import annotations

from typing import Unpack

from hilevel.engine.types import Shape, Sizes, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import positive
from hilevel.layers.base.settings import (
    ActivationLike,
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
)
from hilevel.layers.convolutional.base import BaseConvolution
from hilevel.ops.nn.convolution import fused_depthwise_conv


class BaseDepthwiseConv(BaseConvolution):
    """The base of `DepthwiseConv1D` and `DepthwiseConv2D`."""

    depthwise_initializer: InitializerLike
    depthwise_regularizer: RegularizerLike
    depthwise_constraint: ConstraintLike

    strides_or_dilation = False
    kernel: Variable

    def __init__(
        self,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
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
        """Make the kernel and the bias."""
        channels = self.channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(
            shape, self.depthwise_initializer, name="kernel",
            regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint,
        )  # fmt: skip
        self.make_bias(channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> Tensor:
        """Compute `activation(depthwise_conv(inputs, kernel) + bias)`, with `depth_multiplier` times the channels."""
        return self.fused(fused_depthwise_conv, inputs, self.kernel, **self.window)


class DepthwiseConv1D(BaseDepthwiseConv):
    """A convolution of each channel over steps: `activation(depthwise_conv(x, kernel) + bias)`.

    Args:
        kernel_size: the number of steps that the kernel covers.
        strides: the step of the kernel along each axis.
        padding: `"valid"` for none, `"same"` for an output of the input's size, divided by the strides.
        depth_multiplier: the number of kernels, and channels of the output, for each channel of the input.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between neighbouring elements of the kernel.
        activation: the name of an activation or a function; none by default.
        use_bias: whether to add a bias.
        depthwise_initializer, bias_initializer: the initializers of the weights.
        depthwise_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        depthwise_constraint, bias_constraint: projections of the weights after each update.

    >>> import hilevel
    >>> hilevel.layers.DepthwiseConv1D(2, depth_multiplier=3)(np.ones((1, 8, 4))).shape
    (1, 7, 12)

    Raises:
        ValueError: a setting is invalid.
        ShapeError: at a call, the kernel is larger than the input, or the number of channels has changed.
    """

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """A convolution of each channel over images. Sifre, 2014.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate: as in `DepthwiseConv1D`, for two axes.
        depth_multiplier, activation, use_bias, activity_regularizer: as in `DepthwiseConv1D`.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: as in `DepthwiseConv1D`.
        bias_initializer, bias_regularizer, bias_constraint: as in `DepthwiseConv1D`.

    >>> import hilevel
    >>> hilevel.layers.DepthwiseConv2D(3, padding="same")(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 4)
    """

    rank = 2
