"""Text as integers."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from hilevel.layers.base.checks import bad_setting, encoding_of, integers, one_of, positive, set_unsupported
from hilevel.layers.preprocessing.host import HostLayer
from hilevel.layers.preprocessing.index_lookup import check_settings
from hilevel.layers.preprocessing.string_lookup import StringLookup
from hilevel.layers.preprocessing.vocabulary import flat

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
    """Texts as integers, one for each word, or as vectors of the words in them.

    A text is standardized, split into words, these are joined to n-grams, and a `StringLookup` puts integers in their
    place; in the vocabulary `""`, which fills short texts up, is the first (where `output_mode` is `"int"`) and
    `"[UNK]"` the next. The layer works on the host; apply it to data, not in a model.

    Args:
        max_tokens: the largest size of the vocabulary, which `adapt` keeps to; none by default.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"` (all of ASCII), a function of an
            array of strings, or None.
        split: `"whitespace"`, `"character"`, a function from a list of texts to a list of lists of words, or None.
        ngrams: the largest length of n-grams, or a tuple of lengths; single words by default.
        output_mode: `"int"`, `"multi_hot"`, `"count"` or `"tf_idf"`, as in `StringLookup`.
        output_sequence_length: the length that texts are cut or filled up to; by default that of the longest.
        pad_to_max_tokens: whether vectors have the length `max_tokens`.
        vocabulary: a list or an array of words, or the path of a file with one in each line.
        idf_weights: a weight for each word of `vocabulary`, which `"tf_idf"` needs with it.
        encoding: of bytes, and of the file.
        sparse, ragged: not implemented; only the defaults are accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> layer(["Foo, qux bar!", "qux baz"])
    array([[4, 1, 3, 0],
           [1, 2, 0, 0]])

    Raises:
        ValueError: the arguments contradict each other; at a call, the inputs have two axes and the last is not 1.
        TracedValueError: at a call, the layer is part of a model that is compiled, or of a graph.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        set_unsupported(self, sparse=bool(sparse), ragged=bool(ragged))
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
        self.standardize, self.split, self.encoding = standardize, split, encoding
        self.ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams and tuple(ngrams)
        self.output_sequence_length = output_sequence_length
        self.lookup = StringLookup(
            max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, encoding=encoding,
        )  # fmt: skip

    max_tokens = property(attrgetter("lookup.max_tokens"))
    output_mode = property(attrgetter("lookup.output_mode"))
    pad_to_max_tokens = property(attrgetter("lookup.pad_to_max_tokens"))

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words, each at its index; `include_special_tokens=False` leaves `""` and `"[UNK]"` out."""
        return self.lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of words, with `""` and `"[UNK]"`."""
        return self.lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the words, as `StringLookup.set_vocabulary` does."""
        self.lookup.set_vocabulary(vocabulary, idf_weights)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the words of texts: the most frequent first, equally frequent ones from the end of the alphabet.

        Data are a list or an array of texts, or batches of such, of which `steps` are taken; `batch_size` does nothing.

        Raises:
            ValueError: the vocabulary was given.
        """
        self.reset_state()
        for batch in self.batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self.lookup.reset_state()

    def update_state(self, data: Any) -> None:
        """Count the words of a batch of texts."""
        self.lookup.count(self.words(data))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self.lookup.finalize_state()

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary to `vocabulary.txt` in a folder, one word in each line."""
        self.lookup.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self.lookup.load_assets(dir_path)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of words into a dict of arrays."""
        self.lookup.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of words from a dict of arrays."""
        self.lookup.load_own_variables(store)

    def call(self, inputs: Any) -> Any:
        """Texts, `(batch,)` or `(batch, 1)`, as integers `(batch, words)`, or vectors `(batch, vocabulary)`."""
        documents = self.words(inputs)
        if self.lookup.output_mode == "int":
            found = self._filled(documents)
        else:
            found = self.lookup.of_documents(documents)
        return found if np.ndim(inputs) else found[0]

    def _filled(self, documents: list[list[str]]) -> np.ndarray[Any, Any]:
        """The index of each word, rows cut or filled up with zeros to one length."""
        longest = max(map(len, documents), default=0)
        length = longest if self.output_sequence_length is None else self.output_sequence_length
        result = np.zeros((len(documents), length), np.int64)
        for row, words in zip(result, documents, strict=True):
            row[: len(words)] = self.lookup.indices(words[:length])
        return result

    def words(self, texts: Any) -> list[list[str]]:
        """The words of each text, or their n-grams."""
        array = np.asarray(texts)
        if array.ndim > 2 or (self.split is not None and array.ndim == 2 and array.shape[1] != 1):
            raise ValueError(
                f"{self._label()} expects texts of shape (batch,) or (batch, 1); got shape {array.shape}. Texts that "
                "are split already need split=None."
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


def _ngrams(words: list[str], lengths: Iterable[int]) -> list[str]:
    return [" ".join(words[i : i + n]) for n in lengths for i in range(len(words) - n + 1)]
