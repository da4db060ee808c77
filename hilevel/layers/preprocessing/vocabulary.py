"""The words that a lookup layer knows: how they are learned, and where they stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Token = Any
"""A string or an integer."""


class Counts:
    """How often each token, and in how many documents, was seen.

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
        """The tokens, the most frequent first, of equally frequent ones the last of the alphabet first."""
        known = [token for token in self.tokens if token not in without]
        return sorted(known, key=lambda token: (self.tokens[token], token), reverse=True)

    def inverse_document_frequency(self, tokens: Iterable[Token]) -> np.ndarray[Any, Any]:
        """`log(1 + documents / (1 + documents with the token))` for each of the tokens."""
        return np.array([math.log(1 + self.number / (1 + self.documents[t])) for t in tokens])


class Vocabulary:
    """Tokens and their indices, which begin behind those of special tokens.

    >>> from hilevel.layers.preprocessing.vocabulary import Vocabulary
    >>> Vocabulary(["a", "b"], start=1).index
    {'a': 1, 'b': 2}
    """

    def __init__(self, tokens: Sequence[Token], start: int, special: dict[Token, int] | None = None) -> None:
        self.tokens = list(tokens)
        self.index = {token: i for i, token in enumerate(self.tokens, start)} | (special or {})

    def __len__(self) -> int:
        return len(self.tokens)


def plain_tokens(tokens: Any, kind: str, encoding: str = "utf-8") -> list[Token]:
    """Tokens as Python's strings or integers, from a list, an array, or the path of a file with one in each line."""
    if isinstance(tokens, (str, Path)):
        lines = Path(tokens).read_text(encoding).splitlines()
        return [line if kind == "string" else int(line) for line in lines]
    return flat(tokens, kind, encoding)


def flat(data: Any, kind: str, encoding: str = "utf-8") -> list[Token]:
    """The elements of an array, or of nested lists, as Python's strings or integers."""
    items = np.asarray(data).ravel().tolist()
    if kind == "string":
        return [x.decode(encoding) if isinstance(x, bytes) else str(x) for x in items]
    return [int(x) for x in items]
