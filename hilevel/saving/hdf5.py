"""HDF5 files in Keras's layout: written through h5py, and read without it.

hilevel's own files begin with a block of 512 bytes with the length and the checksum of the rest, which HDF5 skips.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.errors import InvalidFileError
from hilevel.saving.hdf5_reader import SIGNATURE, HDF5Arrays
from hilevel.saving.limits import WITHOUT_PACKAGES

Array = np.ndarray[Any, Any]
_MARK = b"hilevel crc32 "
_BLOCK = 512
_CHUNK = 2**20


def h5py() -> Any:
    """Return the package h5py.

    Raises:
        ImportError: it is not installed; the message has the command and a format that needs nothing.
    """
    return import_optional(
        "h5py", "hilevel[hdf5]", "Writing .keras and .weights.h5 files (HDF5)", WITHOUT_PACKAGES
    )


def write(file: IO[bytes], arrays: Mapping[str, Array], with_checksum: bool) -> None:
    """Write arrays to an HDF5 file.

    Args:
        file: the file, open for writing and reading.
        arrays: the arrays by their paths, such as `"layers/dense/vars/0"`.
        with_checksum: whether the file begins with a block that has its checksum.
    """
    with h5py().File(file, "w", userblock_size=_BLOCK if with_checksum else 0) as h5:
        for name, array in arrays.items():
            h5.create_dataset(name, data=array)
    if with_checksum:
        size = file.seek(0, os.SEEK_END)
        mark = _MARK + b"%08x of %d bytes\n" % (_checksum(file), size - _BLOCK)
        file.seek(0)
        file.write(mark.ljust(_BLOCK, b"\0"))


def _checksum(file: IO[bytes]) -> int:
    """Return the checksum of a file after its first block."""
    file.seek(_BLOCK)
    value = 0
    while chunk := file.read(_CHUNK):
        value = zlib.crc32(chunk, value)
    return value


def arrays_of(file: IO[bytes]) -> HDF5Arrays:
    """Return the arrays of an open HDF5 file. The checksum of hilevel's own file is verified.

    Raises:
        InvalidFileError: the file is damaged, or no HDF5 file.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    block = file.read(_BLOCK)
    if block.startswith(SIGNATURE):
        return HDF5Arrays(file)
    if not block.startswith(_MARK):
        raise InvalidFileError("It is no HDF5 file.")
    expected, _, length = block[len(_MARK) :].partition(b" of ")
    if length.partition(b" ")[0] != b"%d" % (size - _BLOCK) or expected != b"%08x" % _checksum(file):
        raise InvalidFileError("Its length or checksum is wrong: it is damaged or not complete.")
    return HDF5Arrays(file, _BLOCK)
