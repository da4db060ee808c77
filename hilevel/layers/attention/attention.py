"""Dot-product attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import masks, ops, random
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import flags, one_of, rate_of, seed_of
from hilevel.layers.base.input_spec import check_sequences
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.ops.nn.attention import attention, causal_mask, masked_softmax, to_mask
from hilevel.random.functions import keep_mask

SCORE_MODES = ("dot", "concat", "cosine", "euclidean")


class Attention(Layer):
    """`softmax(scores(query, key)) @ value`: for each query a mean of the values, weighted by how well their keys
    fit. Luong et al., 2015.

    It is called on `[query, value]` or `[query, value, key]`, of shapes `(batch, queries, size)` and
    `(batch, keys, size)`; the key is the value where it is not given. Masked values get no weight, and the output
    of a masked query is 0.

    Args:
        use_scale: whether the scores are multiplied with a number that is learned.
        score_mode: how well a query `q` and a key `k` fit: `"dot"` is `q . k`, and `"concat"` is
            `w * sum(tanh(q + k))` with a learned `w`, where the scale is inside of the tanh. Beyond Keras,
            `"cosine"` is `q . k / (|q| |k|)`, and `"euclidean"` is `-|q - k|`, whose gradient is 0 where the two
            are equal.
        dropout: the share of the weights that is set to 0 in training.
        seed: an integer, to draw the same dropout in every run.

    >>> import hilevel
    >>> x = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> hilevel.layers.Attention()([x, x], use_causal_mask=True).round(2)
    array([[[1.  , 0.  ],
            [0.27, 0.73]]], dtype=float32)

    Raises:
        ValueError: `score_mode` is none of these, or, at a call, there are not two or three tensors.
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

    def build(self, input_shape: Any) -> None:
        """Make the learned numbers, if there are any."""
        self._check(input_shape, None)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Any = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """`[query, value]` or `[query, value, key]` to `(batch, queries, size of the value)`, and, if they are
        wanted, the weights, `(batch, queries, keys)`. `mask` holds a mask for each input, or None. With
        `use_causal_mask` a query sees the keys up to its own place alone."""
        self._check(inputs, mask)
        check_sequences(self, inputs)
        query, value = inputs[:2]
        key = inputs[-1]
        seen = self._seen(query, key, mask, use_causal_mask)
        keep = None
        if training and self.dropout:
            shape = (*query.shape[:-1], key.shape[-2])
            keep = keep_mask(shape, self.dropout, self.seed_generator)
        weights = None
        if self.score_mode in ("dot", "cosine") and not return_attention_scores:
            y = attention(*self._prepared(query, key), value, mask=seen, keep=keep, rate=self.dropout)
        else:
            weights = masked_softmax(self._scores(query, key), seen)
            if keep is not None:
                weights = ops.drop(weights, keep, scale=1 / (1 - self.dropout))
            y = ops.matmul(weights, value)
        if mask and mask[0] is not None:
            y = masks.masked(y, to_mask(mask[0]))
        return (y, weights) if return_attention_scores else y

    def _seen(self, query: Tensor, key: Tensor, mask: Any, causal: bool) -> Tensor | None:
        """Which keys each query sees, `(batch, queries, keys)` or what fits it; None where it is all."""
        seen = masks.all_of([to_mask(m) for m in (mask or ())[1:]])
        found = [None if seen is None else seen[..., None, :]]
        if causal:
            found.append(causal_mask(query.shape[-2], key.shape[-2]))
        return masks.all_of(found)

    def _prepared(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Query and key, so that their dot products are the scores."""
        if self.score_mode == "cosine":
            query, key = ops.normalize(query), ops.normalize(key)
        return (query if self.scale is None else query * self.scale), key

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each query fits each key."""
        if self.score_mode in ("dot", "cosine"):
            query, key = self._prepared(query, key)
            return ops.matmul(query, ops.swapaxes(key, -1, -2))
        query, key = query[..., :, None, :], key[..., None, :, :]
        if self.score_mode == "concat":
            total = query + key if self.scale is None else self.scale * (query + key)
            return self.concat_score_weight * ops.sum(ops.tanh(total), axis=-1)
        scores = -_length(query - key)
        return scores if self.scale is None else self.scale * scores

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The query's mask."""
        self._check(inputs, mask)
        return mask[0] if mask else None

    def _check(self, inputs: Any, mask: Any) -> None:
        for name, x, least in (("inputs", inputs, 2), ("mask", mask, 1)):
            if x is not None and not (isinstance(x, (list, tuple)) and least <= len(x) <= 3):
                raise ValueError(
                    f"{self._label()}: {name} must be a list of what belongs to query and value, or to query, "
                    f"value and key; got {x!r:.80}."
                )


def _length(x: Tensor) -> Tensor:
    """The length of the vectors along the last axis, with the gradient 0 where it is 0."""
    squares = ops.sum(ops.square(x), axis=-1)
    positive = squares > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)
