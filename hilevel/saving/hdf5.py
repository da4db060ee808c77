"""Arrays in HDF5 files, in Keras's layout, through h5py.

hilevel's own files begin with a block of 512 bytes with the length and the checksum of the rest, which HDF5 skips. So
a damaged file is found before the HDF5 library reads it.
"""

from __future__ import annotations

import importlib.util
import io
import os
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving.archive import Section
from hilevel.saving.limits import array_bytes, check_contents

Array = np.ndarray[Any, Any]
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MARK = b"hilevel crc32 "
_BLOCK = 512
_CHUNK = 2**20


def h5py() -> Any:
    """Return the package h5py.

    Raises:
        ImportError: it is not installed; the message has the command and a format that needs nothing.
    """
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError(
            "HDF5 files, and so Keras's .keras and .weights.h5, need h5py: pip install 'hilevel[hdf5]'. Files of the "
            "kinds .hilevel and .weights.npz need nothing but NumPy."
        ) from error


def write(file: IO[bytes], arrays: Mapping[str, Array], with_checksum: bool) -> dict[str, list[Any]]:
    """Write arrays to an HDF5 file.

    Args:
        file: the file, open for writing and reading.
        arrays: the arrays by their paths, such as `"layers/dense/vars/0"`.
        with_checksum: whether the file begins with a block that has its checksum.

    Returns:
        The dtype, the shape and the position of each array in the file.
    """
    index: dict[str, list[Any]] = {}
    with h5py().File(file, "w", userblock_size=_BLOCK if with_checksum else 0) as h5:
        for name, array in arrays.items():
            dataset = h5.create_dataset(name, data=array)
            index[name] = [array.dtype.str, list(array.shape), dataset.id.get_offset() or 0]
    if with_checksum:
        size = file.seek(0, os.SEEK_END)
        mark = _MARK + b"%08x of %d bytes\n" % (_checksum(file), size - _BLOCK)
        file.seek(0)
        file.write(mark.ljust(_BLOCK, b"\0"))
    return index


def _checksum(file: IO[bytes]) -> int:
    """Return the checksum of a file after its first block."""
    file.seek(_BLOCK)
    value = 0
    while chunk := file.read(_CHUNK):
        value = zlib.crc32(chunk, value)
    return value


class HDF5Arrays(Mapping[str, Array]):
    """The arrays of an HDF5 file, which are read one by one. External, soft and virtual data are refused.

    Args:
        file: the open file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._size = file.seek(0, os.SEEK_END)
        _verify(file, self._size)
        self._group = h5py().File(file, "r")
        self._names = list(self._walk(self._group, ""))
        check_contents(sum(_declared(self._group[name]) for name in self._names), self._size)

    def _walk(self, group: Any, prefix: str) -> Iterator[str]:
        """Yield the paths of the datasets, through hard links only, each group once."""
        h5, todo, met = h5py(), [(group, prefix)], set[Any]()
        while todo:
            here, path = todo.pop()
            address = h5.h5o.get_info(here.id).addr
            if address in met:
                raise UnsafeContentError(f'The group "{path}" of the HDF5 file contains itself.')
            met.add(address)
            for name in here:
                if not isinstance(here.get(name, getlink=True), h5.HardLink):
                    raise UnsafeContentError(f'"{path}{name}" in the HDF5 file is a link to something else.')
                item = here[name]
                if isinstance(item, h5.Group):
                    todo.append((item, f"{path}{name}/"))
                else:
                    _check_dataset(item, f"{path}{name}")
                    yield f"{path}{name}"

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        dataset = self._group[name]
        if dataset.attrs.get("dtype") == "bfloat16":
            return from_bfloat16(dataset[()])
        value: Array = np.asarray(dataset[()])
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _verify(file: IO[bytes], size: int) -> None:
    """Check the signature, and the checksum of a file by hilevel."""
    file.seek(0)
    block = file.read(_BLOCK)
    if block.startswith(_MARK):
        expected, _, length = block[len(_MARK) :].partition(b" of ")
        if int(length.split()[0]) != size - _BLOCK or int(expected, 16) != _checksum(file):
            raise InvalidFileError("Its length or checksum is wrong: it is damaged or not complete.")
        block = block[_BLOCK:] or _after(file)
    if not block.startswith(_SIGNATURE):
        raise InvalidFileError("It is no HDF5 file.")
    file.seek(0)


def _after(file: IO[bytes]) -> bytes:
    file.seek(_BLOCK)
    return file.read(len(_SIGNATURE))


def _declared(dataset: Any) -> int:
    if dataset.dtype.kind == "V":
        return int(dataset.size) * 4
    return array_bytes(dataset.shape, dataset.dtype)


def _check_dataset(dataset: Any, name: str) -> None:
    """Refuse data in other files, filters that need a plug-in, and arrays that the file does not contain."""
    h5 = h5py()
    if not isinstance(dataset, h5.Dataset) or dataset.shape is None:
        raise UnsafeContentError(f'"{name}" in the HDF5 file is no array.')
    if dataset.is_virtual or dataset.external:
        raise UnsafeContentError(f'The array "{name}" in the HDF5 file is stored in another file.')
    plist = dataset.id.get_create_plist()
    codes = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    known = {h5.h5z.FILTER_DEFLATE, h5.h5z.FILTER_SHUFFLE, h5.h5z.FILTER_FLETCHER32, h5.h5z.FILTER_LZF}
    if not codes <= known:
        raise UnsafeContentError(f'The array "{name}" in the HDF5 file needs an unusual filter.')
    is_bfloat16 = dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2 and "dtype" in dataset.attrs
    if not is_bfloat16:
        array_bytes(dataset.shape, dataset.dtype)
    if not codes and dataset.id.get_storage_size() != dataset.size * dataset.dtype.itemsize:
        raise UnsafeContentError(f'The array "{name}" in the HDF5 file is larger than its data.')


def from_bfloat16(raw: Array) -> Array:
    """Return values of bfloat16, given as raw 16-bit words, as float32."""
    words = np.atleast_1d(raw).view(np.uint16).astype(np.uint32)
    return (words << 16).view(np.float32).reshape(np.shape(raw))


class IndexedArrays(Mapping[str, Array]):
    """The arrays of an HDF5 file that hilevel wrote, read by their positions, without the HDF5 library.

    Args:
        file: the open file.
        index: the dtype, the shape and the position of each array, as `write` returned them.
    """

    def __init__(self, file: IO[bytes], index: Mapping[str, Any]) -> None:
        self._file, self._size, self._index = file, file.seek(0, os.SEEK_END), dict(index)

    def __getitem__(self, name: str) -> Array:
        code, shape, start = self._index[name]
        dtype = np.dtype(str(code))
        size = array_bytes(shape, dtype)
        if start < 0 or start + size > self._size:
            raise InvalidFileError(f'The array "{name}" lies outside of its file.')
        self._file.seek(start)
        return np.frombuffer(self._file.read(size), dtype).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def arrays_of(file: IO[bytes], index: Mapping[str, Any] | None = None) -> Mapping[str, Array]:
    """Return the arrays of an HDF5 file; of hilevel's own file also without h5py.

    Args:
        file: the open file.
        index: the positions of the arrays, if hilevel wrote the file.
    """
    if index is not None and importlib.util.find_spec("h5py") is None:
        return IndexedArrays(file, index)
    is_plain = isinstance(file, Section)
    return HDF5Arrays(io.BufferedReader(file) if is_plain else file)  # type: ignore[type-var]
