"""The time of `import hilevel` against that of `import numpy`: medians of interleaved processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(module: str) -> float:
    """The time a new process takes to import the module and end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measure, and print the ratio of the imports, the start of Python left out."""
    rounds = [tuple(map(seconds, ("sys", "numpy", "hilevel"))) for _ in range(ROUNDS)]
    bare, numpy, hilevel = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"python alone {bare:.3f} s, with numpy {numpy:.3f} s, with hilevel {hilevel:.3f} s")
    print(f"import hilevel / import numpy: {(hilevel - bare) / (numpy - bare):.2f} (aim 2.5)")


if __name__ == "__main__":
    main()
