"""A few hundred damaged files of all formats, in a process of their own: `fuzz.py` has many more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_damaged_files_are_refused_or_load_as_they_were() -> None:
    root = HERE.parents[1]
    environment = os.environ | {
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'backends'}",
        "HILEVEL_BACKEND": "numpy",
    }
    command = [sys.executable, "-X", "faulthandler", str(HERE / "fuzz.py"), "40", "100000"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stdout + done.stderr[-2000:]
