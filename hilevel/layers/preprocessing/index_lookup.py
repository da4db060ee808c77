"""The base of layers that replace tokens by indices, and indices by tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hilevel.engine.allowance import claim
from hilevel.engine.settings import settings
from hilevel.engine.types import TensorLike
from hilevel.layers.base.checks import bad_setting, flags, integer, one_of, set_sparse
from hilevel.layers.preprocessing.hashes import bucket, salt_pair
from hilevel.layers.preprocessing.host import HostLayer, counted, encoded
from hilevel.layers.preprocessing.vocabulary import (
    Counts,
    Token,
    Vocabulary,
    VocabularyLike,
    flat,
    plain_tokens,
)

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


def check_settings(
    layer: str,
    max_tokens: object,
    output_mode: object,
    pad_to_max_tokens: object,
    vocabulary: VocabularyLike,
    idf_weights: TensorLike | None,
) -> None:
    """Raise ArgumentError for an invalid setting, or a combination of settings that contradict each other."""
    one_of(layer, "output_mode", output_mode, OUTPUT_MODES)
    flags(layer, pad_to_max_tokens=pad_to_max_tokens)
    if max_tokens is not None:
        integer(layer, "max_tokens", max_tokens, 2)
    elif pad_to_max_tokens:
        raise bad_setting(
            layer, "max_tokens", "an integer of 2 or more, where pad_to_max_tokens=True", max_tokens
        )
    if vocabulary is not None and not isinstance(vocabulary, (str, Path)) and np.ndim(vocabulary) == 0:
        raise bad_setting(layer, "vocabulary", "a list or an array, or the path of a file", vocabulary)
    if idf_weights is not None and output_mode != "tf_idf":
        raise bad_setting(layer, "output_mode", "'tf_idf', where idf_weights are given", output_mode)


class IndexLookup(HostLayer):
    """The base of lookups in a vocabulary, which is an argument or made from data by `adapt`."""

    kind: str
    encoding = "utf-8"

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Token,
        oov_token: Token,
        vocabulary: VocabularyLike,
        idf_weights: TensorLike | None,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        salt: int | Sequence[int] | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        set_sparse(self, sparse)
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(str(output_mode), output_mode)
        check_settings(name, max_tokens, output_mode, pad_to_max_tokens, vocabulary, idf_weights)
        flags(name, invert=invert)
        if invert and output_mode != "int":
            raise bad_setting(name, "output_mode", "'int', where invert=True", output_mode)
        num_oov_indices = integer(name, "num_oov_indices", num_oov_indices, 0)
        claim(8 * num_oov_indices + 16 * (max_tokens or 0) * bool(pad_to_max_tokens), "The vocabulary")
        self.max_tokens, self.num_oov_indices, self.invert = max_tokens, num_oov_indices, invert
        self.mask_token, self.oov_token = mask_token, oov_token
        self.output_mode, self.pad_to_max_tokens = output_mode, pad_to_max_tokens
        self._counting = "count" if output_mode == "tf_idf" else output_mode
        self.salt = salt_pair(name, salt)
        self.idf_weights: np.ndarray[Any, Any] | None = None
        self._has_mask = mask_token is not None and output_mode == "int"
        self._start = self._has_mask + num_oov_indices
        self._fixed = vocabulary is not None
        self._vocabulary = self._make_vocabulary([])
        self._counts = Counts()
        self._given_vocabulary = {"vocabulary": vocabulary, "idf_weights": idf_weights}
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _settings(self) -> dict[str, Any]:
        given = self._given_vocabulary
        if isinstance(given["vocabulary"], (str, Path)):  # a config must not depend on a file
            given = given | {"vocabulary": self.get_vocabulary(include_special_tokens=False)}
        return super()._settings() | given

    # -- the vocabulary ----------------------------------------------------------------------------

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Token]:
        """Return the tokens by index, with or without the tokens for masks and unknown words."""
        return [*(self._special() if include_special_tokens else ()), *self._vocabulary.tokens]

    def vocabulary_size(self) -> int:
        """Return the number of tokens, including the tokens for masks and unknown words."""
        return self._start + len(self._vocabulary)

    def _special(self) -> list[Token]:
        return [self.mask_token] * self._has_mask + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: VocabularyLike, idf_weights: TensorLike | None = None) -> None:
        """Set the vocabulary.

        Args:
            vocabulary: a list or an array of tokens, or the path of a file with a token in each line. It may begin
                with the special tokens.
            idf_weights: a weight for each token, required with `output_mode="tf_idf"`.

        Raises:
            ValueError: the vocabulary is empty or larger than `max_tokens`, or has a token twice or a special
                token elsewhere. Or the number of weights is not the number of tokens.
        """
        tokens, special = plain_tokens(vocabulary, self.kind, self.encoding), self._special()
        given = len(tokens)
        with_special = tokens[: self._start] == special
        tokens = tokens[self._start :] if with_special else tokens
        self._check(tokens, given)
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise ValueError(
                f"{self._label()}: idf_weights are required with output_mode='tf_idf', and invalid otherwise."
            )
        self._vocabulary = self._make_vocabulary(tokens)
        self._fixed = True
        if idf_weights is not None:
            weights = np.asarray(idf_weights, np.float64)
            if weights.shape != (given,):
                raise ValueError(
                    f"{self._label()}: {given} tokens need {given} idf_weights; got shape {weights.shape}."
                )
            self._set_weights(weights, with_special)

    def _make_vocabulary(self, tokens: list[Token]) -> Vocabulary:
        mask = {} if self.mask_token is None else {self.mask_token: 0 if self._has_mask else -1}
        return Vocabulary(tokens, self._start, mask)

    def _check(self, tokens: list[Token], given: int) -> None:
        repeated = (
            sorted({t for t in tokens if tokens.count(t) > 1}) if len(set(tokens)) < len(tokens) else []
        )
        reserved = [self.mask_token] + [self.oov_token] * self.invert
        for wrong, text in (
            (not given, "the vocabulary is empty"),
            (repeated, f"these tokens occur more than once: {repeated}"),
            (
                any(t in tokens for t in reserved if t is not None),
                f"special tokens are valid only at the beginning, as {self._special()}",
            ),
            (
                self.max_tokens is not None and self._start + len(tokens) > self.max_tokens,
                f"{self._start + len(tokens)} tokens are more than max_tokens={self.max_tokens}",
            ),
        ):
            if wrong:
                raise ValueError(f"{self._label()}: {text}.")

    def _set_weights(self, weights: np.ndarray[Any, Any], with_special: bool) -> None:
        """Set the weights; the weights of missing special tokens are the mean of the others."""
        if not with_special:
            weights = np.concatenate([np.full(self._start, weights.mean()), weights])
        padding = self.depth() - len(weights)
        self.idf_weights = np.pad(weights, (0, padding)).astype(settings.floatx)

    def adapt(self, data: TensorLike | Iterable[Any], steps: int | None = None) -> None:
        """Make the vocabulary from data, by descending frequency; tokens of equal frequency in reverse order.

        Args:
            data: a list or an array, whose rows are documents, or batches of them.
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
        self._counts = Counts()

    def update_state(self, data: Sequence[Any]) -> None:
        """Count the tokens of a batch."""
        nested = len(data) and isinstance(data[0], (list, tuple, np.ndarray))
        self.count([flat(row, self.kind, self.encoding) for row in (data if nested else [data])])

    def count(self, documents: Iterable[Sequence[Token]]) -> None:
        """Count the tokens of documents, which are lists of tokens."""
        if self._fixed:
            raise ValueError(
                f"{self._label()} has a vocabulary from its constructor; adapt would replace it."
            )
        self._counts.add(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        if self._fixed:
            return
        tokens = self._counts.ranked(without=(self.mask_token, self.oov_token))
        if self.max_tokens is not None:
            tokens = tokens[: self.max_tokens - self._start]
        self._vocabulary = self._make_vocabulary(tokens)
        if self.output_mode == "tf_idf" and tokens:
            self._set_weights(self._counts.inverse_document_frequency(tokens), with_special=False)
        self.reset_state()

    def save_assets(self, dir_path: str | Path) -> None:
        """Write the vocabulary to `vocabulary.txt` in a folder, with a token in each line.

        Raises:
            ValueError: a token contains the end of a line.
        """
        broken = [t for t in self.get_vocabulary() if isinstance(t, str) and "\n" in t]
        if broken:
            raise ValueError(
                f"{self._label()}: the token {broken[0]!r} contains the end of a line, which the file of a vocabulary "
                "cannot hold. Remove it with `standardize` or before adapt."
            )
        text = "\n".join(map(str, self.get_vocabulary()))
        (Path(dir_path) / "vocabulary.txt").write_text(text, "utf-8")

    def load_assets(self, dir_path: str | Path) -> None:
        """Read the vocabulary that `save_assets` wrote. Keras writes no file if the config has the vocabulary."""
        path = Path(dir_path) / "vocabulary.txt"
        if self._given_vocabulary["vocabulary"] is not None and not path.exists():
            return
        lines = path.read_text("utf-8").rstrip("\n").split("\n")
        tokens = lines if self.kind == "string" else [int(line) for line in lines if line != "None"]
        self._vocabulary = self._make_vocabulary(tokens[self._start :])

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Save the weights of tokens to a mapping."""
        if self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load the weights of tokens from a mapping."""
        if "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"])

    # -- lookup ------------------------------------------------------------------------------------

    def call(self, inputs: TensorLike) -> np.ndarray[Any, Any]:
        """Return the indices of tokens, in the shape of the inputs, or the vectors of `output_mode`.

        With `invert` return the tokens of indices.
        """
        array = np.asarray(inputs)
        if self.invert:
            return self._inverted(array)
        found = self.indices(flat(array, self.kind, self.encoding)).reshape(array.shape)
        return self.weighted(encoded(found, self._counting, self.depth()))

    def encode_documents(self, documents: Sequence[Sequence[Token]]) -> np.ndarray[Any, Any]:
        """Return a vector for each document, a list of tokens; for other modes than `"int"` and `"one_hot"`."""
        found = self.indices([token for document in documents for token in document])
        rows = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
        return self.weighted(counted(found, rows, len(documents), self._counting, self.depth()))

    def indices(self, tokens: Sequence[Token]) -> np.ndarray[Any, Any]:
        """Return the index of each token; of masks 0, or -1 in modes that ignore masks.

        Raises:
            ValueError: a token is unknown, and `num_oov_indices` is 0.
        """
        known = self._vocabulary.index
        if self.num_oov_indices == 1:
            unknown = int(self._has_mask)
            return np.array([known.get(t, unknown) for t in tokens], np.int64)
        return np.array([known[t] if t in known else self._unknown(t) for t in tokens], np.int64)

    def _unknown(self, token: Token) -> int:
        if self.num_oov_indices == 0:
            raise ValueError(
                f"{self._label()}: {token!r} is not in the vocabulary, and num_oov_indices=0 reserves no index for it. "
                "Set num_oov_indices=1."
            )
        return int(self._has_mask) + self.bucket(token)

    def bucket(self, token: Token) -> int:
        """Return the number of the index, among several, for an unknown token."""
        text = token.encode(self.encoding) if isinstance(token, str) else str(token).encode()
        return bucket(text, self.num_oov_indices, self.salt)

    def weighted(self, encoded: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return counts of tokens, with `"tf_idf"` times their weights."""
        return (
            (encoded * self.idf_weights).astype(settings.floatx) if self.output_mode == "tf_idf" else encoded
        )

    def depth(self) -> int:
        """Return the length of the vectors."""
        if self.pad_to_max_tokens and self.max_tokens:
            return self.max_tokens
        if self.output_mode != "int" and not len(self._vocabulary):
            raise ValueError(f"{self._label()} has no vocabulary yet: pass one, or call adapt.")
        return self.vocabulary_size()

    def _inverted(self, indices: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        known = dict(enumerate(self.get_vocabulary()))
        tokens = [known.get(i, self.oov_token) for i in indices.ravel().tolist()]
        return np.array(tokens, np.str_ if self.kind == "string" else np.int64).reshape(indices.shape)
