"""Hostile files: functions that write one into a folder, by the loader that a victim would call.

Payloads write the file `pwned`, read `secret.txt`, or connect to port 9; a safe loader does nothing of this.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Make = Callable[[Path], Any]
CASES: dict[str, dict[str, Make]] = {"model": {}, "weights": {}, "json": {}, "object": {}}
"""For each loader the hostile files by name. A function returns the path, the text, or the config."""
HARMLESS = set[str]()
"""The names of files that look odd, but load: what they ask for has no effect."""


def case(loader: str, name: str, harmless: bool = False) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        assert name not in CASES[loader]
        CASES[loader][name] = make
        if harmless:
            HARMLESS.add(name)
        return make

    return add


# -- configs -------------------------------------------------------------------------------------------


def described(
    class_name: str, config: Any, module: str | None = "keras.layers", **more: Any
) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None, **more}


def input_layer(*shape: int | None) -> dict[str, Any]:
    return described("InputLayer", {"batch_shape": [None, *(shape or (4,))], "dtype": "float32", "name": "x"})


def sequential(*layers: dict[str, Any], first: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return described(
        "Sequential", {"name": "s", "layers": [first or input_layer(), *layers]}, "keras", **more
    )


def dense(units: int = 2, **more: Any) -> dict[str, Any]:
    return described("Dense", {"name": "d", "units": units}, **more)


def tensor(name: str = "x", shape: tuple[int | None, ...] = (None, 4)) -> dict[str, Any]:
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def functional(
    *entries: dict[str, Any], output: str = "node", shape: tuple[int | None, ...] = (4,)
) -> dict[str, Any]:
    """Return the config of a functional model with the input `x`."""
    first = input_layer(*shape) | {"name": "x", "inbound_nodes": []}
    config = {
        "name": "f", "layers": [first, *entries], "input_layers": [["x", 0, 0]], "output_layers": [[output, 0, 0]],
    }  # fmt: skip
    return described("Functional", config, "keras.src.models.functional")


def node(
    class_name: str, config: dict[str, Any], *args: Any, module: str = "keras.layers", **kwargs: Any
) -> dict[str, Any]:
    """Return an entry of a functional model: a layer or op with one call."""
    call = {"args": list(args), "kwargs": kwargs}
    entry = described(class_name, {"name": "node", **config}, module)
    return entry | {"name": "node", "inbound_nodes": [call]}


def op(class_name: str, config: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    return functional(node(class_name, config, *(args or [tensor()]), module="keras.src.ops.numpy", **kwargs))


def function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def calling(module: str, name: str, first: Any = None, **arguments: Any) -> dict[str, Any]:
    """Return a functional model that calls a function through a Lambda, on the input or on plain data."""
    config = {"function": function(module, name), "arguments": arguments}
    entry = node("Lambda", config, tensor())
    if first is not None:
        entry["inbound_nodes"] = [{"args": [], "kwargs": {"inputs": first}}]
    return functional(entry)


# -- files ---------------------------------------------------------------------------------------------


def zipped(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data if isinstance(data, (bytes, str)) else json.dumps(data))
    return path


def hdf5(fill: Callable[[h5py.File], Any] | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as h5:
        if fill is None:
            h5["layers/dense/vars/0"], h5["layers/dense/vars/1"] = np.ones((4, 2), "f4"), np.ones(2, "f4")
        else:
            fill(h5)
    return file.getvalue()


def keras(
    folder: Path, config: Any, weights: bytes | None = None, more: dict[str, Any] | None = None
) -> Path:
    members = {"metadata.json": {"keras_version": "3.15.1"}, "config.json": config}
    return zipped(
        folder / "m.keras",
        members | {"model.weights.h5": hdf5() if weights is None else weights} | (more or {}),
    )


def npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_with(header: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    text = header.encode("utf8") + b"\n"
    length = len(text).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + length + text + data


def both(name: str, harmless: bool = False) -> Callable[[Callable[[Path], Any]], Any]:
    """Add a config as a `.keras` and a `.hilevel` file, as JSON text, and as a description."""

    def add(make: Callable[[Path], Any]) -> Any:
        case("model", f"{name}, .keras", harmless)(lambda folder: keras(folder, make(folder)))
        case("model", f"{name}, .hilevel", harmless)(
            lambda folder: zipped(
                folder / "m.hilevel",
                {
                    "config.json": make(folder),
                    "weights/layers/dense/vars/0.npy": npy(np.ones((4, 2), "f4")),
                    "weights/layers/dense/vars/1.npy": npy(np.ones(2, "f4")),
                },
            )
        )
        case("json", name, harmless)(lambda folder: json.dumps(make(folder)))
        case("object", name, harmless)(make)
        return make

    return add
