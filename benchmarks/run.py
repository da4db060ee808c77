"""Time a training step of hilevel against its peers: interleaved rounds, medians, ratios in one run."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from tqdm import tqdm

HERE = Path(__file__).resolve().parent
CONTENDERS = ("hilevel-numpy", "hilevel-jax", "torch", "jax-by-hand")
WORKLOADS = ("mlp", "deep_narrow")
TARGETS = [("hilevel-numpy", "torch", 0.9), ("hilevel-jax", "jax-by-hand", 1.1)]


class Worker:
    """A process that has one framework loaded, and runs one epoch of a workload when it is asked."""

    def __init__(self, python: str, name: str) -> None:
        env = os.environ | {"HILEVEL_BACKEND": name.removeprefix("hilevel-")} if "hilevel" in name else None
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
        )  # fmt: skip

    def ask(self, workload: str) -> float:
        """Milliseconds of a step, the mean of an epoch."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(workload + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def environment() -> str:
    """The Python of an environment with hilevel and the peers, made where it is not there."""
    folder = HERE.parent / ".venv-benchmarks"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        print(f"Making an environment in {folder.name}: this takes some minutes, once.")
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-q", "-r", str(HERE / "requirements.txt")]
        subprocess.run(install, check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-e", str(HERE.parent)], check=True)
    return str(python)


def measure(python: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds a step, for each workload and contender, of each round."""
    workers = {name: Worker(python, name) for name in CONTENDERS}
    times: dict[str, dict[str, list[float]]] = {w: {c: [] for c in CONTENDERS} for w in WORKLOADS}
    turns = [(w, r, c) for w in WORKLOADS for r in range(rounds + 1) for c in CONTENDERS]
    for workload, number, name in tqdm(turns, unit="epoch", disable=not sys.stderr.isatty()):
        milliseconds = workers[name].ask(workload)
        if number:  # the first round compiles and warms up
            times[workload][name].append(milliseconds)
    for worker in workers.values():
        worker.close()
    return times


def report(times: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Print the medians and the ratios that are aimed at; return them."""
    results: dict[str, Any] = {}
    print(f"{'workload':12} {'':14} {'median ms':>10} {'best ms':>9}")
    for workload, by_name in times.items():
        for name, values in by_name.items():
            print(f"{workload:12} {name:14} {statistics.median(values):10.3f} {min(values):9.3f}")
        for ours, peer, aim in TARGETS:
            ratios = [a / b for a, b in zip(by_name[ours], by_name[peer], strict=True)]
            ratio, best = statistics.median(ratios), min(by_name[ours]) / min(by_name[peer])
            results[f"{workload}: {ours} / {peer}"] = ratio
            print(f"{workload:12} {ours} / {peer}: {ratio:.2f} (of bests {best:.2f}; aim {aim})")
    return results


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--here", action="store_true", help="use the packages of this Python")
    parser.add_argument("--json", help="write the ratios to this file, too")
    arguments = parser.parse_args()
    python = sys.executable if arguments.here else environment()
    results = report(measure(python, arguments.rounds))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
