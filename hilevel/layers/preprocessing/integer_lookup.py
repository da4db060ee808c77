"""Indices of integers in a vocabulary."""

from __future__ import annotations

from typing import Any

from hilevel.layers.base.checks import one_of
from hilevel.layers.preprocessing.index_lookup import IndexLookup


class IntegerLookup(IndexLookup):
    """Integers as other integers: their places in a vocabulary, which is given, or learned from data by `adapt`.

    As `StringLookup`, but for integers.

    Args:
        max_tokens: the largest size of the vocabulary, which `adapt` keeps to; none by default.
        num_oov_indices: how many indices unknown integers share; 0 makes them an error.
        mask_token: the integer that stands for none; none by default.
        oov_token: what unknown integers are called in the vocabulary.
        vocabulary: a list or an array of integers, or the path of a file with one in each line.
        vocabulary_dtype: `"int64"`.
        idf_weights, invert, output_mode, pad_to_max_tokens: as in `StringLookup`.
        oov_method: which of several indices an unknown integer gets: `"floormod"` its remainder, `"farmhash"` that of
            the FarmHash64 of its digits.
        salt: as in `StringLookup`, for `"farmhash"`.
        sparse: not implemented; only False is accepted.

    >>> import hilevel
    >>> hilevel.layers.IntegerLookup(vocabulary=[12, 36, 1138])([[36, 7, 12]])
    array([[2, 0, 1]])

    Raises:
        ValueError: the arguments contradict each other; at a call, an integer is unknown and `num_oov_indices` is 0.
        TracedValueError: at a call, the layer is part of a model that is compiled, or of a graph.
    """

    kind = "integer"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
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
            raise ValueError("IntegerLookup: a salt is for oov_method='farmhash'.")
        self.oov_method = oov_method

    def bucket(self, token: int) -> int:
        """Which of several indices an unknown integer gets."""
        return token % self.num_oov_indices if self.oov_method == "floormod" else super().bucket(token)
