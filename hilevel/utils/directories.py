"""Data sets of the files in a directory: the search for files, their labels, and their division."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hilevel.engine.backends import use_backend
from hilevel.engine.machine import available_cores
from hilevel.errors import ArgumentError, UnsafeContentError
from hilevel.layers.base.checks import one_of
from hilevel.random.seed import make_seed
from hilevel.training.data.indexed import IndexedDataset

Array = np.ndarray[Any, Any]
_THREADS = min(8, available_cores())


@dataclass
class Reader:
    """The reader of one kind of file.

    Args:
        kind: the name of the files, for messages.
        extensions: the ends of their names, in lower case.
        read: a function of a path that returns a sample.
        stack: a function of a list of samples that returns a batch.
    """

    kind: str
    extensions: tuple[str, ...]
    read: Callable[[str], Any]
    stack: Callable[[list[Any]], Array] = np.stack


@dataclass
class Files:
    """Paths of files, with the label of each.

    Args:
        paths: the paths.
        labels: integers of shape `(files,)`, or None.
        class_names: the names of the labels, or None.
    """

    paths: list[str]
    labels: Array | None
    class_names: list[str] | None

    def part(self, rows: slice) -> Files:
        """Return some of the files."""
        return Files(self.paths[rows], None if self.labels is None else self.labels[rows], self.class_names)


@dataclass
class Directory:
    """The arguments that the functions `..._dataset_from_directory` have in common, and the data sets they describe."""

    directory: str | os.PathLike[str]
    labels: str | Sequence[int] | None
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool
    reshuffle: bool = True

    def __post_init__(self) -> None:
        one_of(
            "dataset_from_directory", "label_mode", self.label_mode, ("int", "categorical", "binary", None)
        )
        listed = isinstance(self.labels, (list, tuple))
        if not listed and self.labels not in ("inferred", None):
            raise ArgumentError(
                f'labels must be "inferred", None, or a list of integers; got {self.labels!r}.'
            )
        if self.class_names and self.labels != "inferred":
            raise ArgumentError('class_names can only be given together with labels="inferred".')
        if self.labels is None or self.label_mode is None:
            self.labels = self.label_mode = None
        self._check_split()

    def _check_split(self) -> None:
        one_of("dataset_from_directory", "subset", self.subset, ("training", "validation", "both", None))
        if self.validation_split and not 0 < self.validation_split < 1:
            raise ArgumentError(f"validation_split must be between 0 and 1; got {self.validation_split}.")
        if bool(self.validation_split) != bool(self.subset):
            raise ArgumentError("validation_split and subset must be given together.")
        if self.validation_split and self.shuffle and self.seed is None:
            raise ArgumentError(
                "With validation_split and shuffle, give a seed: the training and the validation files then have "
                "nothing in common."
            )

    def datasets(self, reader: Reader) -> Any:
        """Return the data set of the files; with `subset="both"` a list of two.

        Raises:
            ValueError: there are no files, or the labels do not fit them.
        """
        seed = make_seed() if self.seed is None else self.seed
        files = self._found(reader)
        if self.label_mode == "binary" and len(files.class_names or ()) != 2:
            raise ArgumentError(f'label_mode="binary" needs exactly 2 classes; got {files.class_names}.')
        if self.shuffle:
            files = _shuffled(files, seed)
        made = [
            self._dataset(name, part, reader, self.shuffle and not (name and self.subset == "both"), seed)
            for name, part in self._parts(files)
        ]
        return made if self.subset == "both" else made[0]

    def _found(self, reader: Reader) -> Files:
        """Return the files in the order of their paths, with their labels."""
        root = os.fspath(self.directory)
        names = self._classes(root)
        search = partial(find_files, root, extensions=reader.extensions, follow_links=self.follow_links)
        groups = [list(search(os.path.join(root, name))) for name in (names if names is not None else [""])]
        paths = [path for group in groups for path in group]
        labels: Any = None
        if names is not None:
            labels = np.repeat(np.arange(len(names), dtype=np.int32), [len(g) for g in groups])
        elif self.labels is not None:
            labels = np.asarray(self.labels)
            names = [str(label) for label in np.unique(labels)]
            labels = labels.astype(np.int32) if labels.dtype.kind in "iu" else labels
            if len(labels) != len(paths):
                raise ArgumentError(
                    f"There are {len(labels)} labels for {len(paths)} {reader.kind} files in {root}."
                )
        if self.verbose:
            classes = "" if labels is None else f" belonging to {len(names or ())} classes"
            print(f"Found {len(paths)} files{classes}.")
        return Files(paths, labels, names)

    def _classes(self, root: str) -> list[str] | None:
        """Return the names of the folders that are classes; None unless the labels are inferred."""
        if self.labels != "inferred":
            return None
        folders = sorted(e.name for e in os.scandir(root) if e.is_dir() and not e.name.startswith("."))
        if self.class_names is None:
            return folders
        if not set(self.class_names) <= set(folders):
            raise ArgumentError(f"class_names={list(self.class_names)} are not among the folders {folders}.")
        return list(self.class_names)

    def _parts(self, files: Files) -> Iterator[tuple[str, Files]]:
        """Yield the files of each data set, with its name."""
        if not self.validation_split:
            yield "", files
            return
        first = len(files.paths) - int(self.validation_split * len(files.paths))
        for name, rows in (("training", slice(first)), ("validation", slice(first, None))):
            if self.subset in (name, "both"):
                part = files.part(rows)
                if self.verbose:
                    print(f"Using {len(part.paths)} files for {name}.")
                yield name, part

    def _dataset(self, name: str, files: Files, reader: Reader, shuffle: bool, seed: int) -> IndexedDataset:
        if not files.paths:
            raise ValueError(
                f"No {name + ' ' if name else ''}{reader.kind} files found in directory {self.directory}. The names of "
                f"files must end with {', '.join(reader.extensions)}."
            )
        labels = None if files.labels is None else encoded(files.labels, self.label_mode, files.class_names)
        load = FileLoader(files.paths, labels, reader)
        options = {"class_names": files.class_names, "file_paths": files.paths}
        return IndexedDataset(
            len(files.paths), load, self.batch_size, shuffle, seed, reshuffle=self.reshuffle, **options
        )


def _shuffled(files: Files, seed: int) -> Files:
    """Return files in the order that Keras gives them for the seed, so that its division is the same."""
    order = np.arange(len(files.paths))
    np.random.RandomState(seed).shuffle(order)
    labels = None if files.labels is None else files.labels[order]
    return Files([files.paths[i] for i in order], labels, files.class_names)


def encoded(labels: Array, label_mode: str | None, class_names: Sequence[str] | None) -> Array:
    """Return labels as the targets of a mode: `(n,)`, `(n, 1)` for `"binary"`, `(n, classes)` for `"categorical"`."""
    if label_mode == "binary":
        return labels.astype(np.float32)[:, None]
    if label_mode == "categorical":
        return (labels[:, None] == np.arange(len(class_names or ()))).astype(np.float32)
    return labels


def find_files(root: str, folder: str, extensions: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    """Yield the paths of the files in a folder and in its folders, sorted by folder and then by name.

    Raises:
        UnsafeContentError: without `follow_links`, a link leads out of `root`.
    """
    for inner, names in sorted(_folders(folder, follow_links, set())):
        for name in sorted(n for n in names if n.lower().endswith(extensions)):
            path = os.path.join(inner, name)
            if not follow_links and not _is_inside(path, root):
                raise UnsafeContentError(
                    f"{path} is a link to {os.path.realpath(path)}, outside of {root}. Pass follow_links=True if you "
                    "trust it."
                )
            yield path


def _folders(folder: str, follow_links: bool, seen: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and the folders in it, each once, with the names of their files."""
    real = os.path.realpath(folder)
    if real in seen:  # a circle of links
        return
    seen.add(real)
    entries = list(os.scandir(folder))
    yield folder, [e.name for e in entries if e.is_file()]
    for entry in entries:
        if entry.is_dir(follow_symlinks=follow_links):
            yield from _folders(entry.path, follow_links, seen)


def _is_inside(path: str, root: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


@dataclass
class FileLoader:
    """A function of indices that returns the samples of files, read in several threads, with their labels.

    Args:
        paths: the paths of the files.
        labels: the target of each file, or None.
        reader: the reader of the files.
    """

    paths: list[str]
    labels: Array | None
    reader: Reader

    def __call__(self, indices: Array) -> Any:
        paths = [self.paths[i] for i in indices]
        if len(paths) == 1:
            samples = [self._read(paths[0])]
        else:
            with ThreadPoolExecutor(min(_THREADS, len(paths))) as pool:
                samples = list(pool.map(self._read, paths))
        x = self.reader.stack(samples)
        return x if self.labels is None else (x, self.labels[indices])

    def _read(self, path: str) -> Any:
        try:
            with use_backend("numpy"):
                return self.reader.read(path)
        except Exception as error:
            error.add_note(f"This happened while {path} was read.")
            raise
