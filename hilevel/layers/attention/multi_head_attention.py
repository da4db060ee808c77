"""Attention of several heads."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any, Unpack

from hilevel.layers.attention.base import BaseMultiHeadAttention
from hilevel.layers.base.checks import (
    integers,
    positive,
)
from hilevel.layers.base.settings import BaseOptions
from hilevel.layers.core.einsum_dense import EinsumDense


class MultiHeadAttention(BaseMultiHeadAttention):
    """Several heads, each of which attends to projections of its own. Vaswani et al., "Attention is all you need",
    2017.

    It is called as `layer(query, value)` or `layer(query, value, key)`, on shapes `(batch, queries, size)` and
    `(batch, keys, size)`. With `scores = query @ key^T / sqrt(key_dim)` a head gives `softmax(scores) @ value`.

    Args:
        num_heads: how many heads there are.
        key_dim, value_dim: the sizes of a head's queries and keys, and of its values; one size by default.
        dropout: the share of the weights that is set to 0 in training.
        use_bias: whether the projections have biases.
        output_shape: what takes the place of the query's last axis in the output; by default its size.
        attention_axes: the axes of the input that are attended over; all between the batch and the last by
        default.
        sliding_window: where given, a query sees the keys at less than this distance alone.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the results of the projections.
        kernel_constraint, bias_constraint: what the weights are passed through after each update.
        use_gate: whether what the heads find is multiplied with `sigmoid` of a further projection of the query.
        seed: an integer, to draw the same dropout in every run.
        flash_attention: not implemented; only None, or False, is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> x = np.ones((1, 5, 4))
    >>> layer(x, x, use_causal_mask=True).shape, layer.query_dense.kernel.shape
    ((1, 5, 4), (4, 2, 3))

    Raises:
        ValueError: a size is not a positive integer, or the axes are no integers.
        ShapeError: at the first call, query, key and value do not fit together.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
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
        heads = positive("MultiHeadAttention", "num_heads", num_heads)
        key_size = positive("MultiHeadAttention", "key_dim", key_dim)
        value_size = key_size if value_dim is None else positive("MultiHeadAttention", "value_dim", value_dim)
        super().__init__(
            (heads, heads), (key_size, value_size), dropout, use_bias, sliding_window, flash_attention,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, use_gate, seed, **kwargs,
        )  # fmt: skip
        self._output_shape = _several("output_shape", output_shape, 1)
        self._attention_axes = _several("attention_axes", attention_axes)

    @property
    def num_heads(self) -> int:
        """How many heads there are."""
        return self._heads[0]

    @property
    def key_dim(self) -> int:
        """The size of a head's queries and keys."""
        return self._sizes[0]

    @property
    def value_dim(self) -> int:
        """The size of a head's values."""
        return self._sizes[1]

    output_shape = property(attrgetter("_output_shape"))

    @property
    def attention_axes(self) -> tuple[int, ...] | None:
        """The axes that are attended over; before the layer is built, as they were given."""
        return self._attention_axes

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the query."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the key."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the value."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection to the output."""
        return self._output_dense


def _several(name: str, value: Any, least: float = -math.inf) -> tuple[int, ...] | None:
    """Return one integer, or several, as a tuple; None for None or an empty list."""
    found = integers("MultiHeadAttention", name, None if value in ((), []) else value, least, none=True)
    return (found,) if isinstance(found, int) else found
