"""Indices of strings in a vocabulary."""

from __future__ import annotations

from typing import Any

from hilevel.layers.base.checks import encoding_of
from hilevel.layers.preprocessing.index_lookup import IndexLookup


class StringLookup(IndexLookup):
    """Strings as integers: their places in a vocabulary, which is given, or learned from data by `adapt`.

    In the vocabulary the mask comes first, if there is one and `output_mode` is `"int"`, then as many tokens for
    unknown strings as `num_oov_indices` says, then the strings. The layer works on the host, on lists and arrays of
    strings; apply it to data, not in a model.

    Args:
        max_tokens: the largest size of the vocabulary, which `adapt` keeps to; none by default.
        num_oov_indices: how many indices unknown strings share, by their hash; 0 makes them an error.
        mask_token: the string that stands for no string; none by default.
        oov_token: what unknown strings are called in the vocabulary.
        vocabulary: a list or an array of strings, or the path of a file with one in each line.
        idf_weights: a weight for each string of `vocabulary`, which `"tf_idf"` needs with it.
        invert: whether to put strings in the place of integers instead.
        output_mode: `"int"` the index of each string, `"one_hot"` a vector for each, `"multi_hot"` a vector for each
            sample with ones for the strings in it, `"count"` with their numbers, `"tf_idf"` with their numbers times
            their weights.
        pad_to_max_tokens: whether these vectors have the length `max_tokens`.
        encoding: of bytes, and of the file.
        salt: an integer, or two, that make the hash another one, SipHash64; by default it is FarmHash64.
        sparse: not implemented; only False is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.StringLookup()
    >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    >>> layer.get_vocabulary()
    ['[UNK]', 'd', 'z', 'c', 'b', 'a']
    >>> layer([["a", "what", "d"]])
    array([[5, 0, 1]])

    Raises:
        ValueError: the arguments contradict each other; at a call, a string is unknown and `num_oov_indices` is 0.
        TracedValueError: at a call, the layer is part of a model that is compiled, or of a graph.
    """

    kind = "string"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding_of("StringLookup", encoding)
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, sparse, salt, name=name, **kwargs,
        )  # fmt: skip
