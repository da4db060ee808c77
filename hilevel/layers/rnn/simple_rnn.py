"""The fully connected recurrent layer and its cell."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Tensor
from hilevel.layers.base.settings import BaseOptions, Options
from hilevel.layers.rnn.cell import Cell
from hilevel.layers.rnn.rnn import BaseRNNLayer, cell_options


class SimpleRNNCell(Cell):
    """One step of a plain recurrent network: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: the size of the state, which is the output.
        activation: a name or a function.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights are passed through after an update.
        dropout, recurrent_dropout: shares of the inputs and of the state that are set to zero in training, the same at
            every step of a sequence.
        seed: an integer, to draw the same zeros in every run.

    >>> import hilevel
    >>> cell = hilevel.layers.SimpleRNNCell(3)
    >>> output, states = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape, len(states)
    ((2, 3), 1)
    """

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, "sigmoid", use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def call(self, sequence: Tensor, states: Any, training: bool | None = False) -> Any:
        """One step: inputs of shape `(batch, features)` and the state, to the output and the new state."""
        return super().call(sequence, states, training)


class SimpleRNN(BaseRNNLayer):
    """A plain recurrent layer; its step is that of `SimpleRNNCell`.

    Args:
        units: the size of the state and the output.
        activation, use_bias, dropout, recurrent_dropout, seed: as in `SimpleRNNCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `SimpleRNNCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `SimpleRNNCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `SimpleRNNCell`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.

    >>> import hilevel
    >>> hilevel.layers.SimpleRNN(3)(np.ones((2, 5, 4))).shape
    (2, 3)
    """

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        seed: int | None = None, **kwargs: Unpack[BaseOptions],
    ) -> None:  # fmt: skip
        cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **cell_options("simple_rnn_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
