"""Reuse of freed memory in the next step, by settings of glibc."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import NamedTuple

MB = 2**20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h
_configured: dict[int, int] = {}


def keep_freed_memory(kept: int = 256 * MB, largest: int = 32 * MB) -> None:
    """Configure the C library to keep freed memory instead of returning it to the system at once.

    A training step frees arrays whose memory the next step needs again. With glibc's defaults the page faults of
    allocating it anew took a tenth of the time of a step of a small network. The environment variable
    `HILEVEL_KEEP_MEMORY=0` disables this; C libraries other than glibc are not changed. After several calls the largest
    arguments hold.

    Args:
        kept: the maximum number of bytes that the process keeps.
        largest: the size in bytes of the largest allocation that is kept when freed.
    """
    if os.environ.get("HILEVEL_KEEP_MEMORY", "1") == "0":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in ((_MMAP_THRESHOLD, largest), (_TRIM_THRESHOLD, kept)):
        _configured[parameter] = max(value, _configured.get(parameter, 0))
        mallopt(parameter, _configured[parameter])


class MemoryInfo(NamedTuple):
    """The memory of a device in bytes. A value that the system does not tell is None.

    Args:
        used: the memory that this process uses now.
        peak: the most that it has used.
        total: the memory of the device.
    """

    used: int | None
    peak: int | None
    total: int | None


def host_memory() -> MemoryInfo:
    """Return the main memory of this process.

    >>> from hilevel.engine.memory import host_memory
    >>> host_memory()._fields
    ('used', 'peak', 'total')
    """
    try:
        import resource
    except ImportError:
        return MemoryInfo(None, None, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return MemoryInfo(None, peak, total)
    used = pages * os.sysconf("SC_PAGE_SIZE")
    return MemoryInfo(used, max(used, peak), total)


def size_text(n: float) -> str:
    """Return a number of bytes with its unit.

    >>> from hilevel.engine.memory import size_text
    >>> size_text(1536)
    '1.5 KB'
    """
    for unit in ("B", "KB", "MB"):
        if n < 1024:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} GB"
