"""Indices of integers in a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.types import TensorLike
from hilevel.layers.base.checks import one_of
from hilevel.layers.preprocessing.index_lookup import IndexLookup
from hilevel.layers.preprocessing.vocabulary import VocabularyLike


class IntegerLookup(IndexLookup):
    """A layer that replaces integers by their indices in a vocabulary, in the same shape.

    It is `StringLookup` for integers.

    Args:
        max_tokens: the largest size of the vocabulary that `adapt` makes; unlimited by default.
        num_oov_indices: the number of indices for unknown integers; 0 makes them an error.
        mask_token: the integer of masked elements; none by default.
        oov_token: the integer for unknown integers in the vocabulary.
        vocabulary: a list or an array of integers, or the path of a file with an integer in each line.
        vocabulary_dtype: `"int64"`.
        idf_weights, invert, output_mode, pad_to_max_tokens: as in `StringLookup`.
        oov_method: the choice among several indices for an unknown integer: `"floormod"` for its remainder,
            `"farmhash"` for the remainder of the FarmHash64 of its digits.
        salt: as in `StringLookup`, for `"farmhash"`.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.

    >>> import hilevel
    >>> hilevel.layers.IntegerLookup(vocabulary=[12, 36, 1138])([[36, 7, 12]])
    array([[2, 0, 1]])

    Raises:
        ValueError: the settings contradict each other; at a call, an integer is unknown and `num_oov_indices` is 0.
        TracedValueError: at a call, the layer is part of a compiled model or of a graph.
    """

    kind = "integer"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: VocabularyLike = None,
        vocabulary_dtype: str = "int64",
        idf_weights: TensorLike | None = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: int | Sequence[int] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, sparse, salt, name=name, **kwargs,
        )  # fmt: skip
        self.vocabulary_dtype = one_of("IntegerLookup", "vocabulary_dtype", vocabulary_dtype, ("int64",))
        one_of("IntegerLookup", "oov_method", oov_method, ("floormod", "farmhash"))
        if salt is not None and oov_method == "floormod":
            raise ValueError("IntegerLookup: a salt needs oov_method='farmhash'.")
        self.oov_method = oov_method

    def bucket(self, token: int) -> int:
        """Return the number of the index, among several, for an unknown integer."""
        return token % self.num_oov_indices if self.oov_method == "floormod" else super().bucket(token)
