"""The LSTM layer and its cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.types import DTypeLike, Tensor
from hilevel.layers.base.checks import (
    flags,
)
from hilevel.layers.base.settings import (
    ActivationLike,
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    Options,
    RegularizerLike,
)
from hilevel.layers.rnn.cell import Cell
from hilevel.layers.rnn.rnn import BaseRNNLayer, cell_options


class LSTMCell(Cell):
    """A step of a long short-term memory, on inputs `(batch, features)`.

    `i, f, g, o = x @ kernel + h @ recurrent_kernel + bias`, then `c = gate(f) * c + gate(i) * act(g)` and
    `h = gate(o) * act(c)`. Hochreiter and Schmidhuber, 1997; Gers et al., 2000.

    Args:
        units: the size of the states `h`, which is the output, and `c`.
        activation, recurrent_activation: the activations of the content and of the gates, as names or functions.
        unit_forget_bias: whether the initial bias of the forget gate is 1. Jozefowicz et al., 2015.
        use_bias, dropout, recurrent_dropout, seed: as in `SimpleRNNCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `SimpleRNNCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `SimpleRNNCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `SimpleRNNCell`.

    >>> import hilevel
    >>> cell = hilevel.layers.LSTMCell(3)
    >>> output, (h, c) = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape, c.shape
    ((2, 3), (2, 3))
    """

    kind, states = "lstm", 2

    def __init__(
        self, units: int, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        flags(type(self).__name__, unit_forget_bias=unit_forget_bias)
        self.unit_forget_bias = unit_forget_bias

    def _initial_bias(self, shape: Sequence[int], dtype: DTypeLike = None) -> Tensor:
        if not self.unit_forget_bias:
            return super()._initial_bias(shape, dtype)
        n = self.units
        before, after = (
            ops.convert_to_numpy(self.bias_initializer((size,), dtype=dtype)) for size in (n, 2 * n)
        )
        return np.concatenate([before, np.ones(n, before.dtype), after])


class LSTM(BaseRNNLayer):
    """A long short-term memory layer with the step of `LSTMCell`. Hochreiter and Schmidhuber, 1997.

    Args:
        units: the size of the states and the output.
        activation, recurrent_activation, use_bias, unit_forget_bias: as in `LSTMCell`.
        dropout, recurrent_dropout, seed: as in `LSTMCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `LSTMCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `LSTMCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `LSTMCell`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: not used, because each backend has a single implementation.

    >>> import hilevel
    >>> output, h, c = hilevel.layers.LSTM(3, return_state=True)(np.ones((2, 5, 4)))
    >>> output.shape, c.shape
    ((2, 3), (2, 3))
    """

    def __init__(
        self, units: int, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, use_cudnn: str | bool | None = "auto",
        **kwargs: Unpack[BaseOptions],
    ) -> None:  # fmt: skip
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            **cell_options("lstm_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll, use_cudnn=use_cudnn,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
