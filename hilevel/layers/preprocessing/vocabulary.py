"""Vocabularies of lookup layers, and the counts that they are made from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from hilevel.api.serialization import refuse_file_name
from hilevel.engine.types import TensorLike

Token: TypeAlias = Any
"""A string or an integer."""

VocabularyLike: TypeAlias = Sequence[str] | Sequence[int] | np.ndarray[Any, Any] | str | Path | None
"""A list or an array of tokens, or the path of a file with a token in each line."""


class Counts:
    """The count of each token, and of the documents that contain it.

    >>> from hilevel.layers.preprocessing.vocabulary import Counts
    >>> counts = Counts()
    >>> counts.add([["a", "b", "a"], ["b"], ["c"]])
    >>> counts.ranked(without=())
    ['b', 'a', 'c']
    """

    def __init__(self) -> None:
        self.tokens: Counter[Token] = Counter()
        self.documents: Counter[Token] = Counter()
        self.number = 0

    def add(self, documents: Iterable[Sequence[Token]]) -> None:
        """Count the tokens of documents."""
        for document in documents:
            self.tokens.update(document)
            self.documents.update(set(document))
            self.number += 1

    def ranked(self, without: Sequence[Token]) -> list[Token]:
        """Return the tokens by descending frequency; tokens of equal frequency in reverse order."""
        known = [token for token in self.tokens if token not in without]
        return sorted(known, key=lambda token: (self.tokens[token], token), reverse=True)

    def inverse_document_frequency(self, tokens: Iterable[Token]) -> np.ndarray[Any, Any]:
        """Return `log(1 + documents / (1 + documents with the token))` for each token."""
        return np.array([math.log(1 + self.number / (1 + self.documents[t])) for t in tokens])


class Vocabulary:
    """Tokens and their indices, which begin after the indices of special tokens.

    >>> from hilevel.layers.preprocessing.vocabulary import Vocabulary
    >>> Vocabulary(["a", "b"], start=1).index
    {'a': 1, 'b': 2}
    """

    def __init__(self, tokens: Sequence[Token], start: int, special: dict[Token, int] | None = None) -> None:
        self.tokens = list(tokens)
        self.index = {token: i for i, token in enumerate(self.tokens, start)} | (special or {})

    def __len__(self) -> int:
        return len(self.tokens)


def plain_tokens(tokens: VocabularyLike, kind: str, encoding: str = "utf-8") -> list[Token]:
    """Return tokens as strings or integers, from a list, an array, or a file with a token in each line."""
    if isinstance(tokens, (str, Path)):
        refuse_file_name("a vocabulary", tokens)
        lines = Path(tokens).read_text(encoding).splitlines()
        return [line if kind == "string" else int(line) for line in lines]
    return flat(tokens, kind, encoding)


def flat(data: TensorLike, kind: str, encoding: str = "utf-8") -> list[Token]:
    """Return the elements of an array, or of nested lists, as strings or integers."""
    items = np.asarray(data).ravel().tolist()
    if kind == "string":
        return [x.decode(encoding) if isinstance(x, bytes) else str(x) for x in items]
    return [int(x) for x in items]
