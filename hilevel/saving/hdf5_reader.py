"""Arrays of HDF5 files, read without the HDF5 library, which hangs on some damaged files.

h5py and Keras write the oldest form of HDF5: groups are symbol tables, and the bytes of an array lie in one piece. This
form is read. Everything else is refused: links to other places and files, filters, chunks, types of other kinds, and
structures that overlap. Source: HDF5 File Format Specification, version 3.0, The HDF Group.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, NoReturn

import numpy as np

from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving.limits import array_bytes, check_contents

Array = np.ndarray[Any, Any]
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = 0xFFFFFFFFFFFFFFFF
_LONGEST_NAME = 1024
_LONGEST_PATH = 4096

_SPACE, _LINK_INFO, _TYPE, _LINK, _EXTERNAL, _LAYOUT, _FILTERS, _ATTRIBUTE, _CONTINUED, _TABLE = (
    0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x0B, 0x0C, 0x10, 0x11,
)  # fmt: skip
_IGNORED = {0x00, 0x04, 0x05, 0x0D, 0x0E, 0x12, 0x15, 0x16}
"""Messages without a meaning for arrays: fill values, comments, times, the number of attributes and of links."""
_REFUSED = {
    _LINK: "contains links to other places",
    _LINK_INFO: "contains links to other places",
    _EXTERNAL: "is stored in another file",
    _FILTERS: "is compressed",
}
_FLOATS = {(2, 5, 10): "f2", (4, 8, 23): "f4", (8, 11, 52): "f8"}
"""NumPy's code of a float by its bytes, and the bits of its exponent and mantissa."""


@dataclass(frozen=True)
class Place:
    """The dtype, shape and position of an array in a file. `stored` is the dtype of its bytes."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stored: np.dtype[Any]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return array_bytes(self.shape, self.stored)


class HDF5Arrays(Mapping[str, Array]):
    """The arrays of an HDF5 file, which are read one by one.

    Args:
        file: the open file.
        base: the position of the signature, after a block of the user's.

    Raises:
        InvalidFileError: the file is damaged.
        UnsafeContentError: the file contains something else than arrays that lie in the file in one piece.
    """

    def __init__(self, file: IO[bytes], base: int = 0) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._places = dict(_Walk(file, self._size, base).arrays())
        check_contents(sum(place.size for place in self._places.values()), self._size)

    def __getitem__(self, name: str) -> Array:
        place = self._places[name]
        self._file.seek(place.start)
        data = self._file.read(place.size)
        if len(data) != place.size:
            raise InvalidFileError(f'The array "{name}" is not complete.')
        array: Array = np.frombuffer(data, place.stored).reshape(place.shape)
        if place.dtype == "bfloat16":
            return from_bfloat16(array)
        return array != 0 if place.dtype == "bool" else array

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def from_bfloat16(words: Array) -> Array:
    """Return values of bfloat16, given as 16-bit words, as float32."""
    wide = np.atleast_1d(words).astype(np.uint32) << 16
    return wide.view(np.float32).reshape(words.shape)


class _Walk:
    """A walk over the groups of a file, which reads each byte of their structures once."""

    def __init__(self, file: IO[bytes], size: int, base: int) -> None:
        self.file, self.size, self.base = file, size, base
        self.left = size + _LONGEST_NAME
        self.met: set[int] = set()

    def arrays(self) -> Iterator[tuple[str, Place]]:
        """Yield the path and the place of each array."""
        todo = [("", self.root())]
        while todo:
            path, address = todo.pop()
            messages = self.messages(address, path)
            if _TABLE in messages:
                prefix = f"{path}/" if path else ""
                todo += [(prefix + name, at) for name, at in self.entries(messages[_TABLE], path)]
            elif path:
                yield path, self.place(messages, path)

    def root(self) -> int:
        """Return the address of the first group."""
        block = self.part(0, 80)
        if not block.startswith(SIGNATURE):
            raise InvalidFileError("It is no HDF5 file.")
        if block[8] > 1:
            raise UnsafeContentError(
                "It is written in a newer form of HDF5. Only the form that h5py and Keras write is read."
            )
        wide = 4 * block[8]
        base, _, end = struct.unpack_from("<QQQ", block, 24 + wide)
        if (block[13], block[14], base) != (8, 8, self.base) or end > self.size:
            raise InvalidFileError("The HDF5 file is damaged or not complete.")
        return int(struct.unpack_from("<Q", block, 64 + wide)[0])

    def part(self, address: int, count: int) -> bytes:
        """Return bytes of a structure."""
        start = self.base + address
        if start + count > self.size:
            raise InvalidFileError("A structure of the HDF5 file lies outside of the file.")
        self.left -= count
        if self.left < 0:
            raise UnsafeContentError("The structures of the HDF5 file overlap.")
        self.file.seek(start)
        return self.file.read(count)

    def meet(self, address: int, what: str) -> None:
        """Refuse a structure that was read before, as in a group that contains itself."""
        if address in self.met:
            raise UnsafeContentError(f"{what} of the HDF5 file is contained twice.")
        self.met.add(address)

    # -- objects ---------------------------------------------------------------------------------------

    def messages(self, address: int, path: str) -> dict[int, Any]:
        """Return the messages in the header of an object, by type; the attributes as a set of names."""
        self.meet(address, f'"{path or "/"}"')
        version, _, _, _, size = struct.unpack_from("<BBHII", self.part(address, 16))
        if version != 1:
            raise UnsafeContentError(f'"{path}" is written in a newer form of HDF5, which is not read.')
        found: dict[int, Any] = {_ATTRIBUTE: set()}
        blocks = [(address + 16, size)]
        while blocks:
            for kind, flags, data in self.block(*blocks.pop()):
                if kind == _CONTINUED:
                    blocks.append(struct.unpack_from("<QQ", data))
                elif kind == _ATTRIBUTE:
                    found[kind].add(_attribute_name(data))
                elif kind in (_SPACE, _TYPE, _LAYOUT, _TABLE) and not flags & 2 and kind not in found:
                    found[kind] = data
                elif kind not in _IGNORED:
                    _refuse(path, _REFUSED.get(kind, f"has a message of type {kind}, which is not read"))
        return found

    def block(self, address: int, size: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield the type, the flags and the data of the messages in a part of a header."""
        self.meet(address, "A header")
        data, at = self.part(address, size), 0
        while at + 8 <= size:
            kind, count, flags = struct.unpack_from("<HHB", data, at)
            yield kind, flags, data[at + 8 : at + 8 + count]
            at += 8 + count

    def entries(self, table: bytes, path: str) -> Iterator[tuple[str, int]]:
        """Yield the names and addresses of the objects in a group."""
        tree, heap = struct.unpack_from("<QQ", table)
        mark, _, _, length, _, names = struct.unpack_from("<4sB3sQQQ", self.part(heap, 32))
        _expect(mark, b"HEAP")
        nodes = [tree]
        while nodes:
            address = nodes.pop()
            self.meet(address, f'A node of the group "{path}"')
            mark, kind, _, count = struct.unpack("<4sBBH", self.part(address, 8))
            if mark == b"TREE" and kind == 0:
                keys = struct.unpack(f"<{2 * count}Q", self.part(address + 24, 16 * count))
                nodes += keys[1::2]
            else:
                _expect(mark, b"SNOD")
                yield from self.symbols(address, count, names, length, path)

    def symbols(
        self, address: int, count: int, names: int, length: int, path: str
    ) -> Iterator[tuple[str, int]]:
        """Yield the names and addresses in a node of symbols. Their names begin at `names`."""
        data = self.part(address + 8, 40 * count)
        for at in range(0, 40 * count, 40):
            offset, target, cache = struct.unpack_from("<QQI", data, at)
            name = self.name(names + offset, length - offset)
            if cache > 1 or target == _UNDEFINED:
                _refuse(f"{path}/{name}", "is a link to another place")
            if not name or "/" in name or len(path) + len(name) >= _LONGEST_PATH:
                _refuse(path, f"contains the name {name[:50]!r}")
            yield name, target

    def name(self, address: int, most: int) -> str:
        """Return the text at an address, which ends with a zero byte."""
        start = self.base + address
        self.file.seek(start)
        text, end, _ = self.file.read(max(0, min(most, _LONGEST_NAME, self.size - start))).partition(b"\0")
        if not end:
            raise InvalidFileError("A name in the HDF5 file is too long, or damaged.")
        return text.decode()

    def place(self, messages: Mapping[int, Any], path: str) -> Place:
        """Return the place of an array from the messages of its header."""
        if not {_SPACE, _TYPE, _LAYOUT} <= set(messages):
            _refuse(path, "is no array")
        shape = _shape(messages[_SPACE], path)
        dtype, stored = _dtypes(messages[_TYPE], path, "dtype" in messages[_ATTRIBUTE])
        version, kind = messages[_LAYOUT][:2]
        if version not in (3, 4) or kind != 1:
            _refuse(path, "is stored in pieces")
        start, size = struct.unpack_from("<QQ", messages[_LAYOUT], 2)
        place = Place(dtype, shape, 0 if start == _UNDEFINED else self.base + start, stored)
        if place.size != (0 if start == _UNDEFINED else size) or place.start + place.size > self.size:
            _refuse(path, "is larger than its data, or lies outside of the file")
        return place


def _refuse(path: str, why: str) -> NoReturn:
    raise UnsafeContentError(f'"{path}" in the HDF5 file {why}.')


def _expect(found: bytes, mark: bytes) -> None:
    if found != mark:
        raise InvalidFileError(f"The HDF5 file is damaged: no {mark.decode()} where one must be.")


def _attribute_name(data: bytes) -> str:
    return data[8 + (data[0] == 3) :].partition(b"\0")[0].decode(errors="replace")


def _shape(data: bytes, path: str) -> tuple[int, ...]:
    """Return the shape in a message of a dataspace."""
    version, rank = data[:2]
    if version not in (1, 2) or rank > 32 or (version == 2 and data[3] == 2):
        _refuse(path, "has no shape")
    return struct.unpack_from(f"<{rank}Q", data, 8 if version == 1 else 4)


# -- types ---------------------------------------------------------------------------------------------


def _dtypes(data: bytes, path: str, is_marked: bool) -> tuple[str, np.dtype[Any]]:
    """Return the name of the dtype, and the dtype of the bytes. Keras marks bfloat16 by an attribute `dtype`."""
    kind, size = data[0] & 15, struct.unpack_from("<I", data, 4)[0]
    if kind == 5 and size == 2 and is_marked:
        return "bfloat16", np.dtype("<u2")
    if kind == 8 and size == 1 and b"FALSE\0" in data and b"TRUE\0" in data:
        return "bool", np.dtype("u1")
    code = {0: _integer, 1: _float, 6: _complex}.get(kind, _no_code)(data, size)
    if code is None:
        _refuse(path, f"has a type that is not read: class {kind}, {size} bytes")
    return np.dtype(code).name, np.dtype(code)


def _no_code(data: bytes, size: int) -> str | None:
    return None


def _integer(data: bytes, size: int) -> str | None:
    offset, precision = struct.unpack_from("<HH", data, 8)
    if size not in (1, 2, 4, 8) or (offset, precision) != (0, 8 * size):
        return None
    return f"{'>' if data[1] & 1 else '<'}{'i' if data[1] & 8 else 'u'}{size}"


def _float(data: bytes, size: int) -> str | None:
    exponent, mantissa = data[13], data[15]
    code = _FLOATS.get((size, exponent, mantissa))
    return code and f"{'>' if data[1] & 1 else '<'}{code}"


def _complex(data: bytes, size: int) -> str | None:
    """Return the code of a compound of two equal floats, `r` and `i`, as h5py writes complex values."""
    codes = []
    for at, name, offset in ((8, b"r\0", 0), (68, b"i\0", size // 2)):
        member = data[at : at + 60]  # a name of 8 bytes, the offset, the sizes of arrays, and a float
        if (
            not member.startswith(name)
            or struct.unpack_from("<I", member, 8)[0] != offset
            or member[40] & 15 != 1
        ):
            return None
        codes.append(_float(member[40:], size // 2))
    real, imaginary = codes
    return f"{real[0]}c{size}" if real and real == imaginary else None
