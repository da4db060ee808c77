"""A process that loads hostile files and is watched by an audit hook: `python watched.py FOLDER`.

The folder has a folder for each file, and `list.json` with their loaders. It prints a JSON list with the outcome, the
forbidden events, the growth of memory in MB and the seconds of each.
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
import tempfile
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import hilevel

FORBIDDEN = (
    "exec", "compile", "import", "marshal.", "pickle.", "subprocess.", "os.", "socket.", "urllib.", "ctypes.", "shutil.",
    "code.", "cpython.", "ftplib.", "http.", "webbrowser.", "builtins.input", "mmap.",
)  # fmt: skip
HARMLESS = (
    "os.listdir",
    "os.scandir",
    "os.mkdir",
    "os.rmdir",
    "os.remove",
    "shutil.rmtree",
    "os.unlink",
    "os.chmod",
)
"""Events that a temporary folder needs; their paths are checked."""
watching = False
allowed: list[str] = []
events: list[str] = []


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not watching:
        return
    path = arguments[0] if arguments else None
    if event in ("os.remove", "os.rmdir") and arguments[1] != -1:  # a name in an open folder, by rmtree
        return
    if event in ("open", *HARMLESS):
        if isinstance(path, (str, bytes, os.PathLike)) and not inside(os.fspath(path)):
            events.append(f"{event} {path!r}")
    elif event.startswith(FORBIDDEN):
        events.append(f"{event} {str(arguments)[:100]}")


def inside(path: str | bytes) -> bool:
    real = os.path.realpath(os.fsdecode(path))
    is_part = os.path.dirname(real) == allowed[0] and real.endswith(".weights.h5")
    return (
        is_part or real == allowed[1] or real.startswith(f"{os.path.realpath(tempfile.gettempdir())}{os.sep}")
    )


def memory(name: str) -> float:
    """Return a field of the memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def small_model() -> Any:
    model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(2)])
    model.layers[0].set_weights([np.full((4, 2), 7, "float32"), np.full(2, 7, "float32")])
    return model


def load(loader: str, what: Any) -> Any:
    if loader == "weights":
        return small_model().load_weights(what)
    function = {
        "model": hilevel.saving.load_model,
        "json": hilevel.models.model_from_json,
        "object": hilevel.saving.deserialize_keras_object,
    }[loader]
    return function(what)


def outcome(loader: str, what: Any) -> str:
    try:
        load(loader, what)
    except Exception as error:
        names = [cls.__name__ for cls in type(error).__mro__]
        kind = "UnsafeContentError" if "UnsafeContentError" in names else type(error).__name__
        return f"{kind}: {str(error)[:300]}"
    return "loaded"


def watched(case: dict[str, Any]) -> dict[str, Any]:
    """Load a file. Return its case with the outcome."""
    global watching, allowed
    Path("/proc/self/clear_refs").write_text("5")
    before, start = memory("VmRSS"), time.perf_counter()
    path = Path(case["what"]) if case["loader"] in ("model", "weights") else None
    files = [path, *path.parent.glob("*.weights.h5")] if path else []
    allowed = [str(path and path.parent), str(path)]
    watching = True
    result = outcome(case["loader"], case["what"])
    watching = False
    found, events[:] = list(events), []
    size = sum(f.stat().st_size for f in files) if path else len(str(case["what"]))
    return {
        **{key: case[key] for key in ("loader", "name")}, "outcome": result, "events": found, "size": size,
        "growth": memory("VmHWM") - before, "seconds": time.perf_counter() - start,
        "left": os.listdir(tempfile.gettempdir()),
    }  # fmt: skip


def import_all() -> None:
    for module in pkgutil.walk_packages(hilevel.__path__, "hilevel."):
        if "__main__" not in module.name and "hilevel.testing" not in module.name:
            import_module(module.name)
    import_module("difflib")
    import_module("hilevel.models.config")._keras_ops()


if __name__ == "__main__":
    import numpy as np

    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    tempfile.tempdir = str(folder / "tmp")
    import_all()
    cases = json.loads((folder / "list.json").read_text())
    for case in cases[:3]:  # what Python imports when it is first needed
        outcome(case["loader"], case["what"])
    sys.addaudithook(hook)
    json.dump([watched(case) for case in cases], sys.stdout)
