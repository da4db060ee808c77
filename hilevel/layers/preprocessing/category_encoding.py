"""Encodings of integers as vectors."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops
from hilevel.engine.ranges import expect_indices
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import (
    one_of,
    positive,
    set_sparse,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class CategoryEncoding(Layer):
    """A layer that encodes integers as one-hot, multi-hot or count vectors.

    Args:
        num_tokens: the number of integers, which are 0 to `num_tokens - 1`.
        output_mode: `"one_hot"` for a vector for each integer. `"multi_hot"` gives a vector for each sample with
            ones for its integers, `"count"` with their counts.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.

    >>> import hilevel
    >>> hilevel.layers.CategoryEncoding(3, "count")(np.array([[0, 2, 2]]))
    array([[1., 0., 2.]], dtype=float32)

    Raises:
        ValueError: the mode is unknown.
        IndexError: at a call, an integer in the host's memory is not below `num_tokens`.
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        set_sparse(self, sparse)
        modes = ("one_hot", "multi_hot", "count", "binary")
        output_mode = one_of("CategoryEncoding", "output_mode", output_mode, modes)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        self.num_tokens = positive("CategoryEncoding", "num_tokens", num_tokens)
        self.output_mode = output_mode

    def call(self, inputs: Tensor, count_weights: Tensor | None = None) -> Tensor:
        """Return the vectors: shape `(batch, n)` to `(batch, num_tokens)`.

        With `"one_hot"` the vectors are a new last axis, or replace a last axis of length 1.
        """
        if count_weights is not None and self.output_mode != "count":
            raise ValueError("CategoryEncoding: count_weights need output_mode='count'.")
        advice = "Give the layer a larger num_tokens: the largest integer plus 1."
        expect_indices(inputs, self.num_tokens, f"{self._label()}: integer", advice)
        hot = ops.one_hot(inputs, self.num_tokens, dtype=self.compute_dtype)
        if self.output_mode == "one_hot":
            last_is_one = len(inputs.shape) > 1 and inputs.shape[-1] == 1
            return ops.squeeze(hot, axis=-2) if last_is_one else hot
        if len(inputs.shape) < 1:
            return hot
        if self.output_mode == "multi_hot":
            return ops.max(hot, axis=-2)
        if count_weights is not None:
            hot = hot * ops.expand_dims(ops.cast(count_weights, hot.dtype), -1)
        return ops.sum(hot, axis=-2)
