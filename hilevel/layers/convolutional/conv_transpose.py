"""Transposed convolutions, which enlarge, over one, two and three axes."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import positive
from hilevel.layers.base.settings import BaseOptions
from hilevel.layers.convolutional.base import BaseConvolution
from hilevel.ops.nn.windows import per_axis


class BaseConvTranspose(BaseConvolution):
    """Base of `Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose`."""

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
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
        """Make kernel and bias."""
        self.kernel = self.add_weight("kernel", (*self.kernel_size, self.filters, self.channels(input_shape)))
        self.make_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """`activation(conv_transpose(inputs, kernel) + bias)`."""
        y = ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **self.window)
        return self.finished(y)


class Conv1DTranspose(BaseConvTranspose):
    """The way back of a convolution over steps, with a bias and an activation: each step of the input adds the kernel,
    times itself, to the output.

    Args:
        filters: how many channels the output has.
        kernel_size: the size of the kernel, in elements of the output.
        strides: how far the output goes on for each element of the input.
        padding: `"valid"` for an output in which all of every kernel lies, `"same"` for one of `input * strides`.
        output_padding: how much is added to the output; less than `strides`. By default the sizes above result.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance of the elements of the kernel in the output.
        activation: a name or a function; none by default.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: what the weights are passed through after each update.

    >>> import hilevel
    >>> hilevel.layers.Conv1DTranspose(3, 2, strides=2)(np.ones((1, 4, 1))).shape
    (1, 8, 3)

    Raises:
        ValueError: a setting is none of what is expected, strides and dilation are both above 1, or `output_padding`
            is not below `strides`.
        ShapeError: at a call, there are other channels than at first.
    """

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """The way back of a convolution over images, as generators of images use it. The arguments are those of
    `Conv1DTranspose`, with two axes in place of one. Zeiler et al., 2010.

    >>> import hilevel
    >>> hilevel.layers.Conv2DTranspose(3, 3, strides=2, padding="same")(np.ones((1, 4, 4, 1))).shape
    (1, 8, 8, 3)
    """

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """The way back of a convolution over volumes. The arguments are those of `Conv1DTranspose`, with three axes in
    place of one, and `data_format` before `output_padding`.

    >>> import hilevel
    >>> hilevel.layers.Conv3DTranspose(3, 2, strides=2)(np.ones((1, 2, 2, 2, 1))).shape
    (1, 4, 4, 4, 3)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation,
            use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
