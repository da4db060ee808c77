"""The other measurements: imports, the way to a first trained model, memory, predictions, and the loop of `fit`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from contenders import CONTENDERS

HERE = Path(__file__).resolve().parent
IMPORTS = {
    "numpy": {}, "hilevel": {}, "autograd": {}, "jax": {}, "torch": {}, "keras": {"KERAS_BACKEND": "jax"},
}  # fmt: skip


def run(python: str, *command: str, **env: str) -> tuple[float, Any]:
    """Return the seconds until a process prints or ends, and the printed line; None if there is none."""
    begin = time.perf_counter()
    process = subprocess.Popen([python, *command], stdout=subprocess.PIPE, env=os.environ | env, text=True)
    assert process.stdout
    line = process.stdout.readline()
    seconds = time.perf_counter() - begin
    process.communicate()
    return seconds, json.loads(line) if line else None


def once(python: str, what: str, contender: str) -> tuple[float, Any]:
    """Measure one thing of one contender in a fresh process."""
    return run(python, str(HERE / "once.py"), what, contender, **CONTENDERS[contender].env)


def import_seconds(python: str, rounds: int, bar: Any) -> dict[str, float]:
    """Return the time of each import, without Python's own start: medians of processes in turn."""
    there = ["sys", *(name for name in IMPORTS if installed(python, name))]
    times: dict[str, list[float]] = {name: [] for name in there}
    for _ in range(rounds):
        for name in there:
            times[name].append(run(python, "-c", f"import {name}", **IMPORTS.get(name, {}))[0])
            bar.update()
    bare = median(times.pop("sys"))
    return {name: median(seconds) - bare for name, seconds in times.items()}


def installed(python: str, name: str) -> bool:
    """Return whether a package is there."""
    ask = f"import importlib.util, json; print(json.dumps(importlib.util.find_spec({name!r}) is not None))"
    return bool(run(python, "-c", ask)[1])


def turns(contenders: list[str], rounds: int) -> int:
    """Return the number of processes."""
    return rounds * (len(IMPORTS) + 1 + len(contenders)) + len(contenders) + 1


def measure(python: str, contenders: list[str], rounds: int, bar: Any) -> dict[str, Any]:
    """Return all measurements, by kind, then by contender; None where a process failed."""
    bar.set_postfix_str("imports")
    results: dict[str, Any] = {"import s": import_seconds(python, rounds, bar)}
    results |= {what: {} for what in ("trained s", "memory MB", "predict 1 ms", "predict 1024 ms")}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name in contenders:
            bar.set_postfix_str(f"start: {name}")
            took, done = once(python, "trained", name)
            seconds[name] += [took] if done else []
            bar.update()
    for name in contenders:
        bar.set_postfix_str(f"memory and predictions: {name}")
        results["trained s"][name] = median(seconds[name]) if seconds[name] else None
        results["memory MB"][name] = once(python, "memory", name)[1]
        predictions = once(python, "predict", name)[1] or {}
        for rows in ("1", "1024"):
            results[f"predict {rows} ms"][name] = predictions.get(rows)
        bar.update()
    if "hilevel-jax" in contenders:
        bar.set_postfix_str("fit beside a loop by hand")
        results["fit / loop by hand"] = {"hilevel-jax": once(python, "loop", "hilevel-jax")[1]}
    bar.update()
    return results
