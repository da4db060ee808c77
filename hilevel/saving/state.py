"""The state of a model as named arrays and files: the layout that Keras gives to its weight files.

A layer in the attribute `name` of a model has its arrays below `name/vars/`. The layers of a list or dict are named
by their classes in snake case, and counted: `layers/dense_1/vars/0`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hilevel.api.registry import snake_case
from hilevel.errors import InvalidFileError, warn
from hilevel.saving.limits import reading

Array = np.ndarray[Any, Any]
_VARS = "vars/"


# -- objects with state --------------------------------------------------------------------------------


def objects_of(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield each object with state in a model, the model first, with its path. An object comes once.

    >>> from hilevel.saving.state import objects_of
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> [path for path, _ in objects_of(model)]
    ['', 'layers/dense']
    """
    met: set[int] = set()
    yield from _objects(root, "", met)


def _objects(obj: Any, path: str, met: set[int]) -> Iterator[tuple[str, Any]]:
    if id(obj) in met:
        return
    met.add(id(obj))
    yield path, obj
    for name, value in _attributes(obj):
        inner = f"{path}/{name}" if path else name
        if has_state(value):
            yield from _objects(value, inner, met)
        elif isinstance(value, (list, tuple, dict)):
            yield from _in_container(value, inner, met)


def _in_container(container: Any, path: str, met: set[int]) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for item in list(container.values()) if isinstance(container, dict) else container:
        is_object = has_state(item)
        if not is_object and not isinstance(item, (list, tuple, dict)):
            continue
        name = _class_name(item) if is_object else "container"
        number = counts[name] = counts.get(name, -1) + 1
        inner = f"{path}/{name}_{number}" if number else f"{path}/{name}"
        yield from _objects(item, inner, met) if is_object else _in_container(item, inner, met)


def _class_name(obj: Any) -> str:
    """Return the name of an object in a list: its class in Keras, in snake case."""
    return snake_case(getattr(obj, "_class_in_files", None) or type(obj).__name__)


def has_state(value: object) -> bool:
    """Return whether a value is a layer, an optimizer, a metric or another object with arrays or files."""
    return hasattr(value, "save_own_variables") and not inspect.isclass(value)


def _attributes(obj: Any) -> list[tuple[str, Any]]:
    """Return the attributes of an object that may have state, in Keras's order: private names last.

    The list of layers of a Sequential or functional model comes first, and the optimizer of a compiled model has the
    name `optimizer`.
    """
    names = getattr(type(obj), "_names_in_files", {})
    found = {names.get(name, name): value for name, value in vars(obj).items()}
    optimizer = getattr(getattr(obj, "_training", None), "optimizer", None)
    if optimizer is not None:
        found["optimizer"] = optimizer
    ordered = sorted(found.items(), key=lambda item: "~" + item[0] if item[0].startswith("_") else item[0])
    has_list = hasattr(obj, "_training") and (
        hasattr(obj, "_chain") or getattr(obj, "_graph", None) is not None
    )
    return [("layers", obj.layers), *ordered] if has_list else ordered


# -- saving --------------------------------------------------------------------------------------------


def collect(root: Any) -> dict[str, Array]:
    """Return the arrays of a model by their names in files."""
    arrays: dict[str, Array] = {}
    for path, obj in objects_of(root):
        store: dict[str, Any] = {}
        obj.save_own_variables(store)
        prefix = f"{path}/{_VARS}" if path else _VARS
        arrays.update((prefix + key, as_plain_array(value, prefix + key)) for key, value in store.items())
    return arrays


def as_plain_array(value: Any, name: str) -> Array:
    """Return a value as a numeric or boolean array; bfloat16 as float32, which has all its values.

    Raises:
        TypeError: the value is something else.
    """
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f'"{name}": save_own_variables expects numeric or boolean arrays; got {type(value).__name__} of dtype '
            f"{array.dtype}. Write text and other data in save_assets."
        )
    return array


def save_assets(root: Any, folder: str | Path) -> None:
    """Write the files of a model, such as vocabularies, into a folder."""
    for path, obj in objects_of(root):
        if hasattr(obj, "save_assets"):
            target = Path(folder, path)
            target.mkdir(parents=True, exist_ok=True)
            obj.save_assets(str(target))


# -- loading -------------------------------------------------------------------------------------------


class _Store(Mapping[str, Array]):
    """The arrays of one object, which are read when they are used."""

    def __init__(self, arrays: Mapping[str, Array], names: Mapping[str, str]) -> None:
        self._arrays, self._names = arrays, names

    def __getitem__(self, key: str) -> Array:
        return self._arrays[self._names[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def restore(
    root: Any, arrays: Mapping[str, Array], file: object, skip_mismatch: bool = False, keep: bool = True
) -> None:
    """Set the arrays of a model. After an error the model has its former values.

    Args:
        root: the model, which is built.
        arrays: the arrays by their names in files.
        file: the name of the file, for errors.
        skip_mismatch: whether objects that do not fit the file keep their values, with a warning.
        keep: whether the former values are kept for an error, which takes as much memory again.

    Raises:
        InvalidFileError: the arrays do not fit the model, or cannot be read.
    """
    groups = _by_object(arrays)
    before: list[tuple[Any, dict[str, Any]]] = []
    try:
        for path, obj in objects_of(root):
            store = _Store(arrays, groups.pop(path, {}))
            if keep:
                _keep(before, obj)
            try:
                with reading(file, path or "the model's own weights"):
                    obj.load_own_variables(store)
            except InvalidFileError as error:
                if not skip_mismatch:
                    raise
                warn(f"{error} It keeps its values, because of skip_mismatch=True.")
    except BaseException:
        for obj, values in reversed(before):
            obj.load_own_variables(values)
        raise
    unused = [path for path in groups if not path.startswith("optimizer")]
    if unused:
        warn(
            f"{file} has arrays that the model has no place for: {', '.join(sorted(unused)[:5])}"
            f"{', ...' if len(unused) > 5 else ''}. Is it the file of another model?"
        )


def _keep(before: list[tuple[Any, dict[str, Any]]], obj: Any) -> None:
    values: dict[str, Any] = {}
    obj.save_own_variables(values)
    if values:
        before.append((obj, values))


def _by_object(arrays: Mapping[str, Array]) -> dict[str, dict[str, str]]:
    """Return the names of the arrays of each object, by its path."""
    groups: dict[str, dict[str, str]] = {}
    for name in arrays:
        head, mark, key = name.rpartition(_VARS)
        if mark:
            groups.setdefault(head.removesuffix("/"), {})[key] = name
    return groups


def load_assets(root: Any, folder: str | Path, file: object) -> None:
    """Let the objects of a model read their files from a folder."""
    for path, obj in objects_of(root):
        if hasattr(obj, "load_assets"):
            with reading(file, f"assets of {path or 'the model'}"):
                obj.load_assets(str(Path(folder, path)))
