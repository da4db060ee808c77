"""The URLs and checksums of the data sets that are not shipped."""

from __future__ import annotations

from hilevel.utils.files import get_file

KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
TORONTO = "https://www.cs.toronto.edu/~kriz/"

SOURCES = {
    "mnist.npz": (
        f"{KERAS}mnist.npz",
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    ),
    "train-images-idx3-ubyte.gz": (
        f"{KERAS}train-images-idx3-ubyte.gz",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "train-labels-idx1-ubyte.gz": (
        f"{KERAS}train-labels-idx1-ubyte.gz",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "t10k-images-idx3-ubyte.gz": (
        f"{KERAS}t10k-images-idx3-ubyte.gz",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        f"{KERAS}t10k-labels-idx1-ubyte.gz",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "cifar-10-binary.tar.gz": (
        f"{TORONTO}cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
    "cifar-100-binary.tar.gz": (
        f"{TORONTO}cifar-100-binary.tar.gz",
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    ),
    "imdb.npz": (
        f"{KERAS}imdb.npz",
        "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    ),
    "imdb_word_index.json": (f"{KERAS}imdb_word_index.json", "bfafd718b763782e994055a2d397834f"),
    "reuters.npz": (
        f"{KERAS}reuters.npz",
        "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    ),
    "reuters_word_index.json": (f"{KERAS}reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"),
    "california_housing.npz": (
        f"{KERAS}california_housing.npz",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "boston_housing.npz": (
        f"{KERAS}boston_housing.npz",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
}
"""The URL and the checksum (SHA-256, or MD5 of the two word lists) by a file's name."""


def fetch(name: str, fname: str | None = None, folder: str = "datasets") -> str:
    """Return the path of a file of `SOURCES` with the name `fname`, downloaded if it does not exist."""
    url, checksum = SOURCES[name]
    return get_file(fname or name, origin=url, file_hash=checksum, cache_subdir=folder)
