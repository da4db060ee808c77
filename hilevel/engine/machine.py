"""The machine on which the process runs."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return the number of cores that the process may use; of all cores on systems that do not tell.

    >>> from hilevel.engine.machine import available_cores
    >>> available_cores() >= 1
    True
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
