"""Start the tasks of `worker.py` in one or several processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def environment() -> dict[str, str]:
    """Return the environment of a program: the options of the tests, and the paths of the code."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "backends")))
    return os.environ | {"PYTHONPATH": path, "HILEVEL_BACKEND": "jax"}


def run(task: str, folder: Path, devices: int = 4) -> Any:
    """Return the result of a task of `worker.py` in a process with several devices."""
    file = folder / f"{task}.json"
    command = [sys.executable, str(HERE / "worker.py"), task, str(file), str(devices)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(file.read_text())


def start(task: str, folder: Path, count: int = 2, devices: int = 1) -> list[subprocess.Popen[str]]:
    """Start a task of `worker.py` in several processes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    numbers = [(str(devices), str(index), str(count), str(port)) for index in range(count)]
    files = [str(folder / f"{task}{index}.json") for index in range(count)]
    return [
        subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), task, file, *rest],
            env=environment(), stderr=subprocess.PIPE, text=True,
        )
        for file, rest in zip(files, numbers, strict=True)
    ]  # fmt: skip


def results(task: str, folder: Path, count: int = 2, devices: int = 1) -> list[Any]:
    """Return the results of a task in several processes."""
    processes = start(task, folder, count, devices)
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert not any(process.returncode for process in processes), "\n".join(e[-2000:] for e in errors)
    return [json.loads((folder / f"{task}{index}.json").read_text()) for index in range(count)]
