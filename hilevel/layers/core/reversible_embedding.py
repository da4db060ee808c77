"""The embedding layer that also projects vectors to scores of indices."""

from __future__ import annotations

from typing import Any

from hilevel import masks, ops
from hilevel.engine.types import DTypeLike, Function, Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import flags, number
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, RegularizerLike
from hilevel.layers.core.embedding import Embedding


class ReversibleEmbedding(Embedding):
    """An `Embedding` which, with `reverse=True`, projects vectors to a score of each index. Press and Wolf, 2016.

    Args:
        input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: as
            in `Embedding`.
        tie_weights: whether the projection uses the transposed vectors, or a weight of its own.
        reverse_dtype: the dtype of the projection; the dtype of the layer by default.
        logit_soft_cap: a bound of the scores, which become `tanh(scores / cap) * cap`; None for no bound.

    >>> import hilevel
    >>> layer = hilevel.layers.ReversibleEmbedding(10, 3)
    >>> vectors = layer(np.array([[1, 2]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 2, 3), (1, 2, 10))
    """

    embeddings_initializer: Function
    reverse_embeddings: Variable

    def __init__(
        self, input_dim: int, output_dim: int, tie_weights: bool = True,
        embeddings_initializer: InitializerLike = "uniform", embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None, mask_zero: bool = False, reverse_dtype: DTypeLike = None,
        logit_soft_cap: float | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        flags("ReversibleEmbedding", tie_weights=tie_weights)
        # before the constructor of the base, which builds the layer if it gets `weights`
        self.tie_weights = tie_weights
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero,
            **kwargs,
        )  # fmt: skip
        self.reverse_dtype = reverse_dtype
        cap = logit_soft_cap
        self.logit_soft_cap = cap if cap is None else number("ReversibleEmbedding", "logit_soft_cap", cap)

    def build(self, input_shape: Shape | None = None) -> None:
        """Make the vectors, and the projection if it has its own weight."""
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                "reverse_embeddings",
                (self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        """Return the vectors of indices; with `reverse` the scores `(..., input_dim)` of vectors."""
        if reverse:
            return self._scores(inputs)
        vectors = super().call(inputs)
        return masks.set_mask(vectors, super().compute_mask(inputs))

    def _scores(self, vectors: Tensor) -> Tensor:
        kernel: Any = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        scores = ops.matmul(ops.cast(vectors, dtype), ops.cast(kernel, dtype))
        cap = self.logit_soft_cap
        return scores if cap is None else ops.tanh(scores / cap) * cap

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        """Return None: `call` sets the mask of the vectors, and scores have none."""
        return
