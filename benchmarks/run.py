"""The benchmark's command: `timing.py`, in an environment with hilevel and the peers, or with `--here` in this one.

It needs nothing but Python itself, so that one command is enough on a new machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def environment() -> str:
    """Return the Python of an environment with hilevel and the peers, made where it is not there."""
    folder = HERE.parent / ".venv-benchmarks"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    made = folder / "made"
    if not made.exists():
        print(f"Making an environment in {folder.name}: this takes some minutes, once.", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
        subprocess.run([*pip, "-e", str(HERE.parent)], check=True)
        made.touch()
    return str(python)


if __name__ == "__main__":
    python = sys.executable if "--here" in sys.argv else environment()
    sys.exit(subprocess.run([python, str(HERE / "timing.py"), *sys.argv[1:]]).returncode)
