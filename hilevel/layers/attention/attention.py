"""Dot-product attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import masks, ops, random
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import flags, one_of, rate_of, seed_of
from hilevel.layers.base.input_spec import check_sequences
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.ops.nn.attention import attention, causal_mask, masked_softmax, to_mask
from hilevel.random.functions import keep_mask

SCORE_MODES = ("dot", "concat", "cosine", "euclidean")


class Attention(Layer):
    """Attention: `softmax(scores(query, key)) @ value`, a weighted mean of the values for each query.

    The inputs are `[query, value]` or `[query, value, key]`, of shapes `(batch, queries, size)` and
    `(batch, keys, size)`. The default of the key is the value. A masked value has weight 0, and a masked query gives
    the output 0. Luong et al., 2015.

    Args:
        use_scale: whether to multiply the scores by a trainable scalar.
        score_mode: the score of a query `q` and a key `k`. `"dot"` is `q . k`, and `"concat"` is
            `w * sum(tanh(q + k))` with a trainable `w`, where the scale is inside of the tanh. Keras lacks
            `"cosine"`, `q . k / (|q| |k|)`, and `"euclidean"`, `-|q - k|`, with the gradient 0 for equal vectors.
        dropout: the fraction of the attention weights that is set to 0 in training.
        seed: an integer for the same dropout in every run.

    >>> import hilevel
    >>> x = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> hilevel.layers.Attention()([x, x], use_causal_mask=True).round(2)
    array([[[1.  , 0.  ],
            [0.27, 0.73]]], dtype=float32)

    Raises:
        ValueError: `score_mode` is unknown, or, at a call, there are not two or three tensors.
    """

    scale: Variable | None
    concat_score_weight: Variable | None

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        flags(name, use_scale=use_scale)
        self.use_scale, self.seed = use_scale, seed_of(name, seed)
        self.score_mode = one_of(name, "score_mode", score_mode, SCORE_MODES)
        self.dropout = rate_of(name, dropout, "dropout")
        self.supports_masking = True
        if self.dropout:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Make the scalars of the score, if the settings need any."""
        self._check(input_shape, None)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the outputs, `(batch, queries, size)`, and on request the weights, `(batch, queries, keys)`.

        Args:
            inputs: `[query, value]` or `[query, value, key]`.
            mask: a mask or None for each input.
            training: whether to apply dropout.
            return_attention_scores: whether to return the weights, too.
            use_causal_mask: whether a query attends only to keys up to its own position.
        """
        self._check(inputs, mask)
        check_sequences(self, inputs)
        query, value = inputs[:2]
        key = inputs[-1]
        allowed = self._mask(query, key, mask, use_causal_mask)
        keep = None
        if training and self.dropout:
            shape = (*query.shape[:-1], key.shape[-2])
            keep = keep_mask(shape, self.dropout, self.seed_generator)
        weights = None
        if self.score_mode in ("dot", "cosine") and not return_attention_scores:
            y = attention(*self._prepared(query, key), value, mask=allowed, keep=keep, rate=self.dropout)
        else:
            weights = masked_softmax(self._scores(query, key), allowed)
            if keep is not None:
                weights = ops.drop(weights, keep, scale=1 / (1 - self.dropout))
            y = ops.matmul(weights, value)
        if mask and mask[0] is not None:
            y = masks.masked(y, to_mask(mask[0]))
        return (y, weights) if return_attention_scores else y

    def _mask(
        self, query: Tensor, key: Tensor, mask: Sequence[Tensor | None] | None, causal: bool
    ) -> Tensor | None:
        """Return the mask of the scores, which broadcasts to `(batch, queries, keys)`; None without any mask."""
        keys = masks.all_of([to_mask(m) for m in (mask or ())[1:]])
        found = [None if keys is None else keys[..., None, :]]
        if causal:
            found.append(causal_mask(query.shape[-2], key.shape[-2]))
        return masks.all_of(found)

    def _prepared(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Return query and key such that their dot products are the scores."""
        if self.score_mode == "cosine":
            query, key = ops.normalize(query), ops.normalize(key)
        return (query if self.scale is None else query * self.scale), key

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the scores, `(batch, queries, keys)`."""
        if self.score_mode in ("dot", "cosine"):
            query, key = self._prepared(query, key)
            return ops.matmul(query, ops.swapaxes(key, -1, -2))
        query, key = query[..., :, None, :], key[..., None, :, :]
        if self.score_mode == "concat":
            total = query + key if self.scale is None else self.scale * (query + key)
            return self.concat_score_weight * ops.sum(ops.tanh(total), axis=-1)
        scores = -_norm(query - key)
        return scores if self.scale is None else self.scale * scores

    def compute_mask(
        self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None
    ) -> Tensor | None:
        """Return the mask of the query."""
        self._check(inputs, mask)
        return mask[0] if mask else None

    def _check(self, inputs: object, mask: object) -> None:
        for name, x, least in (("inputs", inputs, 2), ("mask", mask, 1)):
            if x is not None and not (isinstance(x, (list, tuple)) and least <= len(x) <= 3):
                raise ValueError(
                    f"{self._label()}: {name} must be a list for query and value, or for query, value "
                    f"and key; got {x!r:.80}."
                )


def _norm(x: Tensor) -> Tensor:
    """Return the norms of the vectors along the last axis, with the gradient 0 at 0."""
    squares = ops.sum(ops.square(x), axis=-1)
    positive = squares > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)
