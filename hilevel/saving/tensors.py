"""Arrays in `.safetensors` files: written through the package safetensors, and read without it."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving.hdf5_reader import from_bfloat16
from hilevel.saving.limits import MAX_JSON, WITHOUT_PACKAGES, array_bytes, json_of

Array = np.ndarray[Any, Any]
_CRC = "hilevel_crc32"
_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64", "BF16": "uint16",
    "C64": "complex64",
}  # fmt: skip


def write(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays to a file, with the checksum of each in the metadata."""
    user = "Writing .safetensors files"
    package = import_optional("safetensors.numpy", "hilevel[safetensors]", user, WITHOUT_PACKAGES)
    whole = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    sums = {name: _checksum(array.dtype, array.shape, array.tobytes()) for name, array in whole.items()}
    file.write(package.save(whole, {"format": "hilevel", _CRC: json.dumps(sums)}))


def _checksum(dtype: np.dtype[Any], shape: Sequence[int], data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(f"{dtype.name} {list(shape)}".encode()))


class SafeTensors(Mapping[str, Array]):
    """The arrays of a `.safetensors` file, which are read one by one.

    Args:
        file: the open file.

    Raises:
        InvalidFileError: the file is damaged.
        UnsafeContentError: the arrays overlap, or are of other dtypes than NumPy's.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, size = file, file.seek(0, os.SEEK_END)
        header, self._start = _header(file, size)
        metadata = header.pop("__metadata__", None) or {}
        self._sums = json_of(metadata[_CRC].encode()) if _CRC in metadata else None
        is_ours = self._sums is not None or metadata.get("format") == "hilevel"
        if is_ours and set(self._sums or ()) != set(header):
            raise InvalidFileError(
                "The names of the arrays and of the checksums differ: the file is damaged."
            )
        self._entries = header
        _check_offsets(header, size - self._start)

    def __getitem__(self, name: str) -> Array:
        entry = self._entries[name]
        begin, end = entry["data_offsets"]
        self._file.seek(self._start + begin)
        data = self._file.read(end - begin)
        dtype = _dtype(entry)
        if self._sums is not None and _checksum(dtype, entry["shape"], data) != self._sums[name]:
            raise InvalidFileError(f'The checksum of the array "{name}" is wrong: the file is damaged.')
        array: Array = np.frombuffer(data, dtype).reshape(entry["shape"])
        return from_bfloat16(array) if entry["dtype"] == "BF16" else array

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _header(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """Return the header of a file, and the position of the data."""
    file.seek(0)
    start = file.read(8)
    (length,) = struct.unpack("<Q", start) if len(start) == 8 else (size,)
    if length > size - 8:
        raise InvalidFileError("It is no file of safetensors, or it is not complete.")
    found = json_of(file.read(min(length, MAX_JSON + 1)))
    if not isinstance(found, dict):
        raise InvalidFileError("It is no file of safetensors: its header is no dict.")
    return found, 8 + length


def _check_offsets(entries: Mapping[str, Any], size: int) -> None:
    """Check that the arrays lie one after the other, and fill the file."""
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        if (begin, end - begin) != (at, array_bytes(entry["shape"], _dtype(entry))):
            raise UnsafeContentError(
                f'The array "{name}" overlaps another one, or has another size than its data.'
            )
        at = end
    if at != size:
        raise InvalidFileError(f"The arrays have {at:,} bytes; the file has {size:,} bytes of data.")


def _dtype(entry: Mapping[str, Any]) -> np.dtype[Any]:
    if entry["dtype"] not in _DTYPES:
        raise UnsafeContentError(f"Arrays of the dtype {entry['dtype']} are not read.")
    return np.dtype(_DTYPES[entry["dtype"]])
