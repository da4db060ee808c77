"""Zip archives of models: members are checked before any is read."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving.limits import check_contents, json_of

_MAX_DIRECTORY = 8 * 2**20
"""The size of the largest central directory, in bytes."""
_CHUNK = 2**20
_HEADER, _END, _END64, _LOCATOR = 30, 22, 56, 20
"""The number of bytes of the header of a member, and of the records after the list of members."""


class Archive:
    """A zip archive that is open for reading.

    Args:
        file: the open file.

    Raises:
        InvalidFileError: the file is no zip archive, or is damaged.
        UnsafeContentError: a member's name, kind or size is refused.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        _check_directory(file, self.size)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError) as error:
            raise InvalidFileError(f"It is no zip archive, or it is damaged: {error}") from error
        self.members = {info.filename: info for info in self._zip.infolist()}
        self._check()

    def _check(self) -> None:
        infos = self._zip.infolist()
        if len(infos) != len({info.filename for info in infos}):
            raise UnsafeContentError("Two members of the archive have one name.")
        end = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            _check_member(info)
            if not end and info.header_offset:
                raise UnsafeContentError("Other bytes are before the archive.")
            if info.header_offset < end:
                raise UnsafeContentError(f'The member "{info.filename}" overlaps another one.')
            end = info.header_offset + _HEADER + info.compress_size
        if end > self._zip.start_dir:
            raise UnsafeContentError("A member of the archive overlaps the list of members.")
        check_contents(sum(info.file_size for info in infos), self.size)
        for name in self.members:
            with self._open(name):  # compares the name with the one in the header of the member
                pass

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str) -> bytes:
        """Return the bytes of a member, whose length and checksum are verified.

        Raises:
            InvalidFileError: the member is missing, or its length or checksum is wrong.
        """
        if name not in self.members:
            raise InvalidFileError(f'The archive has no member "{name}"; it has {sorted(self.members)[:20]}.')
        size = self.members[name].file_size
        with self._open(name) as member:
            data = member.read(size)
            if len(data) != size or member.read(1):
                raise InvalidFileError(f'The member "{name}" has not the length that the archive says.')
        return data

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(name) as member:
                yield member
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise InvalidFileError(f'The member "{name}" is damaged: {error}') from error

    def json(self, name: str) -> Any:
        """Return the contents of a member of JSON text."""
        return json_of(self.read(name))

    def section(self, name: str) -> Any:
        """Return a member as a file that can be read anywhere, without a copy if it is not compressed."""
        info = self.members.get(name)
        if info is None or info.compress_type != zipfile.ZIP_STORED:
            return io.BytesIO(self.read(name))
        with self._open(name) as member:
            while member.read(_CHUNK):  # verifies the checksum
                pass
        return Section(self.file, self._start(info), info.file_size)

    def _start(self, info: zipfile.ZipInfo) -> int:
        """Return the position of a member's bytes in the file."""
        self.file.seek(info.header_offset)
        name, extra = struct.unpack("<HH", self.file.read(_HEADER)[26:])
        return int(info.header_offset + _HEADER + name + extra)

    def extract(self, prefix: str, folder: str | Path) -> None:
        """Write the members below a prefix into a folder."""
        for name, info in self.members.items():
            if name.startswith(prefix) and not info.is_dir():
                target = Path(folder, *PurePosixPath(name.removeprefix(prefix)).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.read(name))


class Section(io.RawIOBase):
    """The part of an open file from a position, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(count)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _check_directory(file: IO[bytes], size: int) -> None:
    """Refuse a list of members that is too large for memory, before it is read."""
    file.seek(max(0, size - _END - _LOCATOR - _END64))
    tail = file.read()
    end, locator = tail[-_END:], tail[-_END - _LOCATOR : -_END]
    if not (end.startswith(b"PK\x05\x06") and end.endswith(b"\0\0")):
        raise InvalidFileError("It is no zip archive, or its end is missing, or text follows it.")
    (length,) = struct.unpack("<I", end[12:16])
    if locator.startswith(b"PK\x06\x07") and tail.startswith(b"PK\x06\x06"):
        (length,) = struct.unpack("<Q", tail[40:48])
    if length > min(size, _MAX_DIRECTORY):
        raise UnsafeContentError(
            f"The list of members has {length:,} bytes; at most {_MAX_DIRECTORY:,} are read."
        )


def _check_member(info: zipfile.ZipInfo) -> None:
    """Refuse names outside of the archive, links, devices, encryption and unusual compression."""
    check_name(info.orig_filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeContentError(f'The member "{info.filename}" is a link or a device.')
    if info.flag_bits & 0x1:
        raise UnsafeContentError(f'The member "{info.filename}" is encrypted.')
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsafeContentError(
            f'The member "{info.filename}" is compressed by another method than deflate.'
        )
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise InvalidFileError(f'The member "{info.filename}" has two different lengths.')


def check_name(name: str) -> None:
    """Refuse the name of a file that is absolute, leaves its folder, or differs between systems.

    >>> from hilevel.saving.archive import check_name
    >>> check_name("assets/vocabulary.txt")
    >>> check_name("../outside")
    Traceback (most recent call last):
    hilevel.errors.UnsafeContentError: The name '../outside' leaves its folder.
    """
    if (
        not name.isprintable()
        or {"\\", ":"} & set(name)
        or name.startswith("/")
        or ".." in name.split("/")
        or not name
    ):
        raise UnsafeContentError(f"The name {name!r} leaves its folder.")


class Writer:
    """A zip archive that is being written. Members are not compressed.

    Args:
        file: the open file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        with suppress(*(() if kind is None else (OSError, ValueError))):
            self._zip.close()

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """Return a block that writes a member."""
        with self._zip.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
            yield member

    def json(self, name: str, value: object) -> None:
        """Write a member of JSON text."""
        self._zip.writestr(zipfile.ZipInfo(name), json.dumps(value))

    def copy(self, name: str, file: IO[bytes]) -> None:
        """Write a member with the bytes of an open file."""
        file.seek(0)
        with self.member(name) as member:
            while chunk := file.read(_CHUNK):
                member.write(chunk)

    def folder(self, prefix: str, folder: str | Path) -> None:
        """Write the files of a folder, in the order of their names."""
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                with path.open("rb") as file:
                    self.copy(f"{prefix}{path.relative_to(folder).as_posix()}", file)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder that is removed after its block."""
    return tempfile.TemporaryDirectory(prefix="hilevel-")
