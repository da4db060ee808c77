"""Depthwise convolutions, followed by a pointwise convolution."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops
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
from hilevel.ops.nn.convolution import fused_conv


class BaseSeparableConv(BaseConvolution):
    """The base of `SeparableConv1D` and `SeparableConv2D`."""

    strides_or_dilation = False
    depthwise_kernel: Variable
    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        depth_multiplier: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        pointwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
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
        """Compute the depthwise and the pointwise convolution, with bias, activation and `filters` channels."""
        x = ops.depthwise_conv(inputs, self.depthwise_kernel, **self.window)
        return self.fused(fused_conv, x, self.pointwise_kernel, data_format=self.data_format)


class SeparableConv1D(BaseSeparableConv):
    """A convolution of each channel over steps, then a pointwise convolution that mixes the channels.

    Args:
        filters: the number of channels of the output.
        kernel_size: the number of steps that the depthwise kernel covers.
        strides: the step of the kernel along each axis.
        padding: `"valid"` for none, `"same"` for an output of the input's size, divided by the strides.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between neighbouring elements of the depthwise kernel.
        depth_multiplier: the number of depthwise kernels for each channel.
        activation: the name of an activation or a function; none by default.
        use_bias: whether to add a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: the initializers of the weights.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections of the weights after each update.

    >>> import hilevel
    >>> hilevel.layers.SeparableConv1D(6, 2)(np.ones((1, 8, 4))).shape
    (1, 7, 6)

    Raises:
        ValueError: a setting is invalid.
        ShapeError: at a call, the kernel is larger than the input, or the number of channels has changed.
    """

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """A convolution of each channel over images, then a pointwise convolution. Chollet, 2017.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate: as in `SeparableConv1D`, for two axes.
        depth_multiplier, activation, use_bias, activity_regularizer: as in `SeparableConv1D`.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: as in `SeparableConv1D`.
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: as in `SeparableConv1D`.
        bias_initializer, bias_regularizer, bias_constraint: as in `SeparableConv1D`.

    >>> import hilevel
    >>> hilevel.layers.SeparableConv2D(6, 3, padding="same")(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 6)
    """

    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
