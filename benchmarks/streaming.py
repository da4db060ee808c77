"""Train on a file that is larger than the memory of the process.

- `python benchmarks/streaming.py`: 8 GB in a process that may allocate 1 GB, in each dtype and order
- `python benchmarks/streaming.py --gigabytes 2 --dtypes uint8 --orders batch`: only some of these
- `python benchmarks/streaming.py --rates`: rows a second of `shuffle="batch"`, and of row by row, from the disk

Each case runs in a process of its own, limited by RLIMIT_DATA, which does not count the pages of mapped files. The
file of the first form is sparse: it takes no room on the disk. The second form writes a real file. Before each case
the file is removed from the cache of the system. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

ROW = 4096
"""The number of values in a row."""


def allocated() -> float:
    """Return the memory that this process has allocated, without mapped files, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


class Peak(threading.Thread):
    """The largest `allocated()`, which is read a hundred times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.value = allocated()
        self.start()

    def run(self) -> None:
        while True:
            self.value = max(self.value, allocated())
            time.sleep(0.01)


def model() -> Any:
    import hilevel
    from hilevel import layers

    inputs = layers.Input((ROW,))
    made = hilevel.Model(inputs, layers.Dense(1)(inputs[:, :8]))
    made.compile("sgd", "mse")
    return made


def case(path: str, dtype: str, order: str, limit: int, steps: int | None) -> dict[str, float]:
    """Train one epoch, and evaluate and predict without steps. Return the seconds and the peak in MB."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit * 2**20, limit * 2**20))
    x = np.memmap(path, dtype, "r").reshape(-1, ROW)
    y = np.zeros(len(x), "float32")
    made, shuffle = model(), {"sorted": False, "batch": "batch", "rows": True}[order]
    made.predict(x[:64], verbose=0)
    start, peak, began = allocated(), Peak(), time.perf_counter()
    made.fit(
        x,
        y,
        batch_size=256,
        verbose=0,
        shuffle=shuffle,
        validation_split=0.0 if steps else 0.1,
        steps_per_epoch=steps,
    )
    fitted = time.perf_counter()
    if not steps:
        made.evaluate(x, y, batch_size=256, verbose=0)
        made.predict(x, batch_size=256, verbose=0)
    return {
        "fit": fitted - began, "rest": time.perf_counter() - fitted, "start": start, "peak": peak.value,
        "rows": (steps or 0) * 256 or len(x),
    }  # fmt: skip


def run(*arguments: object) -> dict[str, float]:
    """Remove the file from the cache of the system, and run a case in a process of its own."""
    with open(str(arguments[0]), "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    command = [sys.executable, __file__, "--case", json.dumps(arguments)]
    found = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    if found.returncode:
        raise SystemExit(found.stderr)
    return dict(json.loads(found.stdout))


def memory(folder: Path, gigabytes: float, dtypes: list[str], orders: list[str], limit: int) -> None:
    """Print the time and the memory of each case on a sparse file."""
    print(
        "| dtype | order | fit, 0.9 of the rows + validation (s) | evaluate + predict (s) | MB at the start | peak MB |"
    )
    print("|---|---|---|---|---|---|")
    path = folder / "large"
    with open(path, "wb") as file:
        file.truncate(int(gigabytes * 2**30))
    for dtype in dtypes:
        for order in orders:
            r = run(str(path), dtype, order, limit, None)
            print(
                f"| {dtype} | {order} | {r['fit']:.1f} | {r['rest']:.1f} | {r['start']:.0f} | {r['peak']:.0f} |",
                flush=True,
            )


def rates(folder: Path, gigabytes: float, limit: int) -> None:
    """Print the rows a second from the disk: in order, in blocks, and row by row."""
    path = folder / "real"
    block = np.random.default_rng(0).normal(size=(256, ROW)).astype("float32")
    with open(path, "wb") as file:
        for _ in range(int(gigabytes * 2**30) // block.nbytes):
            file.write(block.tobytes())
        os.fsync(file.fileno())
    print("| order | rows | seconds | rows/s |\n|---|---|---|---|")
    for order, steps in (("sorted", 1000), ("batch", 1000), ("rows", 20)):
        r = run(str(path), "float32", order, limit, steps)
        print(f"| {order} | {r['rows']:.0f} | {r['fit']:.1f} | {r['rows'] / r['fit']:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64", "float16", "uint8"])
    parser.add_argument("--orders", nargs="+", default=["sorted", "batch"])
    parser.add_argument(
        "--limit", type=int, default=1000, help="the memory that a process may allocate, in MB"
    )
    parser.add_argument("--folder", default=None, help="where the file is made; by default the system's own")
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(case(*json.loads(args.case))))
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        if args.rates:
            rates(Path(folder), args.gigabytes, args.limit)
        else:
            memory(Path(folder), args.gigabytes, args.dtypes, args.orders, args.limit)


if __name__ == "__main__":
    main()
