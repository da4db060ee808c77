"""The command `hilevel`: quickstart, doctor, run, check."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence

import hilevel
from hilevel import quickstart
from hilevel.compat.check import check
from hilevel.compat.run import run
from hilevel.engine import backends
from hilevel.errors import BackendNotAvailableError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return the exit status."""
    arguments = _parser().parse_args(argv)
    return int(arguments.action(arguments))


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command. Each subcommand has its function in `action`."""
    parser = argparse.ArgumentParser(
        prog="hilevel", description="A Keras-like model API over NumPy, CuPy and JAX."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("quickstart", help="learn handwritten digits")
    start.add_argument("--epochs", type=int, default=30, help="the largest number of epochs (default 30)")
    start.add_argument("--seed", type=int, default=42, help="the seed of all random numbers (default 42)")
    start.add_argument("--backend", help="numpy, jax or cupy; else HILEVEL_BACKEND, else numpy")
    start.set_defaults(action=_quickstart)
    commands.add_parser("doctor", help="show the backends and devices").set_defaults(action=_doctor)
    program = commands.add_parser("run", help="run a program written for Keras or tf.keras")
    program.add_argument("-m", dest="is_module", action="store_true", help="run a module, by its name")
    program.add_argument("--no-tensorflow", action="store_true", help="let import tensorflow fail")
    program.add_argument("target", help="a Python file, a folder with __main__.py, or the name of a module")
    program.add_argument("arguments", nargs=argparse.REMAINDER, help="the arguments of the program")
    program.set_defaults(action=_run)
    checked = commands.add_parser("check", help="list the names of Keras that programs use and hilevel lacks")
    checked.add_argument("paths", nargs="+", metavar="path", help="a Python file or a folder")
    checked.set_defaults(action=_check)
    for command in (program, checked):
        command.add_argument("--private", action="store_true", help="look up names in keras.src, too")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    a = arguments
    return run(a.target, a.arguments, a.private, a.is_module, not a.no_tensorflow)


def _check(arguments: argparse.Namespace) -> int:
    missing = [path for path in arguments.paths if not os.path.exists(path)]
    if missing:
        print(f"There is no file or folder {missing[0]}.", file=sys.stderr)
        return 2
    return check(arguments.paths, arguments.private)


def _quickstart(arguments: argparse.Namespace) -> int:
    if arguments.epochs < 1:
        print(f"--epochs must be at least 1; got {arguments.epochs}.", file=sys.stderr)
        return 2
    try:
        if arguments.backend:
            hilevel.set_backend(arguments.backend)
        backend = hilevel.current_backend()
    except BackendNotAvailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Backend: {backend.name}")
    quickstart.main(arguments.epochs, arguments.seed)
    print(quickstart.NEXT)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
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
