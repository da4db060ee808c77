"""Hostile archives, HDF5 files and other files of weights: links, bombs, lies about sizes and places."""

from __future__ import annotations

import json
import os
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hostile import case, dense, hdf5, keras, npy, npy_with, sequential, zipped

MODEL = sequential(dense(), build_config={"input_shape": [None, 4]})
GOOD = {"layers/dense/vars/0": np.ones((4, 2), "f4"), "layers/dense/vars/1": np.ones(2, "f4")}
HILEVEL = {"config.json": MODEL} | {f"weights/{name}.npy": npy(a) for name, a in GOOD.items()}
NPZ = {f"{name}.npy": npy(a) for name, a in GOOD.items()}

# -- zip archives --------------------------------------------------------------------------------------


def archives(
    name: str, harmless: bool = False
) -> Callable[[Callable[[Path, Path, dict[str, Any]], Any]], None]:
    """Add a way to spoil an archive, as a whole model and as weights."""

    def add(spoil: Callable[[Path, Path, dict[str, Any]], Any]) -> None:
        for loader, path, members in (("model", "m.hilevel", HILEVEL), ("weights", "m.weights.npz", NPZ)):

            @case(loader, f"zip: {name}, {path}", harmless)
            def _(folder: Path, path: str = path, members: dict[str, Any] = members) -> Path:
                spoil(folder, folder / path, members)
                return folder / path

    return add


for _name, _member in (
    ("CVE-2025-12060: an absolute name", "/tmp/pwned"), ("CVE-2025-12638: a name with ..", "assets/../../pwned"),
    ("a name with a backslash", "assets\\..\\pwned"), ("a name with a drive", "C:pwned"),
    ("a name with an escape sequence", "assets/\x1b[2J"),
):  # fmt: skip

    @archives(_name)
    def _(folder: Path, path: Path, members: Any, member: str = _member) -> None:
        zipped(path, members | {member: b"x"})


@archives("a name with NUL")
def _(folder: Path, path: Path, members: Any) -> None:
    zipped(path, members | {"assets/aNb": b"x"})
    path.write_bytes(path.read_bytes().replace(b"aNb", b"a\0b"))


def with_special(path: Path, members: Any, name: str, mode: int, text: str) -> None:
    """Write an archive with a member that is no plain file."""
    zipped(path, members)
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, text)


@archives("CVE-2024-55459: a symbolic link")
def _(folder: Path, path: Path, members: Any) -> None:
    with_special(path, members, "assets/link", 0o120777, str(folder / "secret.txt"))


@archives("a device")
def _(folder: Path, path: Path, members: Any) -> None:
    with_special(path, members, "assets/device", 0o020777, "")


@archives("a bomb of zeros")
def _(folder: Path, path: Path, members: Any) -> None:
    zipped(path, members)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("assets/zeros", "w") as member,
    ):
        for _ in range(100):
            member.write(bytes(2**20))


@archives("a method that is not deflate")
def _(folder: Path, path: Path, members: Any) -> None:
    zipped(path, members)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("assets/a", bytes(1000))


@archives("a member twice")
def _(folder: Path, path: Path, members: Any) -> None:
    zipped(path, members)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(next(iter(members)), b"other")


def changed(path: Path, members: Any, change: Callable[[bytearray, int, int], None]) -> None:
    """Write an archive, and change it. The function gets its bytes, and the places of its list and its end."""
    zipped(path, members)
    data = bytearray(path.read_bytes())
    end = len(data) - 22
    change(data, struct.unpack_from("<I", data, end + 16)[0], end)
    path.write_bytes(data)


def setting(place: str, offset: int, code: str, value: int) -> Callable[[bytearray, int, int], None]:
    return lambda data, start, end: struct.pack_into(
        code, data, (start if place == "list" else end) + offset, value
    )


for _name, _change in (
    ("an encrypted member", setting("list", 8, "<H", 1)), ("a longer member", setting("list", 24, "<I", 10**6)),
    ("a member of 4 GB", setting("list", 24, "<I", 2**32 - 2)), ("a shorter member", setting("list", 24, "<I", 3)),
    ("a longer compressed member", setting("list", 20, "<I", 10**6)), ("a member elsewhere", setting("list", 42, "<I", 7)),
    ("a member after the end", setting("list", 42, "<I", 10**8)), ("another checksum", setting("list", 16, "<I", 1)),
    ("another method", setting("list", 10, "<H", 8)), ("a method that does not exist", setting("list", 10, "<H", 77)),
    ("a member in another file", setting("list", 34, "<H", 3)), ("a longer list", setting("end", 12, "<I", 10**9)),
    ("a list elsewhere", setting("end", 16, "<I", 3)), ("a zip64 member without sizes", setting("list", 24, "<I", 2**32 - 1)),
    ("a longer name", setting("list", 28, "<H", 60_000)), ("a comment that is missing", setting("end", 20, "<H", 100)),
):  # fmt: skip

    @archives(_name, harmless=_name == "a member in another file")
    def _(folder: Path, path: Path, members: Any, change: Any = _change) -> None:
        changed(path, members, change)


@archives("zip64: a list of 2**60 bytes")
def _(folder: Path, path: Path, members: Any) -> None:
    zipped(path, members)
    data = path.read_bytes()
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, 2**60, 0)
    path.write_bytes(
        data[:-22] + wide + struct.pack("<4sIQI", b"PK\x06\x07", 0, len(data) - 22, 1) + data[-22:]
    )


@archives("overlapping members")
def _(folder: Path, path: Path, members: Any) -> None:
    zipped(path, members)
    with zipfile.ZipFile(path, "a") as archive:
        first = archive.infolist()[0]
        for i in range(1000):
            copy = zipfile.ZipInfo(f"assets/{i}")
            for name in ("header_offset", "CRC", "file_size", "compress_size"):
                setattr(copy, name, getattr(first, name))
            archive.filelist.append(copy)
        archive._didModify = True  # type: ignore[attr-defined]


@archives("an archive in the comment")
def _(folder: Path, path: Path, members: Any) -> None:
    inner = zipped(folder / "inner.zip", members | {"assets/other": b"x"}).read_bytes()
    zipped(path, members)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = inner[:60_000]


@archives("bytes after the end")
def _(folder: Path, path: Path, members: Any) -> None:
    path.write_bytes(zipped(path, members).read_bytes() + b"\0" * 10)


@case("model", "zip: a file that is a folder as well")
def _(folder: Path) -> Path:
    return zipped(folder / "m.hilevel", HILEVEL | {"assets/a": b"x", "assets/a/b": b"x"})


@case("model", "zip: 100,000 members")
def _(folder: Path) -> Path:
    return zipped(folder / "m.hilevel", HILEVEL | {f"assets/{'x' * 60}{i}": b"" for i in range(100_000)})


# -- NumPy's arrays ------------------------------------------------------------------------------------


def with_first(data: bytes) -> dict[str, Any]:
    return NPZ | {"layers/dense/vars/0.npy": data}


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


ONES = np.ones((4, 2), "<f4").tobytes()
for _name, _header in (
    ("a shape of 2**60", "{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,), }"),
    ("a shape that overflows", "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
    ("a negative shape", "{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -2), }"),
    ("a shape of truth values", "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 8), }"),
    ("a structured dtype", "{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (4,), }"),
    ("an array in the dtype", "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (4,), }"),
    ("a dtype of text", "{'descr': '<U1', 'fortran_order': False, 'shape': (4, 2), }"),
    ("a dtype of times", "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (4,), }"),
    ("a call in the header", "{'descr': __import__('os').system('touch pwned'), 'fortran_order': False, 'shape': (), }"),
    ("a deep header", "{'descr': " + "(" * 3000 + ")" * 3000 + ", 'fortran_order': False, 'shape': ()}"),
    ("a header without a shape", "{'descr': '<f4', 'fortran_order': False}"),
    ("another shape", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }"),
    ("an array without an axis", "{'descr': '<f4', 'fortran_order': False, 'shape': (), }"),
):  # fmt: skip

    @case("weights", f"npz: {_name}")
    def _(folder: Path, header: str = _header) -> Path:
        return zipped(folder / "m.weights.npz", with_first(npy_with(header, ONES)))


for _name, _data in (
    ("a header of 3 GB", b"\x93NUMPY\2\0" + struct.pack("<I", 3 * 10**9) + b"{}"), ("no header", b"x"), ("nothing", b""),
    ("version 3.0", npy_with("{'descr': [('é', '<f4')], 'fortran_order': False, 'shape': (8,), }", ONES, b"\3\0")),
    ("version 9.0", npy_with("{}", b"", b"\x09\0")), ("one byte less", npy(np.ones((4, 2), "f4"))[:-1]),
    ("complex values for floats", npy(np.ones((4, 1), "c8"))),
):  # fmt: skip

    @case("weights", f"npz: {_name}")
    def _(folder: Path, data: bytes = _data) -> Path:
        return zipped(folder / "m.weights.npz", with_first(data))


@case("weights", "npz: a pickle")
def _(folder: Path) -> Path:
    return zipped(folder / "m.weights.npz", with_first(npy(np.array([Evil(folder / "pwned")], object))))


for _name, _array in (
    ("Fortran's order", np.asfortranarray(np.ones((4, 2), "f4"))),
    ("big-endian values", np.ones((4, 2), ">f4")),
    ("truth values", np.ones((4, 2), bool)),
):

    @case("weights", f"npz: {_name}", harmless=True)
    def _(folder: Path, array: Any = _array) -> Path:
        return zipped(folder / "m.weights.npz", with_first(npy(array)))


# -- HDF5 ----------------------------------------------------------------------------------------------


def hdf5_case(name: str) -> Callable[[Callable[[Path], bytes]], None]:
    """Add an HDF5 file as weights, in a whole model, and as one of several files."""

    def add(make: Callable[[Path], bytes]) -> None:
        @case("weights", f"HDF5: {name}")
        def _(folder: Path) -> Path:
            (folder / "m.weights.h5").write_bytes(make(folder))
            return folder / "m.weights.h5"

        @case("weights", f"HDF5 in several files: {name}")
        def _(folder: Path) -> Path:
            (folder / "a.weights.h5").write_bytes(make(folder))
            return index(folder, ["a.weights.h5"])

        case("model", f"HDF5: {name}, .keras")(lambda folder: keras(folder, MODEL, make(folder)))

    return add


def filled(first: Callable[[h5py.Group, Path], Any], **options: Any) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        def fill(h5: h5py.File) -> None:
            group = h5.create_group("layers/dense/vars")
            group["1"] = np.ones(2, "f4")
            first(group, folder)

        return hdf5(fill, **options)

    return make


def external(group: h5py.Group, folder: Path) -> None:
    group.create_dataset("0", (4, 2), "f4", external=[(str(folder / "secret.txt"), 0, 32)])


def virtual(group: h5py.Group, folder: Path) -> None:
    layout = h5py.VirtualLayout((4, 2), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "data", (4, 2))
    group.create_virtual_dataset("0", layout)


def linked(link: Any) -> Callable[[h5py.Group, Path], None]:
    def add(group: h5py.Group, folder: Path) -> None:
        group["0"] = link(folder)

    return add


def itself(group: h5py.Group, folder: Path) -> None:
    group["0"] = np.ones((4, 2), "f4")
    group["again"] = group.parent


for _name, _first in (
    ("CVE-2026-1669: data in another file", external), ("CVE-2026-1669: a virtual dataset", virtual),
    ("CVE-2026-1669: a link to another file", linked(lambda folder: h5py.ExternalLink(str(folder / "other.h5"), "/data"))),
    ("a soft link", linked(lambda folder: h5py.SoftLink("/layers/dense/vars/1"))), ("a group in itself", itself),
    ("CVE-2026-0897: an array of 2**50 elements", lambda g, _: g.create_dataset("0", (2**25, 2**25), "f4", chunks=(64, 64))),
    ("CVE-2026-0897: an array that was never written", lambda g, _: g.create_dataset("0", (2**25, 2**20), "f4")),
    ("a bomb of zeros", lambda g, _: g.create_dataset("0", data=np.zeros((2**24,), "f4"), compression="gzip")),
    ("text", lambda g, _: g.create_dataset("0", data="secret")),
    ("references", lambda g, _: g.create_dataset("0", data=np.array([g.ref], h5py.ref_dtype))),
    ("an array without a shape", lambda g, _: g.create_dataset("0", data=h5py.Empty("f4"))),
    ("a structured dtype", lambda g, _: g.create_dataset("0", data=np.zeros(8, [("a", "f4"), ("b", "f4")]))),
    ("another shape", lambda g, _: g.create_dataset("0", data=np.ones((2, 4), "f4"))),
    ("a named type", lambda g, _: (g.create_dataset("0", data=np.ones((4, 2), "f4")), g.__setitem__("t", np.dtype("f4")))),
):  # fmt: skip
    hdf5_case(_name)(filled(_first))

hdf5_case("the newest form")(
    filled(lambda g, _: g.create_dataset("0", data=np.ones((4, 2), "f4")), libver="latest")
)
hdf5_case("nothing")(lambda folder: b"")
hdf5_case("a signature alone")(lambda folder: b"\x89HDF\r\n\x1a\n")
hdf5_case("half of a file")(lambda folder: hdf5()[:1500])
hdf5_case("zeros after the signature")(lambda folder: b"\x89HDF\r\n\x1a\n" + bytes(4000))
hdf5_case("the mark of hilevel without a checksum")(
    lambda folder: b"hilevel crc32 ".ljust(512, b"\0") + hdf5()
)


@hdf5_case("CVE-2026-0897: a larger shape than the data")
def _(folder: Path) -> bytes:
    return hdf5().replace(struct.pack("<QQ", 4, 2), struct.pack("<QQ", 2**40, 2), 1)


@hdf5_case("a size that overflows")
def _(folder: Path) -> bytes:
    return hdf5().replace(struct.pack("<QQ", 4, 2), struct.pack("<QQ", 2**61, 8), 1)


# -- safetensors ---------------------------------------------------------------------------------------

ENTRY = {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]}
SECOND = {"dtype": "F32", "shape": [2], "data_offsets": [32, 40]}


def safetensors(header: Any, length: int | None = None, data: bytes = bytes(40)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


for _name, _data in (
    ("a header of 2**63 bytes", safetensors({}, 2**63)), ("no dict", safetensors([])), ("nothing", b""),
    ("a header without entries", safetensors({}, data=b"")), ("an array of 2**62", safetensors({"vars/0": ENTRY | {"shape": [2**62, 2**62]}})),
    ("a negative place", safetensors({"layers/dense/vars/0": ENTRY | {"data_offsets": [-32, 0]}, "layers/dense/vars/1": SECOND})),
    ("arrays that overlap", safetensors({"layers/dense/vars/0": ENTRY, "layers/dense/vars/1": SECOND | {"data_offsets": [0, 8]}}, data=bytes(32))),
    ("an unknown dtype", safetensors({"layers/dense/vars/0": ENTRY | {"dtype": "O"}, "layers/dense/vars/1": SECOND})),
    ("a fraction as a size", safetensors({"layers/dense/vars/0": ENTRY | {"shape": [4.0, 2]}, "layers/dense/vars/1": SECOND})),
    ("bytes after the arrays", safetensors({"layers/dense/vars/0": ENTRY, "layers/dense/vars/1": SECOND}, data=bytes(50))),
    ("a deep header", safetensors(b'{"a":' * 50_000)), ("no list of offsets", safetensors({"a": {"dtype": "F32", "shape": [1]}})),
    ("wrong checksums", safetensors({"__metadata__": {"hilevel_crc32": '{"layers/dense/vars/0": 1, "layers/dense/vars/1": 2}'}, "layers/dense/vars/0": ENTRY, "layers/dense/vars/1": SECOND})),
):  # fmt: skip

    @case("weights", f"safetensors: {_name}")
    def _(folder: Path, data: bytes = _data) -> Path:
        (folder / "m.safetensors").write_bytes(data)
        return folder / "m.safetensors"


# -- several files -------------------------------------------------------------------------------------


def index(folder: Path, names: Any) -> Path:
    path = folder / "m.weights.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": names}}))
    return path


for _name, _names in (
    ("a file in the folder above", ["../secret.txt"]), ("an absolute name", ["/etc/passwd"]), ("a device", ["/dev/zero"]),
    ("the index itself", ["m.weights.json"]), ("a file that is missing", ["none.weights.h5"]), ("a text file", ["secret.txt"]),
    ("a name with NUL", ["a\0b"]), ("no list", 3), ("a folder", ["."]),
):  # fmt: skip

    @case("weights", f"several files: {_name}")
    def _(folder: Path, names: Any = _names) -> Path:
        return index(folder, names)


@case("weights", "several files: a symbolic link")
def _(folder: Path) -> Path:
    os.symlink("/etc/passwd", folder / "a.weights.h5")
    return index(folder, ["a.weights.h5"])


for _name, _text in (
    ("no JSON", "{"),
    ("a list", "[]"),
    ("no map", "{}"),
    ("lists in lists", "[" * 10**5),
    ("nothing", ""),
):

    @case("weights", f"several files: {_name}")
    def _(folder: Path, text: str = _text) -> Path:
        (folder / "m.weights.json").write_text(text)
        return folder / "m.weights.json"
