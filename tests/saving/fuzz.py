"""Load damaged files: `python fuzz.py COUNT [FIRST]` damages files of every format in COUNT ways each.

A load must either raise `InvalidFileError`, and leave the model as it was, or give the values of the whole file. Files of
Keras with no checksums, and archives that were packed again, may give other values. A load that takes five seconds is a
failure. The case FIRST + i of a format is the same in every run.
"""

from __future__ import annotations

import io
import shutil
import signal
import sys
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import hilevel
from hilevel.errors import InvalidFileError
from hilevel.saving.state import collect

SECONDS = 5
KERAS_FILES = Path(__file__).parents[1] / "data/keras_files.zip"
UNCHECKED = ("keras.weights.h5",)
"""Files that may load with other values, as they have no checksums."""


def model() -> Any:
    layers = hilevel.layers
    hilevel.set_random_seed(0)
    made = hilevel.Sequential(
        [
            hilevel.Input((4,)),
            layers.Dense(3, "relu"),
            layers.Dropout(0.5),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )
    made.compile("adam", "mse")
    rng = np.random.default_rng(0)
    made.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 1)), epochs=2, verbose=0)
    return made


def write_all(folder: Path) -> dict[str, Path]:
    """Write a file of each format, by name."""
    made, paths = model(), {}
    for name in ("m.hilevel", "m.keras"):
        made.save(folder / name)
        paths[name] = folder / name
    for name in ("m.weights.npz", "m.weights.h5", "m.safetensors"):
        made.save_weights(folder / name)
        paths[name] = folder / name
    made.save_weights(folder / "s.weights.json", max_shard_size=100 / 2**30)
    paths |= {"index": folder / "s.weights.json", "shard": min(folder.glob("s_*.weights.h5"))}
    with zipfile.ZipFile(KERAS_FILES) as archive:
        name = next(n for n in archive.namelist() if n.startswith("model-"))
        paths["keras.keras"] = Path(archive.extract(name, folder))
    with zipfile.ZipFile(paths["keras.keras"]) as archive:
        (folder / "keras.weights.h5").write_bytes(archive.read("model.weights.h5"))
    paths["keras.weights.h5"] = folder / "keras.weights.h5"
    return paths


# -- damage --------------------------------------------------------------------------------------------


def flip(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 4))):
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))


def flip_one(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))


def cut(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    del data[int(rng.integers(len(data))) :]


def overwrite(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    start = int(rng.integers(len(data)))
    value = [bytes(8), b"\xff" * 8, rng.bytes(8), b"\0\0\0\x40\0\0\0\0"][rng.integers(4)]
    data[start : start + 8] = value[: len(data) - start]


def swap(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    size = int(rng.integers(1, 64))
    a, b = (int(n) for n in rng.integers(0, max(1, len(data) - size), 2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def remove(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    start = int(rng.integers(len(data)))
    del data[start : start + int(rng.integers(1, 64))]


def splice(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    place = int(rng.integers(len(data)))
    data[place:] = other[int(rng.integers(len(other))) :]


def repack(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Damage or exchange members of an archive, and pack it with right checksums; flip bits of other files."""
    if not data.startswith(b"PK"):
        return flip(data, rng, other)
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = list(members)
    a, b = (names[int(i)] for i in rng.integers(0, len(names), 2))
    if rng.integers(2):
        members[a], members[b] = members[b], members[a]
    else:
        changed = bytearray(members[a])
        DAMAGES[int(rng.integers(6))](changed, rng, members[b] or b"x")
        members[a] = bytes(changed)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    data[:] = file.getvalue()


DAMAGES = [flip, flip_one, overwrite, swap, remove, cut, splice, repack]


# -- loading -------------------------------------------------------------------------------------------


class TooSlow(BaseException):
    pass


def alarm(*_: Any) -> None:
    raise TooSlow


def state(made: Any) -> dict[str, Any]:
    values = {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in collect(made).items()}
    return values | {"config": made.to_json(), "training": (made._training.seed, made._training.fits)}


class Format:
    """A file of a format, and the check of its damaged copies."""

    def __init__(self, name: str, path: Path, other: Path) -> None:
        self.name, self.path = name, path
        self.data, self.other = path.read_bytes(), other.read_bytes()
        self.is_model = path.suffix in (".keras", ".hilevel")
        self.entry = path.parent / "s.weights.json" if name == "shard" else path
        self.target = None if self.is_model else self.fresh()
        self.before = None if self.is_model else state(self.target)
        self.expected = self.load()

    def fresh(self) -> Any:
        made = model()
        if self.name.startswith("keras"):
            made = hilevel.saving.load_model(self.path.parent / next(self.path.parent.glob("*model*.keras")))
        for w in made.weights:
            w.assign(np.ones(w.shape))
        return made

    def load(self) -> dict[str, Any]:
        hilevel.set_random_seed(0)  # Keras writes no seeds
        if self.is_model:
            return state(hilevel.saving.load_model(self.path))
        self.target.load_weights(self.entry)
        return state(self.target)

    def restore(self) -> None:
        """Give the model its first values again."""
        for path, obj in hilevel.saving.state.objects_of(self.target):
            prefix = f"{path}/vars/" if path else "vars/"
            own = {n.removeprefix(prefix): v for n, v in self.before.items() if n.startswith(prefix)}
            obj.load_own_variables({k: np.frombuffer(b, d).reshape(s) for k, (d, s, b) in own.items()})

    def check(self, number: int) -> str | None:
        """Return what is wrong with the outcome of a case, else None."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), number])
        damage = DAMAGES[number % len(DAMAGES)]
        data = bytearray(self.data)
        damage(data, rng, self.other)
        self.path.write_bytes(data)
        signal.alarm(SECONDS)
        try:
            found = self.load()
        except InvalidFileError:
            return None if self.is_model or state(self.target) == self.before else "the model has changed"
        except TooSlow:
            return "too slow"
        except BaseException as error:
            return f"{type(error).__name__}: {str(error)[:300]}"
        finally:
            signal.alarm(0)
            self.path.write_bytes(self.data)
        may_differ = damage is repack or self.name in UNCHECKED
        wrong = None if may_differ or found == self.expected else "other values were loaded"
        if not self.is_model:
            self.restore()
        return wrong


def run(count: int, first: int = 0, names: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the failures of `count` cases of each format."""
    signal.signal(signal.SIGALRM, alarm)
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp())
    try:
        paths = write_all(folder)
        for name, path in paths.items():
            if names and name not in names:
                continue
            format = Format(name, path, paths["m.keras" if name == "m.hilevel" else "m.hilevel"])
            if not format.is_model:
                format.restore()
            for number in range(first, first + count):
                if wrong := format.check(number):
                    yield f"{name} {number} {DAMAGES[number % len(DAMAGES)].__name__}: {wrong}"
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    count, first, *names = [*sys.argv[1:2], *(sys.argv[2:] or ["0"])]
    for failure in run(int(count), int(first), tuple(names)):
        print(failure, flush=True)
    print("done")
