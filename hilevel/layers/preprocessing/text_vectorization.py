"""Texts as integers or vectors."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hilevel.engine.types import Function, TensorLike
from hilevel.layers.base.checks import (
    bad_setting,
    encoding_of,
    integers,
    one_of,
    positive,
    set_sparse,
    set_unsupported,
)
from hilevel.layers.preprocessing.host import HostLayer
from hilevel.layers.preprocessing.index_lookup import check_settings
from hilevel.layers.preprocessing.string_lookup import StringLookup
from hilevel.layers.preprocessing.vocabulary import VocabularyLike, flat

_LOWER = dict(zip(map(ord, string.ascii_uppercase), string.ascii_lowercase, strict=True))
_STRIP = dict.fromkeys(map(ord, string.punctuation))
_STANDARDIZE: dict[str, dict[int, Any]] = {
    "lower": _LOWER,
    "strip_punctuation": _STRIP,
    "lower_and_strip_punctuation": _LOWER | _STRIP,
}
_SPLIT = ("whitespace", "character")
_WORDS = re.compile(r"[^ \t\n\v\f\r]+")


class TextVectorization(HostLayer):
    """A layer that replaces texts by the indices of their words, `(batch, words)`, or by vectors of their words.

    It standardizes a text, splits it into words, joins the words to n-grams, and replaces them by a `StringLookup`. The
    vocabulary begins with `""` for padding (if `output_mode` is `"int"`) and `"[UNK]"`. The layer works on the host.
    Apply it to data, not in a model.

    Args:
        max_tokens: the largest size of the vocabulary that `adapt` makes; unlimited by default.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"` (for ASCII), a function of an
            array of strings, or None.
        split: `"whitespace"`, `"character"`, a function from a list of texts to a list of lists of words, or None.
        ngrams: the largest length of n-grams, or a tuple of lengths; single words by default.
        output_mode: `"int"`, `"multi_hot"`, `"count"` or `"tf_idf"`, as in `StringLookup`.
        output_sequence_length: the number of words to which texts are cut or padded; by default the longest text's.
        pad_to_max_tokens: whether vectors have the length `max_tokens`.
        vocabulary: a list or an array of words, or the path of a file with a word in each line.
        idf_weights: a weight for each word of `vocabulary`, required with `"tf_idf"`.
        encoding: the text encoding of bytes, and of the file.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.
        ragged: not implemented; only False is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> layer(["Foo, qux bar!", "qux baz"])
    array([[4, 1, 3, 0],
           [1, 2, 0, 0]])

    Raises:
        ValueError: the settings contradict each other; at a call, the inputs are neither `(batch,)` nor `(batch, 1)`.
        TracedValueError: at a call, the layer is part of a compiled model or of a graph.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Function | None = "lower_and_strip_punctuation",
        split: str | Function | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: VocabularyLike = None,
        idf_weights: TensorLike | None = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        set_sparse(self, sparse)
        set_unsupported(self, ragged=bool(ragged))
        name = "TextVectorization"
        for label, value, known in (("standardize", standardize, _STANDARDIZE), ("split", split, _SPLIT)):
            if not callable(value):
                one_of(name, label, value, (*known, None))
        one_of(name, "output_mode", output_mode, ("int", "multi_hot", "count", "tf_idf"))
        check_settings(name, max_tokens, output_mode, pad_to_max_tokens, vocabulary, idf_weights)
        encoding_of(name, encoding)
        ngrams = integers(name, "ngrams", ngrams, 1, none=True)
        if output_sequence_length is not None:
            positive(name, "output_sequence_length", output_sequence_length)
            if output_mode != "int":
                raise bad_setting(
                    name, "output_mode", "'int', where output_sequence_length is given", output_mode
                )
        self.standardize, self.encoding = standardize, encoding
        self.split: Any = split
        self.ngrams = ngrams
        self.output_sequence_length = output_sequence_length
        self.lookup = StringLookup(
            max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, encoding=encoding,
        )  # fmt: skip

    _names_in_files: ClassVar[dict[str, str]] = {"lookup": "_lookup_layer"}

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"vocabulary": self.lookup._settings()["vocabulary"]}

    max_tokens = property(attrgetter("lookup.max_tokens"))
    output_mode = property(attrgetter("lookup.output_mode"))
    pad_to_max_tokens = property(attrgetter("lookup.pad_to_max_tokens"))

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the words by index, with or without `""` and `"[UNK]"`."""
        return self.lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return the number of words, including `""` and `"[UNK]"`."""
        return self.lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: VocabularyLike, idf_weights: TensorLike | None = None) -> None:
        """Set the words, as `StringLookup.set_vocabulary` does."""
        self.lookup.set_vocabulary(vocabulary, idf_weights)

    def adapt(
        self, data: TensorLike | Iterable[Any], batch_size: int | None = None, steps: int | None = None
    ) -> None:
        """Make the vocabulary from texts, by descending frequency; words of equal frequency in reverse order.

        Args:
            data: a list or an array of texts, or batches of texts.
            batch_size: not used.
            steps: the number of batches to use; all by default.

        Raises:
            ValueError: the layer has a vocabulary already.
        """
        self.reset_state()
        for batch in self.batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Reset the counts."""
        self.lookup.reset_state()

    def update_state(self, data: TensorLike) -> None:
        """Count the words of a batch of texts."""
        self.lookup.count(self.words(data))

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        self.lookup.finalize_state()

    def save_assets(self, dir_path: str | Path) -> None:
        """Write the vocabulary to `vocabulary.txt` in a folder, with a word in each line."""
        self.lookup.save_assets(dir_path)

    def load_assets(self, dir_path: str | Path) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self.lookup.load_assets(dir_path)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Save the weights of words to a mapping."""
        self.lookup.save_own_variables(store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load the weights of words from a mapping."""
        self.lookup.load_own_variables(store)

    def call(self, inputs: TensorLike) -> np.ndarray[Any, Any]:
        """Return integers `(batch, words)` or vectors `(batch, vocabulary)` for texts `(batch,)` or `(batch, 1)`."""
        documents = self.words(inputs)
        if self.lookup.output_mode == "int":
            found = self._padded_indices(documents)
        else:
            found = self.lookup.encode_documents(documents)
        return found if np.ndim(inputs) else found[0]

    def _padded_indices(self, documents: list[list[str]]) -> np.ndarray[Any, Any]:
        """Return the index of each word, with rows cut or padded with zeros to one length."""
        longest = max(map(len, documents), default=0)
        length = longest if self.output_sequence_length is None else self.output_sequence_length
        result = np.zeros((len(documents), length), np.int64)
        for row, words in zip(result, documents, strict=True):
            row[: len(words)] = self.lookup.indices(words[:length])
        return result

    def words(self, texts: TensorLike) -> list[list[str]]:
        """Return the words, or n-grams, of each text."""
        array = np.asarray(texts)
        if array.ndim > 2 or (self.split is not None and array.ndim == 2 and array.shape[1] != 1):
            raise ValueError(
                f"{self._label()} expects texts of shape (batch,) or (batch, 1); got shape {array.shape}. For split "
                "texts set split=None."
            )
        plain = flat(array, "string", self.encoding)
        if callable(self.standardize):
            plain = flat(self.standardize(np.array(plain, np.str_)), "string", self.encoding)
        elif self.standardize is not None:
            plain = [text.translate(_STANDARDIZE[self.standardize]) for text in plain]
        documents = self._split(plain, array.shape[-1] if array.ndim > 1 else 1)
        return documents if self.ngrams is None else [_ngrams(words, self.ngrams) for words in documents]

    def _split(self, texts: list[str], columns: int) -> list[list[str]]:
        if self.split is None:
            return [texts[i : i + columns] for i in range(0, len(texts), columns)]
        if self.split == "whitespace":
            return [_WORDS.findall(text) for text in texts]
        if self.split == "character":
            return [list(text) for text in texts]
        return [flat(words, "string", self.encoding) for words in self.split(texts)]


def _ngrams(words: list[str], ngrams: int | Sequence[int]) -> list[str]:
    lengths = range(1, min(ngrams, len(words)) + 1) if isinstance(ngrams, int) else ngrams
    return [" ".join(words[i : i + n]) for n in lengths for i in range(len(words) - n + 1)]
