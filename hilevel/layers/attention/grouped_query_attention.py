"""Attention with keys and values shared by groups of heads."""

from __future__ import annotations

from typing import ClassVar, Unpack

from hilevel.layers.attention.base import BaseMultiHeadAttention
from hilevel.layers.base.checks import (
    positive,
)
from hilevel.layers.base.settings import BaseOptions, ConstraintLike, InitializerLike, RegularizerLike


class GroupQueryAttention(BaseMultiHeadAttention):
    """Attention with groups of heads that share a key and a value. Ainslie et al., "GQA", 2023.

    The inputs are the inputs of `MultiHeadAttention`.

    Args:
        head_dim: the size of a head.
        num_query_heads: the number of heads of the query.
        num_key_value_heads: the number of heads of key and value; each serves a group of the query's heads.
        dropout: the fraction of the attention weights that is set to 0 in training.
        use_bias: whether to add biases to the projections.
        sliding_window: the distance below which a query attends to keys; None for any distance.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the outputs of the projections.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        use_gate: whether to multiply the outputs of the heads by `sigmoid` of another projection of the query.
        seed: an integer for the same dropout in every run.
        flash_attention: not implemented; only None, or False, is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> layer(np.ones((1, 5, 4)), np.ones((1, 6, 4))).shape
    (1, 5, 4)

    Raises:
        ValueError: a size is not a positive integer, or `num_query_heads` is not a multiple of the other number.
    """

    _class_in_files: ClassVar[str] = "GroupedQueryAttention"
    _has_weights: ClassVar[bool] = True

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
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


GroupedQueryAttention = GroupQueryAttention
"""The name of the class in Keras 3.16."""
