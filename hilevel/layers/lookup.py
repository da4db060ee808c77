"""Integers in the place of strings and of other integers: by a vocabulary, or by a hash."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from hilevel.config import settings
from hilevel.layers.checks import encoding_of, one_of, positive, set_unsupported
from hilevel.layers.hashes import bucket, two_numbers
from hilevel.layers.host import HostLayer, encoded
from hilevel.layers.index_lookup import IndexLookup
from hilevel.layers.settings import Options
from hilevel.layers.vocabulary import flat


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


class Hashing(HostLayer):
    """Strings or integers as integers below `num_bins`: their hash, without a vocabulary.

    Args:
        num_bins: how many integers there are.
        mask_value: what is put to 0, and leaves the integers from 1 to all others; none by default.
        salt: an integer, or two, that make the hash another one, SipHash64; by default it is FarmHash64.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`, as in `StringLookup`.
        sparse: not implemented; only False is accepted.

    >>> import hilevel
    >>> hilevel.layers.Hashing(3)([["A"], ["B"], ["E"]])
    array([[1],
           [0],
           [2]])

    Raises:
        ValueError: `num_bins` is no positive integer, or the mode is none of the four.
        TracedValueError: at a call, the layer is part of a model that is compiled, or of a graph.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else settings.floatx
        super().__init__(**kwargs)
        set_unsupported(self, sparse=bool(sparse))
        output_mode = one_of("Hashing", "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.num_bins = positive("Hashing", "num_bins", num_bins)
        self.mask_value, self.output_mode = mask_value, output_mode
        self.salt = two_numbers("Hashing", salt)

    def call(self, inputs: Any) -> Any:
        """The bins of the inputs, of their shape, or vectors of them."""
        array = np.asarray(inputs)
        values = flat(array, "string" if array.dtype.kind in "USO" else "integer")
        bins = np.array([self._bin(value) for value in values], np.int64).reshape(array.shape)
        return encoded(bins, self.output_mode, self.num_bins).astype(self.compute_dtype)

    def _bin(self, value: Any) -> int:
        masked = self.mask_value is not None and self.num_bins > 1
        if masked and value == self.mask_value:
            return 0
        return masked + bucket(str(value).encode(), self.num_bins - masked, self.salt)
