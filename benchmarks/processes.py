"""The efficiency of two processes: `python benchmarks/processes.py`, on a machine with two or more cores.

One process trains on one core. Then two processes, each on a core of its own, train with a batch of twice the size.
They sum their gradients over the loopback device. The efficiency is the ratio of the times of a step.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from tqdm import tqdm

ROUNDS, STEPS = 5, 20
MODELS = ("mlp", "cnn", "lstm", "transformer")


def work(name: str, index: int, count: int, port: int) -> None:
    """Train one model in this process, and print the milliseconds of a step for each round."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[index]})
    import workloads

    import hilevel

    if count > 1:
        hilevel.distribution.initialize(f"127.0.0.1:{port}", count, index)
        hilevel.distribution.set_distribution(hilevel.distribution.DataParallel())
    workload = workloads.WORKLOADS[name]
    model, (x, y) = workload.model(hilevel), workload.data(STEPS * count)
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        model.fit(x, y, batch_size=workload.batch * count, verbose=0)
        print("ms", (time.perf_counter() - start) / STEPS * 1000, flush=True)


def times(name: str, count: int) -> list[float]:
    """Return the milliseconds of a step of the rounds after the first, the largest of the processes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = os.pathsep.join(map(str, (Path(__file__).parents[1], Path(__file__).parents[1] / "backends")))
    own = {"HILEVEL_BACKEND": "jax", "HILEVEL_JAX_CPU_DEVICES": "1", "PYTHONPATH": path}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, name, str(index), str(count), str(port)],
            env=os.environ | own, stdout=subprocess.PIPE, text=True,
        )
        for index in range(count)
    ]  # fmt: skip
    printed = [process.communicate()[0].splitlines() for process in processes]
    measured = [[float(line.split()[1]) for line in lines if line.startswith("ms ")] for lines in printed]
    return [max(one) for one in zip(*measured, strict=True)][1:]


def main() -> None:
    """Print the times of one and of two processes, and the efficiency."""
    for name in tqdm(MODELS, leave=False):
        one, two = (min(times(name, count)) for count in (1, 2))
        tqdm.write(f"{name}: one process {one:.2f} ms, two {two:.2f} ms, efficiency {one / two:.0%}")


if __name__ == "__main__":
    work(sys.argv[1], *map(int, sys.argv[2:])) if len(sys.argv) > 1 else main()
