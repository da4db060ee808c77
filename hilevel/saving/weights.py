"""Weights in files: HDF5 as Keras writes it, safetensors, and NumPy's own format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving import hdf5, npy, tensors
from hilevel.saving.archive import Archive, Writer, check_name
from hilevel.saving.limits import MAX_JSON, json_of, reading
from hilevel.saving.state import collect, restore
from hilevel.utils.atomic import remove, replacing

Array = np.ndarray[Any, Any]
KINDS = (".weights.h5", ".safetensors", ".weights.npz", ".weights.json")
_GIGABYTE = 2**30


def save_weights(
    model: Any, filepath: str | Path, overwrite: bool = True, max_shard_size: float | None = None
) -> None:
    """Save the weights of a model or layer, and the state of its optimizer, to a file.

    The file is replaced when the new one is whole, and has checksums.

    Args:
        model: the model or layer. It is built.
        filepath: a file whose name ends in `.weights.h5` (Keras's format; needs h5py), `.safetensors` (needs
            safetensors), or `.weights.npz` (needs nothing). A name in `.weights.json` divides the weights over several
            HDF5 files.
        overwrite: whether an existing file is replaced.
        max_shard_size: the size of the largest of several files, in gigabytes.

    Raises:
        ValueError: the name has another ending, or the model is not built.
        FileExistsError: the file exists, and `overwrite` is False.

    >>> import hilevel, tempfile, pathlib
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.weights.npz"
    >>> hilevel.saving.save_weights(model, path)
    >>> sorted(np.load(path))
    ['layers/dense/vars/0', 'layers/dense/vars/1']
    """
    path = checked_path(filepath, overwrite)
    if not getattr(model, "built", True):
        raise ValueError(
            f"{model!r} is not built, so it has no weights to save. Call it, or its build method."
        )
    kind = _kind(path, max_shard_size)
    arrays = collect(model)
    if kind == ".weights.json":
        _write_shards(path, arrays, max_shard_size or 5.0)
        return
    with replacing(path) as file:
        if kind == ".weights.h5":
            hdf5.write(file, arrays, with_checksum=True)
        elif kind == ".safetensors":
            tensors.write(file, arrays)
        else:
            with Writer(file) as archive:
                npy.write(archive, arrays)


def load_weights(model: Any, filepath: str | Path, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load the weights of a model or layer, and the state of its optimizer, from a file.

    After an error the model has its former weights.

    Args:
        model: the model or layer, built in the same way as the saved one.
        filepath: a file by `save_weights` of hilevel or Keras, or a whole model (`.keras`, `.hilevel`).
        skip_mismatch: whether layers that do not fit the file keep their weights, with a warning.
        kwargs: no other argument is accepted.

    Raises:
        InvalidFileError: the file is damaged, of another format, or does not fit the model.

    >>> import hilevel, tempfile, pathlib
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.weights.npz"
    >>> model.save_weights(path)
    >>> model.load_weights(path)
    """
    if kwargs:
        raise TypeError(f"load_weights has no argument {', '.join(kwargs)}.")
    if not getattr(model, "built", True):
        raise ValueError(
            f"{model!r} is not built, so it has no weights to load. Call it on data, or its build method, before."
        )
    with arrays_in(Path(filepath)) as arrays:
        _build_optimizer(model, arrays)
        restore(model, arrays, filepath, skip_mismatch)


def _build_optimizer(model: Any, names: Iterable[str]) -> None:
    """Make the slots of an optimizer that has none yet, if a file has values for them."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or getattr(optimizer, "built", True):
        return
    if sum(name.startswith("optimizer/") for name in names) > len(optimizer.variables):
        optimizer.build(model.trainable_variables)


def checked_path(filepath: str | Path, overwrite: bool) -> Path:
    """Return a path for a new file.

    Raises:
        FileExistsError: the file exists, and must not be replaced.
    """
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Give another name, or overwrite=True to replace it.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file in it.")
    return path


def _kind(path: Path, max_shard_size: float | None = None) -> str:
    kind = next((kind for kind in KINDS if path.name.endswith(kind)), None)
    if kind is None:
        raise ValueError(
            f"The name of a file of weights ends in {', '.join(KINDS[:3])}, or {KINDS[3]} for several files; got "
            f"{path.name!r}."
        )
    if max_shard_size is not None and kind != ".weights.json":
        raise ValueError(
            f"max_shard_size={max_shard_size} divides the weights over several files; the name of their index ends "
            f"in .weights.json; got {path.name!r}."
        )
    return kind


@contextmanager
def arrays_in(path: Path) -> Iterator[Mapping[str, Array]]:
    """Return a block with the arrays of a file of weights, or of a whole model."""
    if path.name.endswith(".json"):
        with reading(path, "index of several files"), _shards(path) as arrays:
            yield arrays
        return
    with path.open("rb") as file:
        start = file.read(8)
        with reading(path, "file"):
            arrays = _arrays(path, file, start)
        yield arrays


def _arrays(path: Path, file: Any, start: bytes) -> Mapping[str, Array]:
    """Return the arrays of an open file, whose format is seen from its first bytes."""
    if start.startswith(b"PK"):
        return arrays_of_archive(Archive(file))
    if path.name.endswith(".safetensors"):
        return tensors.SafeTensors(file)
    arrays = hdf5.arrays_of(file)
    if not any("vars/" in name for name in arrays):
        raise InvalidFileError(
            "It is an HDF5 file of Keras 2, which is not read. Load it in Keras 3, and save it as .weights.h5."
        )
    return arrays


def arrays_of_archive(archive: Archive) -> Mapping[str, Array]:
    """Return the arrays of a `.keras`, `.hilevel` or `.weights.npz` archive."""
    if "model.weights.h5" in archive:
        return hdf5.arrays_of(archive.section("model.weights.h5"))
    if "config.json" in archive:
        return npy.NpyArrays(archive, "weights/")
    return npy.NpyArrays(archive)


# -- several files -------------------------------------------------------------------------------------


def _write_shards(path: Path, arrays: Mapping[str, Array], max_size: float) -> None:
    """Write the arrays to several HDF5 files, and then the index that names them.

    The files have names made from their contents. So the old index and its files stay whole until the new index is.
    """
    old, new = _names_in_index(path), list[str]()
    index: dict[str, list[str]] = {}
    try:
        for shard in _divided(arrays, int(max_size * _GIGABYTE)):
            name = _shard_name(path, shard)
            with replacing(path.with_name(name)) as file:
                hdf5.write(file, shard, with_checksum=True)
            new.append(name)
            for array in shard:
                index.setdefault(f"/{array.rpartition('/')[0]}", []).append(name)
        total = sum(array.nbytes for array in arrays.values())
        text = {
            "metadata": {"total_size": total},
            "weight_map": {k: list(dict.fromkeys(v)) for k, v in index.items()},
        }
        with replacing(path) as file:
            file.write(json.dumps(text, indent=1).encode())
    except BaseException:
        _remove(path, set(new) - old)
        raise
    _remove(path, old - set(new))


def _remove(path: Path, names: set[str]) -> None:
    """Remove files in the folder of an index."""
    for name in names:
        remove(path.with_name(name))


def _divided(arrays: Mapping[str, Array], limit: int) -> Iterator[dict[str, Array]]:
    shard: dict[str, Array] = {}
    size = 0
    for name, array in arrays.items():
        if array.nbytes > limit:
            raise ValueError(
                f'The array "{name}" has {array.nbytes / _GIGABYTE:.3g} GB, more than max_shard_size='
                f"{limit / _GIGABYTE:.3g}. Give a larger one."
            )
        if shard and size + array.nbytes > limit:
            yield shard
            shard, size = {}, 0
        shard[name] = array
        size += array.nbytes
    yield shard


def _shard_name(path: Path, shard: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name, array in shard.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return f"{path.name.removesuffix('.weights.json')}_{digest.hexdigest()[:12]}.weights.h5"


def _names_in_index(path: Path) -> set[str]:
    """Return the files that an existing index names, in its own folder; none if it cannot be read."""
    try:
        files = _index(path).values()
    except (OSError, ValueError, KeyError):
        return set()
    return {name for names in files for name in names}


def _index(path: Path) -> dict[str, list[str]]:
    """Return the files of each object of a model by an index. They lie in the folder of the index.

    Raises:
        InvalidFileError: the text is no index, or names a file elsewhere.
    """
    with path.open("rb") as file:
        found = json_of(file.read(MAX_JSON + 1))["weight_map"]
    index = {str(k): [v] if isinstance(v, str) else list(map(str, v)) for k, v in found.items()}
    for names in index.values():
        for name in names:
            check_name(name)
            if "/" in name or not name.endswith(".weights.h5") or path.with_name(name).is_symlink():
                raise UnsafeContentError(
                    f"The file {name!r} is no file of weights in the folder of the index."
                )
    return index


@contextmanager
def _shards(path: Path) -> Iterator[Mapping[str, Array]]:
    """Return a block with the arrays of the files that an index names."""
    names = dict.fromkeys(name for names in _index(path).values() for name in names)
    files = [path.with_name(name).open("rb") for name in names]
    try:
        found: dict[str, Mapping[str, Array]] = {}
        for name, file in zip(names, files, strict=True):
            with reading(path.with_name(name), "file"):
                arrays = hdf5.arrays_of(file)
            found.update(dict.fromkeys(arrays, arrays))
        yield _Joined(found)
    finally:
        for file in files:
            file.close()


class _Joined(Mapping[str, Array]):
    """The arrays of several files."""

    def __init__(self, files: Mapping[str, Mapping[str, Array]]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> Array:
        return self._files[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
