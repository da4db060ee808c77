"""Arrays in `.safetensors` files, through the package safetensors."""

from __future__ import annotations

import importlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving.hdf5 import from_bfloat16
from hilevel.saving.limits import array_bytes, check_contents, check_json

Array = np.ndarray[Any, Any]
_CRC = "hilevel_crc32"
_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64", "BF16": "uint16",
}  # fmt: skip


def _package(name: str = "safetensors") -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            "Files of the kind .safetensors need the package safetensors: pip install 'hilevel[safetensors]'. "
            "Files of the kinds .hilevel and .weights.npz need nothing but NumPy."
        ) from error


def write(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays to a file, with the checksum of each in the metadata."""
    whole = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    sums = {name: zlib.crc32(array.tobytes()) for name, array in whole.items()}
    file.write(_package("safetensors.numpy").save(whole, {_CRC: json.dumps(sums)}))


class SafeTensors(Mapping[str, Array]):
    """The arrays of a `.safetensors` file, which are read one by one.

    Args:
        path: the file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path, size = Path(path), Path(path).stat().st_size
        header = _header(self._path, size)
        with _package().safe_open(self._path, framework="np"):  # the package checks lengths and overlaps
            pass
        self._start = 8 + header.pop("", 0)
        metadata = header.pop("__metadata__", None) or {}
        self._sums = json.loads(metadata[_CRC]) if _CRC in metadata else {}
        self._entries = header
        check_contents(sum(array_bytes(e["shape"], _dtype(e)) for e in header.values()), size)

    def __getitem__(self, name: str) -> Array:
        entry = self._entries[name]
        begin, end = entry["data_offsets"]
        with self._path.open("rb") as file:
            file.seek(self._start + begin)
            data = file.read(end - begin)
        if name in self._sums and zlib.crc32(data) != self._sums[name]:
            raise InvalidFileError(f'The checksum of the array "{name}" is wrong: the file is damaged.')
        array: Array = np.frombuffer(data, _dtype(entry)).reshape(entry["shape"])
        return from_bfloat16(array) if entry["dtype"] == "BF16" else array

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _header(path: Path, size: int) -> dict[str, Any]:
    """Return the header of a file, with its length under the empty name."""
    with path.open("rb") as file:
        start = file.read(8)
        (length,) = struct.unpack("<Q", start) if len(start) == 8 else (size,)
        if length > size - 8:
            raise InvalidFileError("It is no file of safetensors, or it is not complete.")
        text = file.read(min(length, 2**25))
    check_json(text)
    found = json.loads(text)
    if not isinstance(found, dict):
        raise InvalidFileError("It is no file of safetensors: its header is no dict.")
    return {**found, "": length}


def _dtype(entry: Mapping[str, Any]) -> np.dtype[Any]:
    if entry["dtype"] not in _DTYPES:
        raise UnsafeContentError(f"Arrays of the dtype {entry['dtype']} are not read.")
    return np.dtype(_DTYPES[entry["dtype"]])
