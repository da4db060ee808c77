"""Transposed convolutions over one, two and three axes."""

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
from hilevel.ops.nn.windows import per_axis


class BaseConvTranspose(BaseConvolution):
    """The base of `Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose`."""

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        output_padding: Sizes | None = None,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        name = type(self).__name__
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.configure(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self.filters = positive(name, "filters", filters)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = per_axis(name, "output_padding", output_padding, self.rank, smallest=0)
            if any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{name}: output_padding must be smaller than strides along each axis; got {output_padding} and "
                    f"{self.strides}."
                )

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        self.kernel = self.add_weight("kernel", (*self.kernel_size, self.filters, self.channels(input_shape)))
        self.make_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Compute `activation(conv_transpose(inputs, kernel) + bias)`, with `filters` channels."""
        y = ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **self.window)
        return self.add_bias_and_activate(y)


class Conv1DTranspose(BaseConvTranspose):
    """The transpose of a convolution over steps, with bias and activation.

    Each step of the input adds its multiple of the kernel to the output. Zeiler et al., 2010.

    Args:
        filters: the number of channels of the output.
        kernel_size: the number of steps of the output that the kernel covers.
        strides: the steps of the output for each step of the input; not above 1 together with `dilation_rate`.
        padding: `"valid"` for an output that contains each kernel whole, `"same"` for a size of `input * strides`.
        output_padding: the size added to the output, less than `strides`; by default `padding` determines the size.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between neighbouring elements of the kernel in the output.
        activation: the name of an activation or a function; none by default.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    >>> import hilevel
    >>> hilevel.layers.Conv1DTranspose(3, 2, strides=2)(np.ones((1, 4, 1))).shape
    (1, 8, 3)

    Raises:
        ValueError: a setting is invalid, strides and dilation are both above 1, or `output_padding`
            is not below `strides`.
        ShapeError: at a call, the number of channels has changed.
    """

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """The transpose of a convolution over images, such as in generators of images. Zeiler et al., 2010.

    Args:
        filters, kernel_size, strides, padding, output_padding, data_format: as in `Conv1DTranspose`, for two axes.
        dilation_rate, activation, use_bias, activity_regularizer: as in `Conv1DTranspose`.
        kernel_initializer, kernel_regularizer, kernel_constraint: as in `Conv1DTranspose`.
        bias_initializer, bias_regularizer, bias_constraint: as in `Conv1DTranspose`.

    >>> import hilevel
    >>> hilevel.layers.Conv2DTranspose(3, 3, strides=2, padding="same")(np.ones((1, 4, 4, 1))).shape
    (1, 8, 8, 3)
    """

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """The transpose of a convolution over volumes.

    Args:
        filters, kernel_size, strides, padding, data_format, output_padding: as in `Conv1DTranspose`, for three axes.
        dilation_rate, activation, use_bias, activity_regularizer: as in `Conv1DTranspose`.
        kernel_initializer, kernel_regularizer, kernel_constraint: as in `Conv1DTranspose`.
        bias_initializer, bias_regularizer, bias_constraint: as in `Conv1DTranspose`.

    >>> import hilevel
    >>> hilevel.layers.Conv3DTranspose(3, 2, strides=2)(np.ones((1, 2, 2, 2, 1))).shape
    (1, 4, 4, 4, 3)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Sizes | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation,
            use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
