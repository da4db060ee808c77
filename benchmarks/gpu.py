"""Time a training step on a GPU, and report the fraction of the card's rates that it reaches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cards
import gpu_report
import machine
import others
from contenders import Contender, fitted
from timing import Worker, keep, measure
from tqdm import tqdm
from workloads import WORKLOADS, Workload

SIZES = {  # batch, width, steps of an epoch
    "mlp":            (1024, 4096, 50),
    "cnn":            (1024, 64, 30),
    "lstm_small":     (256, 50, 200),
    "lstm":           (256, 512, 20),
    "lstm_attention": (256, 256, 40),
    "resnet_small":   (256, 64, 20),
    "transformer":    (32, 512, 20),
    "gan_step":       (1024, 1024, 50),
    "deep_narrow":    (1024, 64, 200),
}  # fmt: skip
TINY = (8, 16, 2)  # on the CPU, to see that the programs are right

HERE = Path(__file__).resolve().parent
PACKAGES = (*machine.PACKAGES, "cupy-cuda12x", "cupy-cuda13x")
NO_DEVICE = "No CUDA device was found that torch, cupy or jax can use, so nothing was measured."


def sized(device: str) -> dict[str, Workload]:
    """Return the workloads in the sizes for a device."""
    sizes = dict.fromkeys(SIZES, TINY) if device == "cpu" else SIZES
    return {name: WORKLOADS[name].resized(*size) for name, size in sizes.items()}


def environment(device: str) -> dict[str, str]:
    """Return the environment: true float32 in every library, a shared card, and JAX on the given device only."""
    return {
        "NVIDIA_TF32_OVERRIDE": "0", "CUPY_TF32": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_PLATFORMS": "cpu" if device == "cpu" else "cuda,cpu",
    }  # fmt: skip


def contenders(device: str = "cuda") -> dict[str, Contender]:
    """Return the contenders; the last package that one needs is the library that uses the GPU."""
    found = {
        "hilevel-cupy": fitted("hilevel", "cupy", ("cupy",)),
        "hilevel-jax": fitted("hilevel", "jax", ("jax",)),
        "torch": Contender("peers_torch", ("torch",), {"device": device}),
        "torch-compiled": Contender("peers_torch", ("torch",), {"device": device, "compiled": True}),
    }
    return {name: replace(c, env=c.env | environment(device)) for name, c in found.items()}


def starts(workload: str, names: list[str], device: str) -> dict[str, Callable[[], Worker]]:
    """Return the commands of the processes that train a workload."""
    command = [sys.executable, str(HERE / "gpu_worker.py")]
    return {
        name: partial(Worker, [*command, name, workload, device], contenders(device)[name].env)
        for name in names
    }


def ask(library: str, device: str, *options: str) -> Any:
    """Return the result of `cards.py` in a process of its own; None where it fails."""
    command = [str(HERE / "cards.py"), library, device, *options]
    return others.run(sys.executable, *command, **environment(device))[1]


def usable(device: str) -> dict[str, str]:
    """Return the libraries that can use the device, and their names of it."""
    if device == "cuda" and not cards.cuda_devices():
        return {}
    there = [name for name in cards.LIBRARIES if others.installed(sys.executable, name)]
    if device == "cpu":
        return {name: machine.processor() for name in there if name != "cupy"}
    found = {name: ask(name, device) for name in there}
    return {name: card for name, card in found.items() if card}


def run(chosen: argparse.Namespace, libraries: dict[str, str]) -> dict[str, Any]:
    """Measure the given parts, and keep each result as soon as it is there."""
    device, library = chosen.device, next(iter(libraries))
    needed = {name: contenders(device)[name].needs[-1] for name in chosen.contenders}
    there = [name for name in chosen.contenders if needed[name] in libraries]
    about = machine.describe() | {"versions": machine.versions(PACKAGES), "card": libraries[library]}
    results: dict[str, Any] = {
        "machine": about | {"rounds": str(chosen.rounds)},
        "missing": {name: needed[name] for name in chosen.contenders if name not in there},
        "rates": ask(library, device, "--rates"),
        "sizes": {name: [w.batch, w.width] for name, w in sized(device).items()},
        "workloads": {},
    }
    with tqdm(total=len(chosen.only) * len(there) * (chosen.rounds + 1), unit="turn") as bar:
        for workload in chosen.only:
            found = measure(workload, starts(workload, there, device), chosen.rounds, bar)
            results["workloads"][workload] = found
            keep(results, chosen.json)
    return results


def arguments() -> argparse.Namespace:
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES), metavar="WORKLOAD",
                        help=f"of {', '.join(SIZES)}")  # fmt: skip
    parser.add_argument("--contenders", nargs="+", choices=contenders(), default=list(contenders()),
                        metavar="NAME", help=f"of {', '.join(contenders())}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9, help="epochs that count, of each contender")
    parser.add_argument("--json", type=Path, help="keep the times in this file")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks-gpu.md")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Run the benchmark, and print its report; the status of the process."""
    chosen = arguments()
    libraries = usable(chosen.device)
    if not libraries:
        print(NO_DEVICE, file=sys.stderr)
        return 2
    results = run(chosen, libraries)
    print(gpu_report.markdown(results))
    if chosen.docs and chosen.device == "cuda":
        gpu_report.write_page(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
