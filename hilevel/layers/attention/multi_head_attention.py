"""Attention with several heads."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import ClassVar, Unpack

from hilevel.engine.types import Axis, Sizes
from hilevel.layers.attention.base import BaseMultiHeadAttention
from hilevel.layers.base.checks import (
    integers,
    positive,
)
from hilevel.layers.base.settings import (
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
)
from hilevel.layers.core.einsum_dense import EinsumDense


class MultiHeadAttention(BaseMultiHeadAttention):
    """Attention with several heads, each with its own projections. Vaswani et al., "Attention is all you need", 2017.

    Call it as `layer(query, value)` or `layer(query, value, key)`, on shapes `(batch, queries, size)` and
    `(batch, keys, size)`. With `scores = query @ key^T / sqrt(key_dim)` a head returns `softmax(scores) @ value`.

    Args:
        num_heads: the number of heads.
        key_dim, value_dim: the sizes of a head's queries and keys, and of its values; equal by default.
        dropout: the fraction of the attention weights that is set to 0 in training.
        use_bias: whether to add biases to the projections.
        output_shape: the sizes in place of the query's last axis in the output; by default its size.
        attention_axes: the axes of the steps; by default all between the batch and the last axis.
        sliding_window: the distance below which a query attends to keys; None for any distance.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the outputs of the projections.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        use_gate: whether to multiply the outputs of the heads by `sigmoid` of another projection of the query.
        seed: an integer for the same dropout in every run.
        flash_attention: not implemented; only None, or False, is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> x = np.ones((1, 5, 4))
    >>> layer(x, x, use_causal_mask=True).shape, layer.query_dense.kernel.shape
    ((1, 5, 4), (4, 2, 3))

    Raises:
        ValueError: a size is not a positive integer, or an axis is not an integer.
        ShapeError: at the first call, the shapes of query, key and value disagree.
    """

    _names_in_files: ClassVar[dict[str, str]] = {
        f"_{part}_dense": f"{part}_dense" for part in ("query", "key", "value", "output")
    }

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Sizes | None = None,
        attention_axes: Axis = None,
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
        heads = positive("MultiHeadAttention", "num_heads", num_heads)
        key_size = positive("MultiHeadAttention", "key_dim", key_dim)
        value_size = key_size if value_dim is None else positive("MultiHeadAttention", "value_dim", value_dim)
        super().__init__(
            (heads, heads), (key_size, value_size), dropout, use_bias, sliding_window, flash_attention,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, use_gate, seed, **kwargs,
        )  # fmt: skip
        self._output_shape = _as_tuple("output_shape", output_shape, 1)
        self._attention_axes = _as_tuple("attention_axes", attention_axes)

    @property
    def num_heads(self) -> int:
        """The number of heads."""
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
        """The axes of the steps, not negative in a built layer."""
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


def _as_tuple(name: str, value: Axis, least: float = -math.inf) -> tuple[int, ...] | None:
    """Return one integer or several as a tuple; None for None or an empty list."""
    found = integers("MultiHeadAttention", name, None if value in ((), []) else value, least, none=True)
    return (found,) if isinstance(found, int) else found
