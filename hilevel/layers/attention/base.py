"""The base of attention layers with several heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from hilevel import masks, ops, random, regularizers
from hilevel.engine.types import Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import (
    flags,
    positive,
    rate_of,
    seed_of,
    set_unsupported,
    set_weight_settings,
)
from hilevel.layers.base.input_spec import check_sequences
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, RegularizerLike
from hilevel.layers.core.einsum_dense import EinsumDense
from hilevel.ops.nn.attention import attention, causal_mask, masked_softmax, to_mask
from hilevel.random.functions import keep_mask


class BaseMultiHeadAttention(Layer):
    """The base of attention with heads. A subclass passes the sizes to the constructor.

    Query, key and value are projected to heads, each head attends separately, and a last projection combines the
    results. The heads compute on axes `(batch, other axes, heads, steps, size)`, with all attention axes flattened
    to `steps`.
    """

    kernel_initializer: InitializerLike
    bias_initializer: InitializerLike
    kernel_regularizer: RegularizerLike
    bias_regularizer: RegularizerLike
    kernel_constraint: ConstraintLike
    bias_constraint: ConstraintLike

    _attention_axes: tuple[int, ...] | None = None
    _output_shape: tuple[int, ...] | None = None
    _has_weights: ClassVar[bool] = False
    """True if `_compute_attention` returns the weights without a request."""

    def __init__(
        self,
        heads: tuple[int, int],
        sizes: tuple[int, int],
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        kernel_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike,
        activity_regularizer: RegularizerLike,
        kernel_constraint: ConstraintLike,
        bias_constraint: ConstraintLike,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        label = type(self).__name__
        set_unsupported(self, flash_attention=flash_attention or None)
        self._heads, self._sizes = heads, sizes
        flags(label, use_bias=use_bias, use_gate=use_gate)
        self._dropout, self.seed = rate_of(label, dropout, "dropout"), seed_of(label, seed)
        self._use_bias, self.use_gate = use_bias, use_gate
        self.sliding_window = (
            None if sliding_window is None else positive(label, "sliding_window", sliding_window)
        )
        set_weight_settings(
            self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self._activity_regularizer = regularizers.get(activity_regularizer)  # of the projections
        self.supports_masking = True
        if self._dropout:
            self.seed_generator = random.SeedGenerator(seed)

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"activity_regularizer": self._activity_regularizer}

    @property
    def dropout(self) -> float:
        """The fraction of the attention weights that is set to 0 in training."""
        return self._dropout

    @property
    def use_bias(self) -> bool:
        """True if the projections have biases."""
        return self._use_bias

    # -- projections -----------------------------------------------------------------------------------

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        check_sequences(self, [query_shape, value_shape, key_shape])
        if len(query_shape) != len(value_shape) or tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ShapeError(
                f"{self._label()}: query and value must have the same rank, and key and value the same steps; got the "
                f"shapes {query_shape}, {key_shape} and {value_shape}."
            )
        rank, (many, few), (key_size, value_size) = len(query_shape), self._heads, self._sizes
        axes = self._attention_axes or tuple(range(1, rank - 1))
        self._attention_axes = tuple(a if a >= 0 else rank + a for a in axes)
        self._query_dense = self._to_heads("query", query_shape, many, key_size)
        self._key_dense = self._to_heads("key", key_shape, few, key_size)
        if self.use_gate:
            self._gate_dense = self._to_heads("gate", query_shape, many, value_size, activation="sigmoid")
        self._value_dense = self._to_heads("value", value_shape, few, value_size)
        lead, shape = _LEAD[: rank - 1], self._output_shape or (query_shape[-1],)
        out = _OUT[: len(shape)]
        self._output_dense = self._projection(
            "attention_output",
            f"{lead}hk,hk{out}->{lead}{out}",
            (*query_shape[:-1], many, value_size),
            shape,
            out,
        )

    def _to_heads(self, name: str, shape: Shape, heads: int, size: int, **more: Any) -> EinsumDense:
        lead = _LEAD[: len(shape) - 1]
        return self._projection(name, f"{lead}x,xhk->{lead}hk", shape, (heads, size), "hk", **more)

    def _projection(
        self, name: str, equation: str, input_shape: Shape, last: Sequence[int | None], bias: str, **more: Any
    ) -> EinsumDense:
        """Return a built projection to a shape that ends with `last`; its bias has the axes `bias`."""
        steps = equation.split("->")[1].removesuffix(bias)[1:]
        layer = EinsumDense(
            equation, (*(None for _ in steps), *last), bias_axes=bias if self._use_bias else None, name=name,
            kernel_initializer=self.kernel_initializer, bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer, bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint, bias_constraint=self.bias_constraint,
            activity_regularizer=self._activity_regularizer, dtype=self.dtype_policy, **more,
        )  # fmt: skip
        layer.build(input_shape)
        layer.built = layer.supports_masking = True
        return layer

    # -- the computation -------------------------------------------------------------------------------

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the outputs, `(batch, queries, size)`, and on request the weights, `(batch, heads, queries, keys)`.

        Args:
            query, value, key: the inputs; the key is the value by default.
            query_mask, value_mask, key_mask: masks of shape `(batch, steps)`. All masks apply together.
            attention_mask: the keys of each query: `(batch, queries, keys)` or `(batch, heads, queries, keys)`.
            return_attention_scores: whether to return the weights, too.
            training: whether to apply dropout.
            use_causal_mask: whether a query attends only to keys up to its own position.
        """
        key = value if key is None else key
        mask = self._mask(
            query, key, [(value_mask, value), (key_mask, key)], query_mask, attention_mask, use_causal_mask
        )
        gate = self._gate_dense(query) if self.use_gate else None
        attend = self._of_projected
        if type(self)._compute_attention is not BaseMultiHeadAttention._compute_attention:
            attend = self._by_subclass
        y, weights = attend(
            self._query_dense(query), self._key_dense(key), self._value_dense(value), mask, training,
            return_attention_scores,
        )  # fmt: skip
        y = self._output_dense(y if gate is None else y * gate)
        return (y, weights) if return_attention_scores else y

    def _compute_attention(
        self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None,
        training: bool | None = None, return_attention_scores: bool | None = None,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Return the outputs of the heads for projected inputs, and on request the weights.

        A subclass may override it, or call it from its own `call`.

        Args:
            query, key, value: the projections, `(batch, ..., heads, size)`. The result has the axes of the query.
            attention_mask: all masks of `call` in one, `(batch, queries, keys)` or `(batch, heads, queries, keys)`.
            training: as in `call`.
            return_attention_scores: as in `call`; by default `_has_weights`.
        """
        if return_attention_scores is None:
            return_attention_scores = self._has_weights
        mask = attention_mask
        if mask is not None:
            mask = self._scores_mask(to_mask(mask), query.shape[:-1], key.shape[:-1])
        return self._of_projected(query, key, value, mask, training, return_attention_scores)

    def _by_subclass(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, training: bool | None, with_weights: bool
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Return the results of the `_compute_attention` of a subclass for the mask of `_mask`."""
        axes = self._attention_axes or ()
        if mask is not None:
            lead = mask.shape[:-2] or (1,)
            lead = lead[:-1] if len(lead) > 1 and lead[-1] == 1 else lead  # without the axis of the heads
            steps = [x.shape[a] for x in (query, key) for a in axes] if len(axes) > 1 else mask.shape[-2:]
            mask = ops.reshape(mask, (*lead, *steps))
        group = self._heads[0] // self._heads[1]
        key, value = (x if group == 1 else ops.repeat(x, group, axis=-2) for x in (key, value))
        more = () if self._has_weights else (with_weights,)
        return self._compute_attention(query, key, value, mask, training, *more)

    def _of_projected(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, training: bool | None, with_weights: bool
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Return the outputs of the heads for projected inputs and the mask of `_mask`, and on request the weights."""
        q, k, v = map(self._to_head_axes, (query, key, value))
        keep = None
        if training and self._dropout:
            keep = keep_mask((*q.shape[:-1], k.shape[-2]), self._dropout, self.seed_generator)
        y, weights = self._attend(q, k, v, mask, keep, with_weights)
        if with_weights:
            steps = [x.shape[a] for x in (query, key) for a in self._attention_axes or ()]
            weights = ops.reshape(weights, (*weights.shape[:-2], *steps))
        return self._from_head_axes(y, query), weights

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, keep: Tensor | None, with_weights: bool
    ) -> Any:
        """Return the outputs of the heads, and on request the weights before dropout.

        As in Keras, a query whose keys are all masked returns the mean of the values; or 0 with dropout, or if the
        weights are returned.
        """
        scale = self._sizes[0] ** -0.5
        has_key = None if mask is None else ops.any(mask, axis=-1, keepdims=True)
        if not with_weights:
            y = attention(q, k, v, mask=mask, keep=keep, scale=scale, rate=self._dropout)
            return (y if has_key is None or not self._dropout else y * has_key.astype(y.dtype)), None
        group = q.shape[-3] // k.shape[-3]
        k, v = (x if group == 1 else ops.repeat(x, group, axis=-3) for x in (k, v))
        weights = masked_softmax(ops.matmul(ops.multiply(q, scale), ops.swapaxes(k, -1, -2)), mask)
        if has_key is not None:
            weights = weights * has_key.astype(weights.dtype)
        kept = weights if keep is None else ops.drop(weights, keep, scale=1 / (1 - self._dropout))
        return ops.matmul(kept, v), weights

    # -- axes ------------------------------------------------------------------------------------------

    def _order(self, rank: int) -> list[int]:
        """Return the axes of a projection, `(batch, ..., heads, size)`, in the order of the heads' computation."""
        axes = self._attention_axes or ()
        return [*(i for i in range(rank - 2) if i not in axes), rank - 2, *axes, rank - 1]

    def _to_head_axes(self, x: Tensor) -> Tensor:
        """Return `(batch, ..., heads, size)` as `(batch, other axes, heads, steps, size)`."""
        x, n = ops.transpose(x, self._order(len(x.shape))), len(self._attention_axes or ())
        return (
            x
            if n == 1
            else ops.reshape(x, (*x.shape[: -n - 1], math.prod(x.shape[-n - 1 : -1]), x.shape[-1]))
        )

    def _from_head_axes(self, y: Tensor, query: Tensor) -> Tensor:
        """Return `(batch, other axes, heads, steps, size)` as `(batch, ..., heads, size)`."""
        order = self._order(len(query.shape))
        if len(self._attention_axes or ()) > 1:
            y = ops.reshape(
                y, (*y.shape[:-2], *(query.shape[a] for a in self._attention_axes or ()), y.shape[-1])
            )
        return ops.transpose(y, [order.index(i) for i in range(len(order))])

    # -- masks -----------------------------------------------------------------------------------------

    def _mask(
        self, query: Tensor, key: Tensor, key_masks: Sequence[tuple[Tensor | None, Tensor]],
        query_mask: Tensor | None, attention_mask: Tensor | None, causal: bool,
    ) -> Tensor | None:  # fmt: skip
        """Return the mask of the scores, which broadcasts to `(batch, ..., heads, queries, keys)`; None without any."""
        found = [ops.swapaxes(self._steps_mask(to_mask(m), x), -1, -2) for m, x in key_masks if m is not None]
        if query_mask is not None:
            found.append(self._steps_mask(to_mask(query_mask), query))
        if attention_mask is not None:
            found.append(self._scores_mask(to_mask(attention_mask), query.shape, key.shape))
        if causal or self.sliding_window is not None:
            found += self._position_masks(query, key, causal)
        return masks.all_of(found)

    def _steps_mask(self, mask: Tensor, x: Tensor) -> Tensor:
        """Return a mask of the leading axes of a tensor as `(batch, ..., 1, steps, 1)`."""
        rank = len(x.shape)
        mask = ops.reshape(mask, (*mask.shape, *(1,) * (rank + 1 - len(mask.shape))))
        return self._to_head_axes(mask if rank == 3 else ops.broadcast_to(mask, (*x.shape[:-1], 1, 1)))

    def _scores_mask(self, mask: Tensor, query: tuple[int, ...], key: tuple[int, ...]) -> Tensor:
        """Return a mask `(batch, ..., queries, keys)`, with or without heads, in the axes of the heads' computation."""
        axes = self._attention_axes or ()
        n = len(axes)
        lead = tuple(mask.shape[: -2 * n])
        lead += (1,) * (len(query) - n - len(lead))
        if n == 1:
            return ops.reshape(mask, (*lead, *mask.shape[-2:]))
        steps = [[x[a] for a in axes] for x in (query, key)]
        mask = ops.broadcast_to(
            ops.reshape(mask, (*lead, *mask.shape[-2 * n :])), (*lead, *steps[0], *steps[1])
        )
        return ops.reshape(mask, (*lead, *map(math.prod, steps)))

    def _position_masks(self, query: Tensor, key: Tensor, causal: bool) -> list[Tensor]:
        """Return the masks `(queries, keys)` of `use_causal_mask` and `sliding_window`."""
        axes = self._attention_axes or ()
        if len(axes) != 1:
            raise ValueError(
                f"{self._label()}: use_causal_mask and sliding_window need a single attention axis; got {axes}. "
                "Pass an attention_mask instead."
            )
        queries, keys = query.shape[axes[0]], key.shape[axes[0]]
        found = [causal_mask(queries, keys)] if causal else []
        if self.sliding_window is not None:
            distance = ops.arange(queries)[:, None] - ops.arange(keys)[None, :]
            found.append(ops.abs(distance) < self.sliding_window)
        return found

    def _mask_outputs(self, inputs: Any, outputs: Any, previous: Any) -> None:
        """Set the mask of the output only, without the weights."""
        super()._mask_outputs(inputs, outputs[0] if isinstance(outputs, tuple) else outputs, previous)


_LEAD, _OUT = "abcdefg", "opqrstuvw"
