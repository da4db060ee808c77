"""Indices of strings in a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.types import TensorLike
from hilevel.layers.base.checks import encoding_of
from hilevel.layers.preprocessing.index_lookup import IndexLookup
from hilevel.layers.preprocessing.vocabulary import VocabularyLike


class StringLookup(IndexLookup):
    """A layer that replaces strings by their indices in a vocabulary, in the same shape.

    The vocabulary is an argument, or made from data by `adapt`. It begins with the mask, if there is one and
    `output_mode` is `"int"`, and `num_oov_indices` tokens for unknown strings. The layer works on the host, on lists
    and arrays of strings. Apply it to data, not in a model.

    Args:
        max_tokens: the largest size of the vocabulary that `adapt` makes; unlimited by default.
        num_oov_indices: the number of indices for unknown strings, chosen by hash; 0 makes them an error.
        mask_token: the string of masked elements; none by default.
        oov_token: the string for unknown strings in the vocabulary.
        vocabulary: a list or an array of strings, or the path of a file with a string in each line.
        idf_weights: a weight for each string of `vocabulary`, required with `"tf_idf"`.
        invert: whether to replace indices by strings instead.
        output_mode: `"int"` for the index of each string, `"one_hot"` for a vector for each string. `"multi_hot"` gives
            a vector for each sample with ones for its strings, `"count"` with their counts, and `"tf_idf"` with the
            counts times the weights.
        pad_to_max_tokens: whether the vectors have the length `max_tokens`.
        encoding: the text encoding of bytes, and of the file.
        salt: one or two integers, the key of SipHash64; by default the hash is FarmHash64.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.

    >>> import hilevel
    >>> layer = hilevel.layers.StringLookup()
    >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    >>> layer.get_vocabulary()
    ['[UNK]', 'd', 'z', 'c', 'b', 'a']
    >>> layer([["a", "what", "d"]])
    array([[5, 0, 1]])

    Raises:
        ValueError: the settings contradict each other; at a call, a string is unknown and `num_oov_indices` is 0.
        TracedValueError: at a call, the layer is part of a compiled model or of a graph.
    """

    kind = "string"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: VocabularyLike = None,
        idf_weights: TensorLike | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding_of("StringLookup", encoding)
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, sparse, salt, name=name, **kwargs,
        )  # fmt: skip
