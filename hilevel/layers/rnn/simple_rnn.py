"""The fully connected recurrent layer and its cell."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Tensor
from hilevel.layers.base.settings import (
    ActivationLike,
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    Options,
    RegularizerLike,
)
from hilevel.layers.rnn.cell import Cell, States
from hilevel.layers.rnn.rnn import BaseRNNLayer, cell_options


class SimpleRNNCell(Cell):
    """A step of a recurrent network: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`. Elman, 1990.

    Args:
        units: the size of the state and the output.
        activation: the name of an activation, or a function.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout, recurrent_dropout: the fractions of inputs and state that are set to 0 in training, at all steps
            alike.
        seed: an integer for the same dropout in every run.

    >>> import hilevel
    >>> cell = hilevel.layers.SimpleRNNCell(3)
    >>> output, states = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape, len(states)
    ((2, 3), 1)
    """

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, "sigmoid", use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def call(self, sequence: Tensor, states: States, training: bool | None = False) -> Any:
        """Compute a step: inputs `(batch, features)` and the state to the output and the new state."""
        return super().call(sequence, states, training)


class SimpleRNN(BaseRNNLayer):
    """A fully connected recurrent layer with the step of `SimpleRNNCell`.

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
        self, units: int, activation: ActivationLike = "tanh", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, seed: int | None = None, **kwargs: Unpack[BaseOptions],
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
