"""The convolutional LSTM layers and their cell."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from hilevel import ops
from hilevel.engine.context import context
from hilevel.engine.types import Shape, Sizes, Tensor
from hilevel.layers.base.checks import data_format_of, one_of, positive
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.settings import (
    ActivationLike,
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    Options,
    RegularizerLike,
)
from hilevel.layers.normalization.base import axis_size
from hilevel.layers.rnn.cell import DropoutMasks, States
from hilevel.layers.rnn.lstm import LSTMCell
from hilevel.layers.rnn.rnn import BaseRNNLayer, CellAttribute, cell_options
from hilevel.ops.nn.windows import per_axis, windows_of


class ConvLSTMCell(LSTMCell):
    """A step of a convolutional LSTM: the step of `LSTMCell`, with convolutions in place of the products."""

    def __init__(
        self, rank: int, filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Sizes = 1, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        name = type(self).__name__
        super().__init__(
            positive(name, "filters", filters), activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
            seed, **kwargs,
        )  # fmt: skip
        self.rank, self.filters = rank, self.units
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, rank)
        self.strides = per_axis(name, "strides", strides, rank)
        self.dilation_rate = per_axis(name, "dilation_rate", dilation_rate, rank)
        self.padding = one_of(name, "padding", padding, ("valid", "same"))
        self.data_format = data_format_of(name, data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{name}: strides and dilation_rate cannot both be above 1; got {strides} and {dilation_rate}."
            )
        self._channel_axis = 1 if self.data_format == "channels_first" else rank + 1
        self.input_spec = InputSpec(ndim=rank + 2)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, the recurrent kernel and the bias, for inputs `(batch, *spatial, channels)`."""
        sizes = {axis: axis_size(self, input_shape, axis) for axis in range(1, self.rank + 2)}
        channels = sizes.pop(self._channel_axis)
        width = 4 * self.filters
        self.kernel = self.add_weight("kernel", (*self.kernel_size, channels, width))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (*self.kernel_size, self.filters, width))
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (width,), initializer=self._initial_bias)
        shape = (1, *sizes.values(), channels)
        windows = windows_of(
            type(self).__name__, shape, self.kernel_size, self.strides, self.padding, self.dilation_rate
        )
        self._input_size = self._arranged(shape[1:-1], channels)
        self.output_size: Any = self._arranged(windows.output_size(shape[1:-1], self.name), self.filters)

    def _arranged(self, spatial: tuple[int, ...], channels: int) -> tuple[int, ...]:
        """Return the shape of a sample in the order of `data_format`."""
        return (channels, *spatial) if self._channel_axis == 1 else (*spatial, channels)

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Return zeros of the output's shape for each state."""
        return [ops.zeros((batch_size, *self.output_size), self.compute_dtype) for _ in range(self.states)]

    def dropout_masks(self, batch: int, features: int, training: bool | None) -> DropoutMasks:
        """Return the dropout masks of inputs and state for all steps of a sequence."""
        return (
            self._dropout_mask(self.dropout, (batch, *self._input_size), training),
            self._dropout_mask(self.recurrent_dropout, (batch, *self.output_size), training),
        )

    def call(self, inputs: Tensor, states: States, training: bool | None = False) -> tuple[Tensor, Any]:
        """Compute a step: inputs `(batch, *spatial, channels)` and states `h`, `c` to the output and the new states."""
        h, c = states
        x_mask, h_mask = context.dropout_factors.get(id(self)) or self.dropout_masks(
            inputs.shape[0], inputs.shape[-1], training
        )
        x = inputs if x_mask is None else inputs * x_mask
        before = h if h_mask is None else h * h_mask
        z = self._input_convolution(x) + ops.conv(
            before, self.recurrent_kernel, padding="same", data_format=self.data_format
        )
        i, f, content, o = ops.split(z, 4, axis=self._channel_axis)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(content)
        h = gate(o) * self.activation(c)
        return h, [h, c]

    def _input_convolution(self, x: Tensor) -> Tensor:
        y = ops.conv(x, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        if self.bias is None:
            return y
        return y + ops.reshape(self.bias, self._arranged((1,) * self.rank, -1))


class BaseConvLSTM(BaseRNNLayer):
    """The base of `ConvLSTM1D`, `ConvLSTM2D` and `ConvLSTM3D`."""

    rank: ClassVar[int]

    filters, kernel_size, strides, padding, data_format, dilation_rate = (CellAttribute() for _ in range(6))

    def __init__(
        self, filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Sizes = 1, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, **kwargs: Unpack[BaseOptions],
    ) -> None:  # fmt: skip
        cell = ConvLSTMCell(
            self.rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            **cell_options("conv_lstm_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 3)


class ConvLSTM1D(BaseConvLSTM):
    """A convolutional LSTM over sequences of rows, `(batch, steps, length, channels)`. Shi et al., 2015.

    Each step is the step of `LSTMCell`, with convolutions in place of the products:
    `i, f, g, o = conv(x, kernel) + conv(h, recurrent_kernel) + bias`.

    Args:
        filters: the number of channels of the states and the output.
        kernel_size: the number of elements that both kernels cover.
        strides: the step of the kernel along the input; not above 1 together with `dilation_rate`.
        padding: `"valid"` for none, `"same"` for states of the input's length, divided by the strides.
        data_format: `"channels_last"`, or `"channels_first"` for `(batch, steps, channels, length)`.
        dilation_rate: the distance between neighbouring elements of the kernel of the input.
        activation, recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout, seed: as in `LSTM`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `LSTM`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `LSTM`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `LSTM`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    >>> import hilevel
    >>> hilevel.layers.ConvLSTM1D(3, 2)(np.ones((2, 4, 8, 1))).shape
    (2, 7, 3)

    Raises:
        ValueError: a setting is invalid, or strides and dilation are both above 1.
        ShapeError: at a call, a size of a step is unknown, or the kernel is longer than the input.
    """

    rank = 1


class ConvLSTM2D(BaseConvLSTM):
    """A convolutional LSTM over sequences of images, `(batch, steps, height, width, channels)`. Shi et al., 2015.

    Args:
        filters, strides, padding, data_format, dilation_rate: as in `ConvLSTM1D`, for two axes.
        kernel_size: the height and width of both kernels, or one size for both.
        activation, recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout, seed: as in `LSTM`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `LSTM`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `LSTM`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `LSTM`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    >>> import hilevel
    >>> layer = hilevel.layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)
    >>> layer(np.ones((2, 4, 8, 8, 1))).shape
    (2, 4, 8, 8, 3)

    Raises:
        ValueError, ShapeError: as `ConvLSTM1D`.
    """

    rank = 2


class ConvLSTM3D(BaseConvLSTM):
    """A convolutional LSTM over sequences of volumes, `(batch, steps, *spatial, channels)`. Shi et al., 2015.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate: as in `ConvLSTM2D`, for three axes.
        activation, recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout, seed: as in `LSTM`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `LSTM`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `LSTM`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `LSTM`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    >>> import hilevel
    >>> hilevel.layers.ConvLSTM3D(3, 2)(np.ones((1, 2, 4, 4, 4, 1))).shape
    (1, 3, 3, 3, 3)

    Raises:
        ValueError, ShapeError: as `ConvLSTM1D`.
    """

    rank = 3
