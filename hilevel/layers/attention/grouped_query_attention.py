"""Attention whose keys and values are shared by groups of heads."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.layers.attention.base import BaseMultiHeadAttention
from hilevel.layers.base.checks import (
    positive,
)
from hilevel.layers.base.settings import BaseOptions


class GroupQueryAttention(BaseMultiHeadAttention):
    """Attention with heads of which several share one key and value. Ainslie et al., "GQA", 2023.

    It is called as `MultiHeadAttention` is.

    Args:
        head_dim: the size of a head.
        num_query_heads: how many heads the query has.
        num_key_value_heads: how many heads key and value have, each for as many of the query's.
        dropout: the share of the weights that is set to 0 in training.
        use_bias: whether the projections have biases.
        sliding_window: where given, a query sees the keys at less than this distance alone.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the results of the projections.
        kernel_constraint, bias_constraint: what the weights are passed through after each update.
        use_gate: whether what the heads find is multiplied with `sigmoid` of a further projection of the query.
        seed: an integer, to draw the same dropout in every run.
        flash_attention: not implemented; only None, or False, is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> layer(np.ones((1, 5, 4)), np.ones((1, 6, 4))).shape
    (1, 5, 4)

    Raises:
        ValueError: a size is not a positive integer, or the query's heads are no multiple of the others.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        size = positive("GroupQueryAttention", "head_dim", head_dim)
        heads = positive("GroupQueryAttention", "num_query_heads", num_query_heads)
        shared = positive("GroupQueryAttention", "num_key_value_heads", num_key_value_heads)
        if heads % shared:
            raise ValueError(
                "GroupQueryAttention: num_query_heads must be a multiple of num_key_value_heads; got "
                f"{heads} and {shared}."
            )
        super().__init__(
            (heads, shared), (size, size), dropout, use_bias, sliding_window,
            flash_attention, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, use_gate, seed, **kwargs,
        )  # fmt: skip
        self.head_dim, self.num_query_heads, self.num_key_value_heads = size, heads, shared
