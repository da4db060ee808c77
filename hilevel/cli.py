"""The command `hilevel`: quickstart, doctor."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence

import hilevel
from hilevel import quickstart
from hilevel.engine import backends
from hilevel.errors import BackendNotAvailableError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="hilevel", description="A Keras-like model API over NumPy, CuPy and JAX."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    quickstart = commands.add_parser("quickstart", help="learn handwritten digits")
    quickstart.add_argument(
        "--epochs", type=int, default=30, help="the largest number of epochs (default 30)"
    )
    quickstart.add_argument(
        "--seed", type=int, default=42, help="the seed of all random numbers (default 42)"
    )
    quickstart.add_argument("--backend", help="numpy, jax or cupy; else HILEVEL_BACKEND, else numpy")
    commands.add_parser("doctor", help="show the backends and devices")
    arguments = parser.parse_args(argv)
    try:
        return _doctor() if arguments.command == "doctor" else _quickstart(arguments)
    except BackendNotAvailableError as error:
        print(error, file=sys.stderr)
        return 1


def _quickstart(arguments: argparse.Namespace) -> int:
    if arguments.epochs < 1:
        print(f"--epochs must be at least 1; got {arguments.epochs}.", file=sys.stderr)
        return 2
    if arguments.backend:
        hilevel.set_backend(arguments.backend)
    print(f"Backend: {hilevel.current_backend().name}")
    quickstart.main(arguments.epochs, arguments.seed)
    print(quickstart.NEXT)
    return 0


def _doctor() -> int:
    """Print versions, backends with their devices, and the default backend with its reason."""
    print(f"hilevel {_version('hilevel')}, Python {platform.python_version()}, {platform.platform()}")
    print(f"numpy {_version('numpy')}, tqdm {_version('tqdm')}\n\nBackends:")
    for name in sorted(backends.entry_points()):
        print(f"  {name:8} {_condition(name)}")
    chosen = os.environ.get("HILEVEL_BACKEND")
    why = f"HILEVEL_BACKEND={chosen}" if chosen else "HILEVEL_BACKEND is not set"
    print(f"\nDefault: {chosen or 'numpy'} ({why})")
    try:
        backends.get_backend(chosen or "numpy")
    except BackendNotAvailableError as error:
        print(f"That does not work: {error}")
        return 1
    return 0


def _condition(name: str) -> str:
    try:
        backend = backends.get_backend(name)
        devices = ", ".join(backend.devices()) or "no device found"
        return f"ok: {backend.requires or name} {backend.version()}, devices {devices}"
    except BackendNotAvailableError:
        return f"not installed: {backends.INSTALL.get(name, f'pip install hilevel-{name}')}"
    except Exception as error:
        return f"installed, but does not work: {type(error).__name__}: {str(error).splitlines()[0]}"


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed as a package)"
