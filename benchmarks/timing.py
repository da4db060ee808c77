"""Time a training step of hilevel and of its peers, on nine workloads, in one run on one machine."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import machine
import others
from contenders import CONTENDERS
from report import markdown, write_page
from tqdm import tqdm
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent


class Worker:
    """A process that trains one workload with one contender, an epoch whenever it is asked. Between that it is stopped:
    threads that wait for work, some of them spinning, take nothing from whose turn it is."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.process: Any = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env
        )
        self.first = self._answer()

    def epoch(self) -> float | None:
        """Return the milliseconds of a step, the mean of an epoch; None where the process has died."""
        self._signal("SIGCONT")
        try:
            self.process.stdin.write("epoch\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._signal("SIGCONT")
        self.process.communicate()

    def _answer(self) -> float | None:
        line = self.process.stdout.readline()
        self._signal("SIGSTOP")
        return float(json.loads(line)) if line else None

    def _signal(self, name: str) -> None:
        if hasattr(signal, name) and self.process.poll() is None:
            self.process.send_signal(getattr(signal, name))


def absent(python: str, contender: str) -> list[str]:
    """Return the packages that a contender needs and that are not there."""
    return [name for name in CONTENDERS[contender].needs if not others.installed(python, name)]


def measure(workload: str, start: dict[str, Callable[[], Worker]], rounds: int, bar: Any) -> dict[str, Any]:
    """Return for each contender the seconds to the first step, and the milliseconds of a step in each round.

    Args:
        workload: its name.
        start: the command of each contender's process.
        rounds: epochs of each contender that count.
        bar: shows who is on turn.
    """
    with ExitStack() as stack:
        workers = {}
        for name in start:
            bar.set_postfix_str(f"{workload}: {name} begins")
            workers[name] = stack.enter_context(closing(start[name]()))
            bar.update()
        warmed = {name: w.epoch() for name, w in workers.items() if w.first is not None}
        alive = [name for name, milliseconds in warmed.items() if milliseconds is not None]
        results: dict[str, Any] = {name: {"first": w.first, "ms": []} for name, w in workers.items()}
        for name in alive * rounds:
            bar.set_postfix_str(f"{workload}: {name}")
            milliseconds = workers[name].epoch()
            results[name]["ms"] += [] if milliseconds is None else [milliseconds]
            bar.update()
        return results


def starts(python: str, workload: str, contenders: list[str]) -> dict[str, Callable[[], Worker]]:
    """Return the commands of the processes that train a workload."""
    worker = str(HERE / "worker.py")
    return {
        name: partial(Worker, [python, worker, name, workload], CONTENDERS[name].env) for name in contenders
    }


def arguments() -> argparse.Namespace:
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser("run.py", description=__doc__)
    parser.add_argument("--here", action="store_true", help="use the packages of this Python")
    parser.add_argument("--rounds", type=int, default=9, help="epochs that count, of each contender")
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument(
        "--only", nargs="+", choices=[*WORKLOADS, "others"], default=[*WORKLOADS, "others"], metavar="WORKLOAD",
        help=f"of {', '.join(WORKLOADS)}; others are the measurements beside the step",
    )  # fmt: skip
    parser.add_argument(
        "--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME",
        help=f"of {', '.join(CONTENDERS)}",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="keep the times in this file")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md and its picture")
    return parser.parse_args()


def run(chosen: argparse.Namespace, python: str) -> dict[str, Any]:
    """Measure the given parts, and keep each result as soon as it is there."""
    rounds = 2 if chosen.quick else chosen.rounds
    lacking = {name: absent(python, name) for name in chosen.contenders}
    there = [name for name in chosen.contenders if not lacking[name]]
    plan = {w: [c for c in there if CONTENDERS[c].takes_part(w)] for w in chosen.only if w in WORKLOADS}
    results: dict[str, Any] = {
        "machine": json.loads(subprocess.check_output([python, str(HERE / "machine.py")])),
        "missing": {name: packages for name, packages in lacking.items() if packages},
        "workloads": {},
    }
    results["machine"]["rounds"] = str(rounds)
    turns = sum(map(len, plan.values())) * (rounds + 1)
    turns += others.turns(there, min(rounds, 5)) if "others" in chosen.only else 0
    with tqdm(total=turns, unit="turn") as bar:
        for workload, contenders in plan.items():
            found = measure(workload, starts(python, workload, contenders), rounds, bar)
            results["workloads"][workload] = found
            keep(results, chosen.json)
        if "others" in chosen.only:
            results["others"] = others.measure(python, there, min(rounds, 5), bar)
            keep(results, chosen.json)
    return results


def keep(results: dict[str, Any], file: Path | None) -> None:
    """Write the times to the file, if there is one."""
    if file:
        file.write_text(json.dumps(results, indent=1))


def main() -> None:
    """Run the benchmark, and print its report."""
    chosen = arguments()
    if (load := machine.busy()) and load > 0.5:
        print(f"The machine is busy (load {load}): figures of this run mean little.", file=sys.stderr)
    results = run(chosen, sys.executable)
    print(markdown(results))
    if chosen.docs:
        write_page(results, sys.executable)


if __name__ == "__main__":
    main()
