"""Convolutions over one, two and three axes."""

from __future__ import annotations

from typing import Unpack

from hilevel.engine.types import Shape, Sizes, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import positive, refuse
from hilevel.layers.base.settings import (
    ActivationLike,
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
)
from hilevel.layers.convolutional.base import BaseConvolution
from hilevel.ops.nn.convolution import fused_conv


class ConvOptions(BaseOptions, total=False):
    """Keyword arguments of convolutions for type checkers. `lora_rank` and `lora_alpha` are not implemented."""

    lora_rank: int | None
    lora_alpha: float | None


class BaseConv(BaseConvolution):
    """The base of `Conv1D`, `Conv2D` and `Conv3D`."""

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[ConvOptions],
    ) -> None:
        name = type(self).__name__
        refuse(name, lora_rank=kwargs.pop("lora_rank", None), lora_alpha=kwargs.pop("lora_alpha", None))
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.configure(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self.filters = positive(name, "filters", filters)
        self.groups = positive(name, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"{name}: filters must be a multiple of groups; got {filters} filters and {groups} groups."
            )

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        channels = self.channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f'{type(self).__name__} "{self.name}": {channels} channels of the input cannot be divided into '
                f"{self.groups} groups of equal size; its shape is {input_shape}."
            )
        self.kernel = self.add_weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.make_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Compute `activation(conv(inputs, kernel) + bias)`, with `filters` channels."""
        return self.fused(fused_conv, inputs, self.kernel, **self.window)


class Conv1D(BaseConv):
    """A convolution over steps: `activation(conv(x, kernel) + bias)`.

    Args:
        filters: the number of channels of the output.
        kernel_size: the number of steps that the kernel covers.
        strides: the step of the kernel along each axis; not above 1 together with `dilation_rate`.
        padding: `"valid"` for none, `"same"` for an output of the input's length, divided by the strides,
            `"causal"` for the same length without dependence on later steps.
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.
        dilation_rate: the distance between neighbouring steps of the kernel.
        groups: the number of groups of channels, each with an equal number of filters.
        activation: the name of an activation or a function; none by default.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    >>> import hilevel
    >>> hilevel.layers.Conv1D(3, 2, activation="relu")(np.ones((1, 8, 4))).shape
    (1, 7, 3)

    Raises:
        ValueError: a setting is invalid, strides and dilation are both above 1, or filters or
            channels are not a multiple of `groups`.
        ShapeError: at a call, the kernel is longer than the input, or the number of channels has changed.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(BaseConv):
    """A convolution over images: `activation(conv(x, kernel) + bias)`. LeCun et al., 1989.

    Args:
        filters: the number of channels of the output.
        kernel_size: the height and width of the kernel, or one size for both.
        strides: the step of the kernel along each axis; not above 1 together with `dilation_rate`.
        padding: `"valid"` for none, `"same"` for an output of the input's size, divided by the strides.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.
        dilation_rate: the distance between neighbouring elements of the kernel.
        groups: the number of groups of channels, each with an equal number of filters.
        activation: the name of an activation or a function; none by default.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    >>> import hilevel
    >>> hilevel.layers.Conv2D(3, 3, padding="same")(np.ones((1, 8, 8, 1))).shape
    (1, 8, 8, 3)

    Raises:
        ValueError: as `Conv1D`.
        ShapeError: as `Conv1D`.
    """

    rank = 2


class Conv3D(BaseConv):
    """A convolution over volumes: `activation(conv(x, kernel) + bias)`.

    Args:
        filters, kernel_size, strides, padding, data_format: as in `Conv2D`, for three axes.
        dilation_rate, groups, activation, use_bias, activity_regularizer: as in `Conv2D`.
        kernel_initializer, kernel_regularizer, kernel_constraint: as in `Conv2D`.
        bias_initializer, bias_regularizer, bias_constraint: as in `Conv2D`.

    >>> import hilevel
    >>> hilevel.layers.Conv3D(3, 2, strides=2)(np.ones((1, 4, 4, 4, 1))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
