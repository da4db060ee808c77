"""Arrays as `.npy` members of a zip archive, as `numpy.savez` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.lib import format as npy

from hilevel.errors import InvalidFileError
from hilevel.saving.archive import Archive, Writer
from hilevel.saving.limits import array_bytes, check_contents

Array = np.ndarray[Any, Any]
_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00(?P<one>.{2})|\x02\x00(?P<two>.{4}))"
    rb"(?P<text>\{'descr': '(?P<dtype>[<>|]?[a-zA-Z]\d{1,3})', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>\d*|\d+,|(?:\d+, )+\d+)\), \} *\n)",
    re.DOTALL,
)


def write(archive: Writer, arrays: Mapping[str, Array], prefix: str = "") -> None:
    """Write arrays as members `prefix + name + ".npy"`."""
    for name, array in arrays.items():
        with archive.member(f"{prefix}{name}.npy") as member:
            npy.write_array(member, np.asanyarray(array), version=(1, 0), allow_pickle=False)


class NpyArrays(Mapping[str, Array]):
    """The arrays in an archive, which are read one by one.

    Args:
        archive: the archive.
        prefix: the prefix of the members' names.
    """

    def __init__(self, archive: Archive, prefix: str = "") -> None:
        self._archive = archive
        names = [n for n in archive.members if n.startswith(prefix) and n.endswith(".npy")]
        self._members = {n.removeprefix(prefix).removesuffix(".npy"): n for n in names}

    def __getitem__(self, name: str) -> Array:
        data = memoryview(self._archive.read(self._members[name]))
        shape, fortran, dtype, start = _header(data)
        size = array_bytes(shape, dtype)
        check_contents(size, self._archive.size)
        if size != len(data) - start:
            raise InvalidFileError(f'The array "{name}" has {len(data) - start} bytes instead of {size}.')
        flat = np.frombuffer(data[start:], dtype)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def _header(data: memoryview) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return the shape, the order, the dtype and the length of the header, in the form that NumPy writes."""
    found = _HEADER.match(data[:_LONGEST_HEADER])
    if found is None:
        raise InvalidFileError("It has no header of NumPy's format 1.0 or 2.0 for a numeric array.")
    length = int.from_bytes(found["one"] or found["two"], "little") + found.start("text")
    if length != found.end():
        raise InvalidFileError("The header of NumPy's format has another length.")
    shape = tuple(map(int, re.findall(rb"\d+", found["shape"])))
    return shape, found["fortran"] == b"True", np.dtype(found["dtype"].decode()), length
