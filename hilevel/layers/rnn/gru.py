"""The GRU layer and its cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel.engine.types import Tensor
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
from hilevel.ops.nn.reset_before import reset_before_step


class GRUCell(Cell):
    """A step of a gated recurrent unit, on inputs `(batch, features)`. Cho et al., 2014.

    `h = z * h + (1 - z) * act(...)`, with an update gate `z`, and a reset gate `r` for the state in the new content.

    Args:
        units: the size of the state and the output.
        activation, recurrent_activation: the activations of the content and of the gates, as names or functions.
        reset_after: whether the reset gate applies after the product with the recurrent kernel, or before, as in the
            paper. After is faster, and has a second bias.
        use_bias, dropout, recurrent_dropout, seed: as in `SimpleRNNCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `SimpleRNNCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `SimpleRNNCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `SimpleRNNCell`.

    >>> import hilevel
    >>> cell = hilevel.layers.GRUCell(3)
    >>> output, states = cell(np.ones((2, 4)), cell.get_initial_state(2))
    >>> output.shape
    (2, 3)
    """

    kind = "gru"

    def __init__(
        self, units: int, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
        seed: int | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        flags(type(self).__name__, reset_after=reset_after)
        self.reset_after = reset_after
        if self._fused is not None and not reset_after:
            self._fused["reset_after"] = False

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (2, width) if self.reset_after else (width,)

    def _biases(self) -> tuple[Any, Any]:
        if self.bias is None or not self.reset_after:
            return self.bias, None
        return self.bias[0], self.bias[1]

    def _advance(
        self, z: Tensor, before: Tensor, recurrent_bias: Tensor | None, states: Sequence[Tensor]
    ) -> Any:
        if self.reset_after:
            return super()._advance(z, before, recurrent_bias, states)
        functions = self.activation, self.recurrent_activation
        return (reset_before_step(z, before, states[0], self.recurrent_kernel, *functions),)


class GRU(BaseRNNLayer):
    """A layer of gated recurrent units with the step of `GRUCell`. Cho et al., 2014.

    Args:
        units: the size of the state and the output.
        activation, recurrent_activation, use_bias, dropout, recurrent_dropout, seed, reset_after: as in `GRUCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: as in `GRUCell`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in `GRUCell`.
        kernel_constraint, recurrent_constraint, bias_constraint: as in `GRUCell`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: not used, because each backend has a single implementation.

    >>> import hilevel
    >>> hilevel.layers.GRU(3, return_sequences=True)(np.ones((2, 5, 4))).shape
    (2, 5, 3)
    """

    def __init__(
        self, units: int, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False, reset_after: bool = True,
        use_cudnn: str | bool | None = "auto", **kwargs: Unpack[BaseOptions],
    ) -> None:  # fmt: skip
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, reset_after, seed,
            **cell_options("gru_cell", kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll, use_cudnn=use_cudnn,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
