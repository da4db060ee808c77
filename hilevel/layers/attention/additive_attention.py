"""Additive attention."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.attention.attention import Attention
from hilevel.layers.base.input_axes import last_axis
from hilevel.layers.base.settings import Options


class AdditiveAttention(Attention):
    """Attention whose scores are `sum(scale * tanh(query + key))` over the last axis. Bahdanau et al., 2014.

    It is called on what `Attention` is called on.

    Args:
        use_scale: whether there is a `scale`, learned, for each feature; else it is 1.
        dropout: the share of the weights that is set to 0 in training.

    >>> import hilevel
    >>> hilevel.layers.AdditiveAttention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)
        self.score_mode = "additive"

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        self._check(input_shape, None)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight((last_axis(self, input_shape[0]),), "glorot_uniform", name="scale")

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each query fits each key."""
        total = ops.tanh(query[..., :, None, :] + key[..., None, :, :])
        return ops.sum(total if self.scale is None else self.scale * total, axis=-1)
