"""The parts of the time of a step of hilevel: `python benchmarks/profiling.py WORKLOAD [numpy|jax] [--steps N]`.

Functions are listed by their own time, per step. The profiler makes each Python call slower, so read the order and the
counts, not the sum. The time of the same steps without it stands above the table. The time of JAX's compiled program
belongs to the function that waits for its results. A second table has XLA's instructions inside the program.
"""

from __future__ import annotations

import argparse
import cProfile
import gzip
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workloads import WORKLOADS


def rows(profiler: cProfile.Profile, steps: int, top: int) -> list[str]:
    """Return the functions with the most own time: microseconds and calls a step, and where they are."""
    entries = sorted(profiler.getstats(), key=lambda e: -e.inlinetime)[:top]
    per_step = lambda seconds: f"{seconds / steps * 1e6:9.1f}"
    return [
        f"{per_step(e.inlinetime)} {per_step(e.totaltime)} {e.callcount / steps:7.1f}  {place(e.code)}"
        for e in entries
    ]


def place(code: Any) -> str:
    """Return the name of a function, and its file and line."""
    if isinstance(code, str):
        return code
    return f"{code.co_qualname} ({'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno})"


def instructions(run: Callable[[], Any], steps: int, top: int) -> list[str]:
    """Return the instructions of XLA's programs with the most time: microseconds and runs a step, and names.

    A loop's time is the time of the instructions in it.
    """
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            run()
        (path,) = Path(folder).rglob("perfetto_trace.json.gz")
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    found = defaultdict(list)
    for event in events:
        if "hlo_op" in event.get("args", {}):
            found[event["name"]].append(event["dur"])
    times = sorted(found.items(), key=lambda item: -sum(item[1]))[:top]
    return [f"{sum(t) / steps:9.1f} {len(t) / steps:7.1f}  {name}" for name, t in times]


def seconds(run: Callable[[], Any]) -> float:
    """Return the seconds of a call."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def main() -> None:
    """Fit once to warm up, once by the clock, once under the profiler; print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("backend", nargs="?", default="numpy")
    parser.add_argument("--steps", type=int, help="steps of an epoch")
    parser.add_argument("--top", type=int, default=25, help="how many functions")
    parser.add_argument("--bundle", default=1, help="steps_per_execution: a number, or auto")
    chosen = parser.parse_args()
    os.environ["HILEVEL_BACKEND"] = chosen.backend
    from fitted import program

    workload = WORKLOADS[chosen.workload]
    steps = chosen.steps or workload.steps
    x, y = workload.data(steps)
    bundle = chosen.bundle if chosen.bundle == "auto" else int(chosen.bundle)
    train = program(chosen.workload, "hilevel", steps_per_execution=bundle)
    train(x, y)
    plain = min(seconds(lambda: train(x, y)) for _ in range(2))
    profiler = cProfile.Profile()
    profiled = seconds(lambda: profiler.runcall(train, x, y))
    plain, profiled = (time / steps * 1e6 for time in (plain, profiled))
    print(f"{chosen.workload} on {chosen.backend}: {plain:.0f} us a step, {profiled:.0f} profiled")
    print(f"{'own us':>9} {'with all':>9} {'calls':>7}  function")
    print("\n".join(rows(profiler, steps, chosen.top)))
    if chosen.backend == "jax":
        print(f"{'us':>9} {'runs':>7}  instruction")
        print("\n".join(instructions(lambda: train(x, y), steps, chosen.top)))


if __name__ == "__main__":
    main()
