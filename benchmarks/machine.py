"""The machine of a run, in words; `python benchmarks/machine.py` prints it as JSON."""

from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("hilevel", "numpy", "jax", "jaxlib", "keras", "torch", "autograd")


def processor() -> str:
    """Return the name of the processor, as far as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return found[0] if found and found[0] not in ("", "unknown") else instructions(lines)


def instructions(lines: list[str]) -> str:
    """Return the kind of a processor without a name, and the widest vectors that it supports."""
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    wide = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    return f"{platform.machine()} {wide}".strip()


def versions(packages: tuple[str, ...] = PACKAGES) -> str:
    """Return the versions of Python and of the installed packages."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def busy() -> float | None:
    """Return the load: the mean number of running processes in the last minute; None if it is unknown."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def describe() -> dict[str, str]:
    """Return all facts, by their names in the page."""
    return {
        "cores": str(os.cpu_count()), "cpu": processor(), "system": platform.system(),
        "versions": versions(), "date": time.strftime("%d %B %Y"), "load": str(busy()),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(describe()))
