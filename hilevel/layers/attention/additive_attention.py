"""Additive attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.layers.attention.attention import Attention
from hilevel.layers.base.input_axes import last_axis
from hilevel.layers.base.settings import Options


class AdditiveAttention(Attention):
    """Attention whose scores are `sum(scale * tanh(query + key))` over the last axis. Bahdanau et al., 2014.

    The inputs are the inputs of `Attention`.

    Args:
        use_scale: whether `scale` is trainable, with an element for each feature; otherwise it is 1.
        dropout: the fraction of the attention weights that is set to 0 in training.

    >>> import hilevel
    >>> hilevel.layers.AdditiveAttention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)
        self.score_mode = "additive"

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Make the scale."""
        self._check(input_shape, None)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight((last_axis(self, input_shape[0]),), "glorot_uniform", name="scale")

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the scores, `(batch, queries, keys)`."""
        total = ops.tanh(query[..., :, None, :] + key[..., None, :, :])
        return ops.sum(total if self.scale is None else self.scale * total, axis=-1)
