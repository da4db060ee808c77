"""Data sets: what is shipped, and what is fetched, from a server of our own that misbehaves on demand."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import os
import pickle
import re
import socket
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dataset_files import CASES, plain, write

import hilevel
from hilevel.datasets import (
    authors,
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from hilevel.datasets._npz import read_array, read_npz
from hilevel.datasets._sources import SOURCES
from hilevel.utils import downloads, get_file

KERAS = json.loads((Path(__file__).parents[1] / "data" / "datasets.json").read_text())

# -- shipped ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", [authors, digits])
def test_the_split_is_that_of_the_seed(shipped: ModuleType) -> None:
    (x, y), (u, v) = shipped.load_data(test_fraction=0.1, seed=3)
    (again, _), _ = shipped.load_data(test_fraction=0.1, seed=3)
    (other, _), (all_of_it, labels) = shipped.load_data(test_fraction=1.0, seed=4)
    assert len(x) == len(y) and len(u) == len(v) == -(-len(labels) // 10) and len(other) == 0
    assert np.array_equal(x, again) and not np.array_equal(x, all_of_it[: len(x)])
    both = sorted(map(str, np.concatenate([x, u]))), sorted(map(str, all_of_it))
    assert both[0] == both[1]


def test_authors_is_balanced_and_names_nobody() -> None:
    (x, y), _ = authors.load_data(test_fraction=0.0)
    assert np.bincount(y).tolist() == [1200, 1200, 1200] and y.dtype == np.int32
    assert len(set(x)) == 3600 and all(str(text).isascii() for text in x)
    lengths = [len(re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)) for text in x]
    assert min(lengths) == 12 and max(lengths) == 40
    names = (
        "Emma Elinor Marianne Anne Wentworth Brown Turnbull MacIan Syme Ahab Starbuck Stubb Queequeg Pequod"
    )
    assert not [t for t in x if set(re.findall("[A-Za-z]+", t)) & set(names.split())]


# -- fetched: a server that misbehaves on demand -----------------------------------------------------


class Server:
    """Serves `files`; the next answers go by `plan`.

    A status; the number of bytes after which the connection breaks; "deaf" to Range; "odd": another range than the
    one asked for; "slow"; "stall": nothing comes after 900 bytes; or "honest".
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plan: list[Any] = []
        self.asked: list[str | None] = []  # the Range of each request
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mine.answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing is printed."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        how = self.plan.pop(0) if self.plan else "honest"
        data = self.files.get(request.path[1:].partition("?")[0], b"")
        start = int(wanted[6:-1]) if wanted and how != "deaf" else 0
        if not data or how in (404, 503) or start >= len(data):
            request.send_error(how if how in (404, 503) else 416 if data else 404)
            return
        start -= how == "odd"
        request.send_response(206 if start else 200)
        request.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
        request.send_header("Content-Length", str(len(data) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        if isinstance(how, int):
            request.wfile.write(data[start : start + how])
        elif how == "stall":
            request.wfile.write(data[start : start + 900])
            time.sleep(1)
        else:
            for i in range(start, len(data), 300):
                request.wfile.write(data[i : min(i + 300, len(data))])
                time.sleep(0.01 if how == "slow" else 0)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, with an empty cache, and data sets that come from there."""
    monkeypatch.setenv("HILEVEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(downloads, "WAIT", 0)
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


DATA = np.random.RandomState(0).bytes(2500)
SHA256 = hashlib.sha256(DATA).hexdigest()
PARTS = {
    "at once": ([], [None]),
    "slowly": (["slow"], [None]),
    "broken twice": ([1000, 700, "honest"], [None, "bytes=1000-", "bytes=1700-"]),
    "broken, then Range is ignored": ([1000, "deaf"], [None, "bytes=1000-"]),
    "stalled": (["stall", "honest"], [None, "bytes=900-"]),
    "broken, then another part comes": ([1000, "odd", "honest"], [None, "bytes=1000-", None]),
    "busy at first": ([503, 503, "honest"], [None, None, None]),
    "busy after a break": ([10, 503, "honest"], [None, "bytes=10-", "bytes=10-"]),
}


@pytest.mark.parametrize("known", [SHA256, hashlib.md5(DATA).hexdigest().upper(), None])
@pytest.mark.parametrize(("plan", "ranges"), PARTS.values(), ids=PARTS)
def test_a_file_arrives_whole(
    server: Server, tmp_path: Path, monkeypatch: Any, plan: Any, ranges: Any, known: Any
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", 0.5 if "stall" in plan else 30)
    server.files["some.bin"], server.plan = DATA, list(plan)
    path = Path(get_file(origin=f"{server.url}some.bin?a=b", file_hash=known))
    assert path == tmp_path / "home/datasets/some.bin" and path.read_bytes() == DATA
    assert server.asked == ranges
    assert get_file(origin=f"{server.url}some.bin", file_hash=known) == str(path)
    assert len(server.asked) == len(ranges), "asked again for what is there"
    assert [p.name for p in path.parent.iterdir()] == ["some.bin"]


def test_the_next_call_goes_on_where_the_last_broke_off(server: Server, tmp_path: Path) -> None:
    server.files["some.bin"], server.plan = DATA, [1000, 503, 503, 503]
    part = tmp_path / "home/datasets/some.bin.part"
    with pytest.raises(OSError, match=r"The first 1,000 bytes are kept"):
        get_file(origin=f"{server.url}some.bin", file_hash=SHA256)
    assert part.read_bytes() == DATA[:1000]
    assert Path(get_file(origin=f"{server.url}some.bin", file_hash=SHA256)).read_bytes() == DATA
    assert server.asked[-1] == "bytes=1000-" and not part.exists()


def test_without_a_checksum_an_older_part_is_not_trusted(server: Server, tmp_path: Path) -> None:
    server.files["some.bin"] = DATA
    part = tmp_path / "home/datasets/some.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another file")
    assert Path(get_file(origin=f"{server.url}some.bin")).read_bytes() == DATA
    assert server.asked == [None]


def test_a_part_that_is_too_long_is_thrown_away(server: Server, tmp_path: Path) -> None:
    server.files["some.bin"] = DATA
    part = tmp_path / "home/datasets/some.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA + b"more")
    assert Path(get_file(origin=f"{server.url}some.bin", file_hash=SHA256)).read_bytes() == DATA
    assert server.asked == [f"bytes={len(DATA) + 4}-", None]


def test_a_wrong_file_is_refused_and_deleted(server: Server, tmp_path: Path) -> None:
    server.files["mnist.npz"] = b"x" + DATA
    with pytest.raises(ValueError, match=rf"{server.url}mnist.npz is refused: SHA256 .*{SHA256}.*Deleted"):
        get_file(origin=f"{server.url}mnist.npz", file_hash=SHA256)
    assert not any((tmp_path / "home/datasets").iterdir())


@pytest.mark.parametrize("plan", [[404], "refused"])
def test_what_cannot_be_fetched_is_told_with_what_to_do(server: Server, tmp_path: Path, plan: Any) -> None:
    url = server.url
    if plan == "refused":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    server.plan = list(plan) if plan != "refused" else []
    with pytest.raises(OSError, match=f"some.bin could not be fetched from {url}some.bin") as failed:
        get_file(origin=f"{url}some.bin", file_hash=SHA256)
    target = tmp_path / "home/datasets/some.bin"
    assert f"by hand, as {target}. Its sha256 must be {SHA256}." in str(failed.value)
    assert len(server.asked) == (plan == [404]), "a file that is not there was asked for again"
    target.write_bytes(b"wrong")
    with pytest.raises(OSError, match="existing file of this name has another checksum"):
        get_file(origin=f"{url}some.bin", file_hash=SHA256)
    target.write_bytes(DATA)
    assert get_file(origin=f"{url}some.bin", file_hash=SHA256) == str(target)


def test_a_file_of_kerass_cache_is_used_if_it_is_the_right_one(server: Server, tmp_path: Path) -> None:
    server.files["some.bin"] = DATA
    there = tmp_path / "keras/datasets/some.bin"
    there.parent.mkdir(parents=True)
    there.write_bytes(DATA)
    assert get_file(origin=f"{server.url}some.bin", file_hash=SHA256) == str(there) and not server.asked
    assert get_file(origin=f"{server.url}some.bin") != str(there)
    there.write_bytes(b"wrong")
    ours = tmp_path / "home/datasets/some.bin"
    assert get_file(origin=f"{server.url}some.bin", file_hash=SHA256) == str(ours)


def test_force_download_and_folders(server: Server, tmp_path: Path) -> None:
    server.files["some.bin"] = DATA
    arguments = {"origin": f"{server.url}some.bin", "cache_dir": tmp_path / "c", "cache_subdir": "d/e"}
    path = Path(get_file("name.bin", **arguments))
    assert path == tmp_path / "c/d/e/name.bin"
    server.files["some.bin"] = b"new"
    assert Path(get_file("name.bin", **arguments)).read_bytes() == DATA
    assert Path(get_file("name.bin", force_download=True, **arguments)).read_bytes() == b"new"
    absolute = get_file("name.bin", origin=f"{server.url}some.bin", cache_subdir=str(tmp_path / "abs"))
    assert absolute == str(tmp_path / "abs/name.bin")


def test_a_url_may_be_that_of_a_local_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "some.bin").write_bytes(DATA)
    path = get_file(origin=(tmp_path / "some.bin").as_uri(), file_hash=SHA256)
    assert path == str(tmp_path / "home/datasets/some.bin") and Path(path).read_bytes() == DATA


def test_a_server_that_always_breaks_is_given_up(server: Server) -> None:
    server.files["some.bin"], server.plan = DATA, [1000, *["odd", 600] * 9]
    with pytest.raises(OSError, match="could not be fetched"):
        get_file(origin=f"{server.url}some.bin", file_hash=SHA256)
    assert len(server.asked) == 3


def test_two_at_once_get_the_same_file(server: Server) -> None:
    server.files["some.bin"], server.plan = DATA, ["slow", "slow"]
    fetch = lambda _: Path(get_file(origin=f"{server.url}some.bin", file_hash=SHA256)).read_bytes()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(fetch, range(2))) == [DATA, DATA]
    assert server.asked == [None]


def test_without_pooch_only_a_download_fails(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    target = tmp_path / "home/datasets/some.bin"
    with pytest.raises(ImportError, match=re.escape("pip install 'hilevel[data]'")) as failed:
        get_file(origin=f"{server.url}some.bin", file_hash=SHA256)
    assert str(target) in str(failed.value)
    target.parent.mkdir(parents=True)
    target.write_bytes(DATA)
    assert get_file(origin=f"{server.url}some.bin", file_hash=SHA256) == str(target)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "URL"),
        ({"origin": "some.bin"}, "URL"),
        ({"origin": "http://127.0.0.1/"}, "name"),
        ({"fname": "a/b", "origin": "http://127.0.0.1/c"}, "without a folder"),
        ({"fname": "..", "origin": "http://127.0.0.1/c"}, "without a folder"),
        ({"origin": "http://127.0.0.1/c", "hash_algorithm": "sha1"}, "sha256"),
    ],
)
def test_what_get_file_is_asked_wrongly(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        get_file(**arguments)


# -- archives ----------------------------------------------------------------------------------------


def tar_of(members: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in special:
            tar.addfile(info)
    return file.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, target
    return info


GOOD = {"in/a.txt": b"a", "b.txt": b"b"}
NAMES = {  # as Keras names them
    "some.tar.gz": (None, "some.tar.gz_archive", "some.tar.gz"),
    "other": ("my.tgz", "my.tgz", "my_extracted"),
    "third": ("folder", "folder_archive", "folder"),
}


@pytest.mark.parametrize("archive", [tar_of(GOOD), zip_of(GOOD)], ids=["tar", "zip"])
@pytest.mark.parametrize("name", NAMES)
def test_archives_are_unpacked(server: Server, tmp_path: Path, name: str, archive: bytes) -> None:
    fname, kept, unpacked = NAMES[name]
    server.files[name] = archive
    for _ in range(2):
        path = Path(get_file(fname, origin=server.url + name, extract=True))
        assert path == tmp_path / "home/datasets" / unpacked
        assert (path / "in/a.txt").read_bytes() == b"a" and (path / "b.txt").read_bytes() == b"b"
    assert (path.parent / kept).read_bytes() == archive and len(server.asked) == 1


def test_what_is_unpacked_has_no_rights_but_its_owners(server: Server, tmp_path: Path) -> None:
    armed = tarfile.TarInfo("run")
    armed.mode, armed.uid = 0o6777, 12345
    server.files["armed"] = tar_of(GOOD, armed)
    found = (Path(get_file(None, origin=server.url + "armed", extract=True)) / "run").stat()
    assert found.st_mode & 0o7777 == 0o755 and found.st_uid == os.getuid()


HOSTILE = {
    "a path upwards": tar_of(GOOD | {"../out.txt": b"x"}),
    "an absolute path": tar_of(GOOD | {"/tmp/hilevel_out.txt": b"x"}),
    "a link": tar_of(GOOD, link(tarfile.SYMTYPE, "..")),
    "a hard link": tar_of(GOOD, link(tarfile.LNKTYPE, "../../out.txt")),
    "a device": tar_of(GOOD, link(tarfile.FIFOTYPE, "")),
    "upwards in a zip": zip_of(GOOD | {"../out.txt": b"x"}),
}


@pytest.mark.parametrize("archive", HOSTILE.values(), ids=HOSTILE)
def test_an_archive_that_leads_out_is_not_unpacked_at_all(
    server: Server, tmp_path: Path, archive: bytes
) -> None:
    server.files["bad"] = archive
    with pytest.raises(ValueError, match="is not unpacked"):
        get_file(origin=f"{server.url}bad", extract=True)
    assert [p.name for p in (tmp_path / "home/datasets").rglob("*")] == ["bad_archive"]


def test_what_is_no_archive_is_told(server: Server) -> None:
    server.files["bad"] = zip_of(GOOD)
    for arguments in ({"archive_format": "tar"}, {"archive_format": None}, {"untar": True}):
        with pytest.raises(ValueError, match="is no archive of the kinds"):
            get_file(origin=f"{server.url}bad", **({"extract": True} | arguments))
    assert get_file(origin=f"{server.url}bad", extract=True, archive_format=["zip"])


# -- the data sets -----------------------------------------------------------------------------------


def serve(server: Server, name: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a data set's file come from here."""
    server.files[name] = data
    monkeypatch.setitem(SOURCES, name, (server.url + name, hashlib.sha256(data).hexdigest()))


@pytest.mark.parametrize("name", CASES)
def test_load_data_returns_what_kerass_does(
    server: Server, tmp_path: Path, name: str, monkeypatch: Any
) -> None:
    write(name, tmp_path / "file.npz")
    serve(server, f"{name}.npz", (tmp_path / "file.npz").read_bytes(), monkeypatch)
    module = importlib.import_module(f"hilevel.datasets.{name}")
    for arguments, expected in zip(CASES[name], KERAS[name], strict=True):
        found = module.load_data(**arguments, path="mine.npz")
        if "housing" in name:
            assert all(np.array_equal(x[:, 0], 2 * y) for x, y in found)
            assert [part for i, part in enumerate(plain(found)) if i % 2] == expected
        else:
            assert plain(found) == expected, arguments
    assert (tmp_path / "home/datasets/mine.npz").exists() and len(server.asked) == 1


def test_texts_that_are_all_too_long(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    write("imdb", tmp_path / "file.npz")
    serve(server, "imdb.npz", (tmp_path / "file.npz").read_bytes(), monkeypatch)
    with pytest.raises(ValueError, match="take a larger one"):
        imdb.load_data(maxlen=1)


@pytest.mark.parametrize("module", [imdb, reuters])
def test_word_indices_and_topics(server: Server, module: ModuleType, monkeypatch: Any) -> None:
    name = f"{module.__name__.rpartition('.')[2]}_word_index.json"
    serve(server, name, json.dumps({"the": 1, "café": 2}).encode(), monkeypatch)
    assert module.get_word_index() == {"the": 1, "café": 2}
    topics = reuters.get_label_names()
    assert len(topics) == len(set(topics)) == 46 and topics[3:5] == ("earn", "acq") and topics[45] == "lead"


def test_mnist(server: Server, monkeypatch: Any) -> None:
    file, rng = io.BytesIO(), np.random.RandomState(0)
    arrays = {k: rng.randint(0, 255, (3, *s)).astype(np.uint8) for k, s in
              {"x_train": (28, 28), "y_train": (), "x_test": (28, 28), "y_test": ()}.items()}  # fmt: skip
    np.savez(file, **arrays)
    serve(server, "mnist.npz", file.getvalue(), monkeypatch)
    (x, y), (u, v) = mnist.load_data()
    for found, name in zip((x, y, u, v), arrays, strict=True):
        assert found.dtype == np.uint8 and np.array_equal(found, arrays[name])


def test_fashion_mnist(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    images = np.random.RandomState(0).randint(0, 255, (5, 28, 28)).astype(np.uint8)
    labels = np.arange(5, dtype=np.uint8)
    for part, of in (("train", slice(0, 3)), ("t10k", slice(3, 5))):
        head = np.array([0x803, len(images[of]), 28, 28], ">i4").tobytes()
        serve(server, f"{part}-images-idx3-ubyte.gz", gzip.compress(head + images[of].tobytes()), monkeypatch)
        head = np.array([0x801, len(images[of])], ">i4").tobytes()
        serve(server, f"{part}-labels-idx1-ubyte.gz", gzip.compress(head + labels[of].tobytes()), monkeypatch)
    (x, y), (u, v) = fashion_mnist.load_data()
    assert np.array_equal(np.concatenate([x, u]), images) and np.array_equal(np.concatenate([y, v]), labels)
    assert len(x) == 3 and {a.dtype for a in (x, y, u, v)} == {np.dtype(np.uint8)} and x.flags.writeable
    assert (tmp_path / "home/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz").exists()


@pytest.mark.parametrize("kinds", [10, 100])
@pytest.mark.parametrize("form", ["channels_last", "channels_first"])
def test_cifar(server: Server, kinds: int, form: str, monkeypatch: Any) -> None:
    rng = np.random.RandomState(0)
    images = rng.randint(0, 255, (6, 32, 32, 3)).astype(np.uint8)
    coarse, fine = rng.randint(0, 20, 6).astype(np.uint8), rng.randint(0, 100, 6).astype(np.uint8)
    head = [fine] if kinds == 10 else [coarse, fine]
    planes = images.transpose(0, 3, 1, 2).reshape(6, -1)
    rows = [r.tobytes() for r in np.concatenate([np.stack(head, axis=1), planes], axis=1)]
    members = (
        {f"cifar-10-batches-bin/data_batch_{i + 1}.bin": rows[i] for i in range(5)}
        | {"cifar-10-batches-bin/test_batch.bin": rows[5]}
        if kinds == 10
        else {"cifar-100-binary/train.bin": b"".join(rows[:5]), "cifar-100-binary/test.bin": rows[5]}
    )
    serve(server, f"cifar-{kinds}-binary.tar.gz", tar_of(members), monkeypatch)
    monkeypatch.setattr(hilevel.config.settings, "image_data_format", form)
    loads = [(cifar10.load_data, fine)] if kinds == 10 else [
        (cifar100.load_data, fine), (lambda: cifar100.load_data("coarse"), coarse)]  # fmt: skip
    for load, labels in loads:
        (x, y), (u, v) = load()
        found = np.concatenate([x, u])
        assert np.array_equal(found if form == "channels_last" else found.transpose(0, 2, 3, 1), images)
        assert x.dtype == np.uint8 and y.shape == (5, 1) and v.shape == (1, 1)
        assert y.dtype == v.dtype == (np.uint8 if kinds == 10 else np.int64)
        assert np.concatenate([y, v])[:, 0].tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cifar100.load_data("rough"), "label_mode"),
        (lambda: california_housing.load_data("huge"), "version"),
        (lambda: boston_housing.load_data(test_split=1.0), "test_split"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_fetched(server: Server, call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
    assert not server.asked


# -- pickles -----------------------------------------------------------------------------------------


class Hostile:
    """What a stranger may put into a file: reading it calls a function of their choice."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("function", [os.system, eval, importlib.import_module, np.load, getattr])
def test_a_hostile_file_is_not_run(tmp_path: Path, function: Any) -> None:
    x = np.empty(1, object)
    x[0] = Hostile(function, f"touch {tmp_path / 'run'}")
    np.savez(tmp_path / "bad.npz", x=x)
    with pytest.raises(pickle.UnpicklingError, match="not run"):
        read_npz(str(tmp_path / "bad.npz"))
    assert not (tmp_path / "run").exists()


def test_files_of_numpy_1_and_2_are_read(tmp_path: Path) -> None:
    lists = np.fromiter([[1, 2], [3]], object, 2)
    now = pickle.dumps(lists, protocol=3)
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        data = re.sub(rb"numpy\._?core\.multiarray", module, now)
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(lists))
        assert read_array(head.getvalue() + data).tolist() == [[1, 2], [3]]
